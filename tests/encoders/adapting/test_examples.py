"""What maps are fitted to and measured on."""

from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.encoders.adapting.conftest import Pairs, sentences
from xret.encoders.adapting.examples import Sources, read_examples
from xret.errors import CorpusError, InputError, UsageError, XretError


def test_no_english_sentence_is_on_both_sides_and_the_split_is_the_same_each_time(pairs: Pairs) -> None:
    fit, held = read_examples(Sources(pairs=[pairs()], held_out=5))
    assert len(held.texts) == 10 and not set(fit.anchors) & set(held.anchors)
    assert len(fit.anchors) == len(set(fit.anchors)) and set(fit.anchor_langs) == {"en"}
    for examples in (fit, held):
        for text, place in zip(examples.texts, examples.anchor_of, strict=True):
            assert text.split()[:5] == examples.anchors[place].split()[::-1]
    assert read_examples(Sources(pairs=[pairs()], held_out=5)) == (fit, held)
    assert read_examples(Sources(pairs=[pairs()], held_out=5, seed=2))[1] != held


def test_dev_pairs_limits_and_languages(pairs: Pairs, tmp_path: Path) -> None:
    dev = pairs("dev.tsv", count=20)
    fit, held = read_examples(Sources(pairs=[pairs()], dev=[dev], languages=["deu"], limit=30))
    assert set(fit.langs) == set(held.langs) == {"de"} and (len(fit.texts), len(held.texts)) == (30, 20)
    assert not set(fit.anchors) & set(held.anchors)
    (tmp_path / "news.fr.txt").write_text("\n".join(sentences(40, 7)) + "\n")
    fit, held = read_examples(Sources(texts=[tmp_path / "news.fr.txt"], dev=[dev]))
    assert set(fit.anchor_langs) == {"fr"} and fit.texts == []
    assert read_examples(Sources(texts=[tmp_path / "news.fr.txt"]), alone=True)[1].langs == ["fr"] * 2


def test_pairs_without_a_side(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def sources(en: list[str | None], text: list[str | None]) -> Sources:
        table = {"en": pa.array(en, pa.string()), "text": pa.array(text, pa.string()), "lang": ["de"] * len(en)}
        pq.write_table(pa.table(table), tmp_path / "pairs.parquet")
        return Sources(pairs=[tmp_path / "pairs.parquet"])

    some = sentences(60)
    with pytest.raises(CorpusError, match="'text', the student's side, is empty"):
        read_examples(sources([*some], [" "] * len(some)))
    with pytest.raises(CorpusError, match="no pair has both sides"):
        read_examples(sources(["a", ""], ["", "b"]))
    with caplog.at_level(logging.WARNING, "xret"):
        fit, held = read_examples(sources([*some, "only this"], [*some, " "]))
    assert "1 of" in caplog.text and len(fit.texts) + len(held.texts) == len(some)


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("", {}, CorpusError, "bad.tsv"),
        ("a b c d\te f\txx-notacode-1\n", {}, InputError, "lang 'xx-notacode-1' is no language"),
        ("a b c d\te f\tde\n", {"languages": ["fr"]}, InputError, "no text in 'fr'"),
        ("a b c d\te f\tde\n", {"languages": ["q q"]}, InputError, "'q q' is not a known"),
        ("a b c d\te f\tde\n", {}, InputError, "1 texts are too few to hold some out"),
        ("a b c d\te f\n", {}, CorpusError, "no lang"),
    ],
)
def test_bad_files(
    tmp_path: Path, content: str, options: dict[str, list[str]], error: type[XretError], message: str
) -> None:
    (tmp_path / "bad.tsv").write_text(content)
    with pytest.raises(error, match=message) as raised:
        read_examples(Sources(pairs=[tmp_path / "bad.tsv"], **options))  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_nothing_to_fit_to_or_to_measure_on(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give --pairs"):
        read_examples(Sources())
    with pytest.raises(UsageError, match="give pairs to measure it on"):
        read_examples(Sources(texts=[tmp_path / "none.de.txt"]))
    with pytest.raises(InputError, match=r"none.de.txt"):
        read_examples(Sources(texts=[tmp_path / "none.de.txt"]), alone=True)
