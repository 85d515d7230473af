"""Translation probabilities from parallel texts, and queries translated with them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from xret.errors import InputError, MismatchError
from xret.indexes.kinds import verbs
from xret.indexes.lexical.build import build_index
from xret.indexes.lexical.lexicons import Translated, estimate_lexicon, open_lexicon, write_lexicon
from xret.indexes.lexical.lexicons.model1 import Texts, chosen_pairs, translations
from xret.indexes.lexical.opened import open_index
from xret.indexes.lexical.search import search_index

GERMAN = ["haus", "fluss", "wald", "boot", "stern", "buch", "brot", "salz"]
SWAHILI = ["nyumba", "mto", "msitu", "mashua", "nyota", "kitabu", "mkate", "chumvi"]
ENGLISH = ["house", "river", "wood", "boat", "star", "book", "bread", "salt"]


def bitext(one: list[str], other: list[str], pairs: int, *, seed: int) -> pa.Table:
    """Sentences of random words, and the same words in the other language and another order."""
    random = np.random.default_rng(seed)
    rows = [random.choice(len(one), int(random.integers(2, 6)), replace=False) for _ in range(pairs)]
    return pa.table(
        {
            "src_text": [" ".join(one[word] for word in row) for row in rows],
            "tgt_text": [" ".join(other[word] for word in random.permutation(row)) for row in rows],
        }
    )


def texts_of(sentences: list[str]) -> Texts:
    numbers: dict[str, int] = {}
    found = [[numbers.setdefault(word, len(numbers)) for word in sentence.split()] for sentence in sentences]
    return Texts(list(numbers), np.concatenate(found).astype(np.int64), np.array([len(row) for row in found]))


def model1_by_hand(source: list[str], target: list[str], rounds: int) -> dict[tuple[str, str], float]:
    """The textbook's loops, over words, with the word that is none as ``""``."""
    table: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    for _ in range(rounds):
        counts: dict[tuple[str, str], float] = defaultdict(float)
        for one, other in zip(source, target, strict=True):
            for word in other.split():
                made = [*one.split(), ""]
                total = sum(table[each, word] for each in made)
                for each in made:
                    counts[each, word] += table[each, word] / total
        totals: dict[str, float] = defaultdict(float)
        for (each, _), count in counts.items():
            totals[each] += count
        table = defaultdict(float, {key: count / totals[key[0]] for key, count in counts.items()})
    return {key: value for key, value in table.items() if key[0]}


def test_model_1_is_that_of_the_loops() -> None:
    random = np.random.default_rng(0)
    words = list("abcdefgh")
    source = [" ".join(random.choice(words, int(random.integers(1, 6)))) for _ in range(40)]  # repeated words too
    target = [" ".join(random.choice(words, int(random.integers(1, 6)))) for _ in range(40)]
    one, other = texts_of(source), texts_of(target)
    found = translations(one, other, rounds=4)
    got = {
        (one.terms[s], other.terms[t]): p
        for s, t, p in zip(found.source.tolist(), found.target.tolist(), found.probability.tolist(), strict=True)
    }
    assert got == pytest.approx(model1_by_hand(source, target, 4), rel=1e-9)


def test_pairs_are_chosen_within_the_room_there_is() -> None:
    texts = texts_of(["a b c"] * 50 + ["a " * 70] * 3)
    rows = chosen_pairs(texts, texts, links=120)
    assert len(rows) == 10  # of 4 x 3 links
    assert (np.diff(rows) > 0).all()
    assert rows.max() < 50  # the long ones are left out
    assert np.array_equal(rows, chosen_pairs(texts, texts, links=120))


def test_a_dictionary_comes_out_of_sentences_both_ways(tmp_path: Path) -> None:
    table = estimate_lexicon(bitext(GERMAN, SWAHILI, 400, seed=0), ("de", "swh"))
    assert table.equals(estimate_lexicon(bitext(GERMAN, SWAHILI, 400, seed=0), ("de", "sw")))
    write_lexicon(tmp_path / "a.parquet", table)
    write_lexicon(tmp_path / "b.parquet", table)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    lexicon = open_lexicon(tmp_path / "a.parquet")
    for one, other in zip(GERMAN, SWAHILI, strict=True):
        for term, source, target, wanted in ((one, "de", "sw", other), (other, "sw", "de", one)):
            found = lexicon.translate(term, source, target)
            assert found[0][0] == wanted and found[0][1] > 0.9
            assert sum(p for _, p in found) == pytest.approx(1, abs=1e-6)
    assert lexicon.translate("haus", "de", "fr") == lexicon.translate("unbekannt", "de", "sw") == ()
    assert lexicon.analyzers == {"de": "stem:german", "sw": "words"}


def test_a_translated_query_scores_as_by_hand(tmp_path: Path) -> None:
    corpus = pa.table(
        {
            "id": ["1", "2", "3", "4"],
            "text": ["nyumba nyumba kubwa", "mto na jumba", "kitabu", "Python nyumba mto"],
            "lang": ["sw"] * 4,
        }
    )
    build_index(tmp_path / "i", corpus)
    rows = [("haus", "nyumba", 0.75), ("haus", "jumba", 0.25), ("fluss", "mto", 1.0)]
    table = pa.table(
        {
            "src_lang": ["de"] * 3,
            "tgt_lang": ["sw"] * 3,
            "src": [row[0] for row in sorted(rows)],
            "tgt": [row[1] for row in sorted(rows, key=lambda row: (row[0], -row[2]))],
            "probability": pa.array([row[2] for row in sorted(rows, key=lambda row: (row[0], -row[2]))], pa.float32()),
        }
    )
    made = estimate_lexicon(bitext(GERMAN, SWAHILI, 50, seed=0), ("de", "sw"))
    write_lexicon(tmp_path / "l.parquet", table.replace_schema_metadata(made.schema.metadata))
    queries = pa.table({"id": ["q"], "text": ["Häuser am Fluss, Python"], "lang": ["de"]})
    index = verbs("lexical").open_index(tmp_path / "i")
    run = verbs("lexical").search(index, queries, k=9, lexicon=tmp_path / "l.parquet")
    bags = [Counter(text.lower().split()) for text in corpus["text"].to_pylist()]
    mean = sum(sum(bag.values()) for bag in bags) / 4
    wanted: dict[str, float] = {}
    for alternatives in (
        {"nyumba": 0.6, "jumba": 0.2},
        {"mto": 0.8},
        {"python": 1.0},
    ):  # a fifth is for the word as it is
        df = sum(p * sum(term in bag for bag in bags) for term, p in alternatives.items())
        idf = math.log(1 + (4 - df + 0.5) / (df + 0.5))
        for id, bag in zip("1234", bags, strict=True):
            tf = sum(p * bag[term] for term, p in alternatives.items())
            score = idf * tf / (tf + 0.9 * (0.6 + 0.4 * sum(bag.values()) / mean))
            wanted[id] = wanted.get(id, 0.0) + score
    got = dict(zip(run["docid"].to_pylist(), run["score"].to_pylist(), strict=True))
    assert got == pytest.approx({id: score for id, score in wanted.items() if score}, rel=1e-6)


def test_languages_without_a_direct_way_are_bridged_and_n_grams_take_part(tmp_path: Path) -> None:
    for other, words, seed in (("de", GERMAN, 1), ("sl", SWAHILI, 2)):  # as if these were Slovene words
        table = estimate_lexicon(bitext(ENGLISH, words, 300, seed=seed), ("en", other))
        write_lexicon(tmp_path / f"{other}.parquet", table)
    corpus = pa.table({"id": SWAHILI, "text": SWAHILI, "lang": ["sl"] * len(SWAHILI)})
    build_index(tmp_path / "i", corpus)
    lexicon = open_lexicon([tmp_path / "de.parquet", tmp_path / "sl.parquet"])
    index = open_index(tmp_path / "i")
    assert index.manifest.analyzers == {"sl": "grams:4"}
    queries = pa.table({"id": GERMAN, "text": GERMAN, "lang": ["de"] * len(GERMAN)})
    run = search_index(index, queries, k=1, reader=Translated(index, lexicon))
    assert dict(zip(run["qid"].to_pylist(), run["docid"].to_pylist(), strict=True)) == dict(
        zip(GERMAN, SWAHILI, strict=True)
    )
    astray = Translated(index, lexicon, pivots=("fr",))
    assert search_index(index, queries, k=1, reader=astray).num_rows < len(GERMAN)


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    pairs = bitext(GERMAN, SWAHILI, 30, seed=0)
    with pytest.raises(InputError, match="both in 'de'"):
        estimate_lexicon(pairs, ("de", "de-AT"))
    with pytest.raises(InputError, match="no analyzer for texts of unknown language"):
        estimate_lexicon(pairs, ("de", "und"))
    with pytest.raises(InputError, match="no pair of 1 has words on both sides"):
        estimate_lexicon(pa.table({"src_text": ["…"], "tgt_text": ["!"]}), ("de", "sw"))
    path = tmp_path / "l.parquet"
    with pytest.raises(InputError, match="no such file; wanted a lexicon"):
        open_lexicon(path)
    pyarrow.parquet.write_table(pairs, path)
    with pytest.raises(InputError, match="is not a lexicon"):
        open_lexicon(path)
    write_lexicon(path, estimate_lexicon(pairs, ("de", "sw")))
    with pytest.raises(MismatchError, match="translates de to sw, as another lexicon does"):
        open_lexicon([path, path])
    corpus = pa.table({"id": ["1"], "text": ["haus"], "lang": ["de"]})
    build_index(tmp_path / "i", corpus, analyzers={"de": "words"})
    with pytest.raises(MismatchError, match="analyses language 'de' with words, the lexicon with stem:german"):
        Translated(open_index(tmp_path / "i"), open_lexicon(path))
