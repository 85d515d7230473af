"""Texts of all scripts: direction, language, marks in the right place, and nothing but text."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.serving.page.documents import DOCUMENTS

if TYPE_CHECKING:
    from tests.serving.page.conftest import Open

MARKS = """([text, matches]) => import('/static/text.js').then(({marksOf}) =>
  marksOf(text, matches).map(({start, end}) => text.slice(start, end)))"""
WORDS = """([text, query]) => import('/static/text.js').then(({wordMarks}) =>
  wordMarks(text, query, '').map(({start, end}) => text.slice(start, end)))"""
DIRECTION = "([lang, text]) => import('/static/tongues.js').then(({direction}) => direction(lang, text))"
# Each is one grapheme cluster, and none joins with its neighbour.
CLUSTERS = [
    *("a", "é", "e\u0301", "o\u0302\u0323", "𝔣", "🌊", "👩\u200d👩\u200d👧\u200d👦", "🇫🇷", "👍🏽", "की", "क्षि", "ที่"),
    *("ש\u05c1", "ب\u0651\u064e", "한", "\u1112\u1161\u11ab", "漢", "𠮷", " ", "\n"),
]


def test_every_text_has_its_language_and_direction(visit: Open) -> None:
    page = visit("?q=flood")
    for document in DOCUMENTS[:10]:
        direction = "rtl" if document.lang in {"ar", "fa", "he"} else "ltr"
        hit = page.locator(f'.hit[data-id="{document.id}"]')
        for part in [hit.locator(".text"), *([hit.locator(".title")] if document.title else [])]:
            assert part.get_attribute("lang") == document.lang.replace("und", "")
            # The Arabic ones begin with a Latin word.
            assert part.evaluate("e => getComputedStyle(e).direction") == direction


def test_the_language_decides_how_mixed_texts_run(visit: Open) -> None:
    page = visit()
    for lang, text, direction in (
        ("en", "שלום means peace", "ltr"),
        ("he", "GPU של NVIDIA", "rtl"),
        ("ar", "Latin letters alone", "auto"),
        ("en", "שלום", "auto"),
        ("en", "1, 2, 3", "auto"),
        ("az-Arab", "2024 ایل", "rtl"),
        ("und", "שלום means peace", "auto"),
        ("x-odd", "text", "auto"),
    ):
        assert page.evaluate(DIRECTION, [lang, text]) == direction, (lang, text)


def test_marks_stand_where_the_api_says(visit: Open) -> None:
    page = visit("?q=flood")
    for document in DOCUMENTS[:10]:
        wanted = [phrase for phrase, _ in sorted(document.phrases, key=lambda one: document.text.index(one[0]))]
        if document.id == "odd-und":
            wanted[wanted.index("cafe")] = "cafe\u0301"  # a mark does not part a letter from its accent
        assert page.locator(f'.hit[data-id="{document.id}"] mark').all_text_contents() == wanted, document.id
    levels = page.locator('.hit[data-id="flood-de"] mark').evaluate_all("marks => marks.map(mark => mark.className)")
    assert levels == ["level-4", "level-1", "level-3"]
    assert page.locator('.hit[data-id="odd-und"] .text').get_attribute("lang") == ""


def test_offsets_are_code_points_whatever_the_letters(visit: Open) -> None:
    page = visit()
    draw = random.Random(7)
    for _ in range(60):
        parts = draw.choices(CLUSTERS, k=draw.randint(1, 30))
        borders = [0]
        for part in parts:
            borders.append(borders[-1] + len(part))
        text = "".join(parts)
        cuts = sorted(draw.sample(range(len(parts) + 1), k=min(len(parts) + 1, 4)))
        pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
        matches = [(borders[a], borders[b], 0.9) for a, b in pairs]
        assert page.evaluate(MARKS, [text, matches]) == [text[start:end] for start, end, _ in matches], text


def test_bad_matches_are_left_out_and_overlaps_cut(visit: Open) -> None:
    page = visit()
    bad = [[-1, 2, 0.5], [3, 3, 0.5], [4, 2, 0.5], [0, 1, 0], [9, 99, 0.5], [1, 3, 0.5], [2, 5, 0.5]]
    assert page.evaluate(MARKS, ["0123456789", bad]) == ["12", "34", "9"]
    assert page.evaluate(MARKS, ["", [[0, 1, 1]]]) == []


def test_words_of_the_query_are_marked_where_nothing_else_is_known(visit: Open) -> None:
    page = visit()
    for text, query, marked in [
        ("The Flood of a town; floods.", "a flood of", ["Flood"]),  # whole words, not those of one or two letters
        ("CAFE\u0301 and cafe", "café", ["CAFE\u0301", "cafe"]),
        ("洪水の後は水を止める", "洪水", ["洪水"]),
        ("а и б", "и", ["и"]),  # unless there are no others
        ("nothing here", "<b>", []),
    ]:
        assert page.evaluate(WORDS, [text, query]) == marked


def test_hostile_texts_stay_texts(visit: Open) -> None:
    query = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    page = visit(expect=("TrustedHTML",))
    page.fill("#query", query)
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    page.click(".more")
    hit = page.locator('.hit[data-id="hostile"]')
    document = next(document for document in DOCUMENTS if document.id == "hostile")
    assert hit.locator(".title").text_content() == document.title
    assert hit.locator(".text").text_content() == document.text
    assert hit.locator("mark").all_text_contents() == ["<b>bold?</b>"]
    assert page.locator("#results script, #results img, #results b").count() == 0
    assert page.title() == f"{query} – xret search"
    page.fill("#query", "nothing " + query)
    page.keyboard.press("Enter")
    page.wait_for_selector(".list .plain")
    assert query in (page.locator(".list .plain").text_content() or "")
    # The policy holds even where the page's own code would slip.
    refused = page.evaluate("() => { try { document.body.innerHTML = '<i>'; return false } catch { return true } }")
    assert refused
