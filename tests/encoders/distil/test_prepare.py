"""What goes into training: cleaning, caps, held-out pairs, tokeniser, sampling, options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xret.encoders.distil.batches import TrainingData, draw_batch
from xret.encoders.distil.config import DistilConfig, read_config
from xret.encoders.distil.pairs import cap_cells, clean_pairs, load_pairs, split_dev
from xret.encoders.distil.sampling import PairSampler
from xret.encoders.distil.tokeniser import count_words, fit_tokeniser
from xret.encoders.distil.tokens import Tokens
from xret.errors import CorpusError, InputError, UsageError


def table(rows: list[tuple[str, str, str, str]]) -> pa.Table:
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(("en", "text", "lang", "source"))})


@pytest.mark.parametrize(
    ("en", "text", "wanted"),
    [
        ("_File %s was saved", "Datei %s _wurde gespeichert", ("File was saved", "Datei wurde gespeichert")),
        ("Open", "開く(_O)", ("Open", "開く")),
        ("Up^grade now", "Jetzt aktualisieren", ("Upgrade now", "Jetzt aktualisieren")),
        ("finger", "sormi 2", ("finger", "sormi")),
        ("Chapter 2", "Luku 2", ("Chapter 2", "Luku 2")),
        ("100% sure", "hundertprozentig sicher", ("100% sure", "hundertprozentig sicher")),
        ("<b>Bold</b> text", "Texto en <b>negrita</b>", ("Bold text", "Texto en negrita")),
        ("dog", "Hund <masc", ("dog", "Hund")),
        ("Toolbar", "toolbar", None),
        ("123 - 456", "eins bis zwei", None),
        ("Yes", "Dies ist ein sehr langer Satz, der kaum die Übersetzung sein kann", None),
    ],
)
def test_cleaning(en: str, text: str, wanted: tuple[str, str] | None) -> None:
    cleaned = clean_pairs(table([(en, text, "de", "s")])).to_pylist()
    assert [(row["en"], row["text"]) for row in cleaned] == ([wanted] if wanted else [])


def test_repeated_pairs_are_dropped_and_caps_keep_the_common_words() -> None:
    rows = [("water", "Wasser", "de", "dict"), ("water", "Wasser", "de", "dict"), ("water", "eau", "fr", "dict")]
    rows += [(f"rarity{i}", f"Rarität{i}", "de", "dict") for i in range(20)]
    cleaned = clean_pairs(table(rows))
    assert cleaned.num_rows == 22
    capped = cap_cells(cleaned, {"dict": 5}, seed=3)
    german = [row for row in capped.to_pylist() if row["lang"] == "de"]
    assert len(german) == 5 and "water" in {row["en"] for row in german}
    assert cap_cells(cleaned, {"dict": 5}, seed=3).equals(capped)


def test_no_dev_english_is_left_in_training() -> None:
    rows = [
        (f"this is sentence number n{i % 50} of all", f"{lang} satz {i % 50} von allen", lang, "s")
        for lang in ("de", "fr")
        for i in range(100)
    ]
    train, dev = split_dev(table(rows), per_language=3, languages=["de", "fr"], seed=0)
    assert dev.num_rows == 6
    assert not set(train["en"].to_pylist()) & set(dev["en"].to_pylist())


def test_tokeniser_keeps_common_words_whole_and_marks_every_word(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    words = ["không", "biết", "nói", "gì", "đường", "trường", "phường", "giường", "thương"]
    rng = np.random.default_rng(0)
    rows = [("hello world", " ".join(rng.choice(words, 6)) + f" (n{i}).", "vi", "s") for i in range(300)]
    rows += [("we go", f"我们去北京{i}。", "zh", "s") for i in range(100)]
    target = tmp_path / "tokenizer.json"
    fit_tokeniser(table(rows), target, vocab_size=300, chars_per_language=100_000, languages=["vi", "zh"], seed=1)
    tokenizer = Tokenizer.from_file(str(target))
    assert tokenizer.get_vocab_size() <= 300
    assert tokenizer.encode("KHÔNG (biết), nói!").tokens[:3] == ["▁không", "▁(", "▁biết"]
    pieces = tokenizer.encode("我们去北京。 không").tokens
    assert "▁" not in pieces and pieces[0][0] != "▁" and pieces[-1] == "▁không"
    assert tokenizer.encode("ﷺ☃").ids.count(1) >= 1  # never seen: unknown, no crash


def test_count_words_folds_marks_writers_leave_out() -> None:
    counts = count_words([["İstanbul KİTAP", "كِتَاب", "istanbul"]])
    assert counts["▁istanbul"] == 2 and counts["▁kitap"] == 1 and counts["▁کتاب"] == 1


def test_sampler_balances_and_depends_on_seed_and_step_alone() -> None:
    rows = [("e", "t", "de", "big")] * 9000 + [("e", "t", "fr", "big")] * 900 + [("e", "t", "xx", "small")] * 100
    pairs = table(rows)

    def sampler(power: float) -> PairSampler:
        return PairSampler(
            pairs,
            languages=["de", "fr"],
            weights={},
            language_power=power,
            others_share=0.2,
            one_source_share=0.0,
            seed=5,
        )

    langs = np.asarray(pairs["lang"])[sampler(0.0).batch(0, 20_000)]
    assert np.mean(langs == "xx") == pytest.approx(0.2, abs=0.02)
    assert np.mean(langs == "de") == pytest.approx(np.mean(langs == "fr"), abs=0.02)
    assert (sampler(0.5).batch(7, 100) == sampler(0.5).batch(7, 100)).all()
    assert (sampler(0.5).batch(7, 100) != sampler(0.5).batch(8, 100)).any()
    with pytest.raises(CorpusError, match="none in sw"):
        PairSampler(pairs, languages=["sw"], weights={}, language_power=0, others_share=0, one_source_share=0, seed=1)


def test_one_source_batches_hold_one_source() -> None:
    pairs = table([("e", "t", "de", f"s{i % 3}") for i in range(300)])
    sampler = PairSampler(
        pairs, languages=[], weights={}, language_power=1, others_share=0, one_source_share=1.0, seed=1
    )
    sources = np.asarray(pairs["source"])
    seen = {tuple(sorted(set(sources[sampler.batch(step, 64)]))) for step in range(30)}
    assert seen == {("s0",), ("s1",), ("s2",)}


def test_document_batches_are_runs_of_lines_and_know_which_are_no_negatives() -> None:
    lines = 60
    numbers = np.arange(2 * lines)
    tokens = Tokens((numbers % lines).astype(np.int32), np.append(numbers, 2 * lines))  # text i is the one token i
    english = Tokens(np.arange(1000, 1000 + lines, dtype=np.int32), np.arange(lines + 1))
    rows = [(f"line {i}", f"{lang} {i}", lang, "manual") for lang in ("de", "fr") for i in range(lines)]
    sampler = PairSampler(
        table(rows), languages=[], weights={}, language_power=1, others_share=0, one_source_share=0, seed=1
    )
    data = TrainingData(tokens, english, numbers % lines, np.zeros((lines, 4)), sampler, tokens, english, [], numbers)
    config = DistilConfig(document_share=1.0, document_sources=("manual",), document_rows=6, batch_size=64)
    for step in range(20):
        batch = draw_batch(data, replace(config, token_dropout=0.0), step)
        assert batch.english is not None
        count = len(batch.english)
        assert not batch.translations and len(batch.lengths) == 2 * count and (batch.lengths[count:] == 1).all()
        texts = np.split(batch.ids % 1000, np.cumsum(batch.lengths)[:-1])
        for i, document in enumerate(texts[:count]):
            assert (np.diff(document) == 1).all() and 3 <= len(document) <= 6  # consecutive lines of one language
            assert texts[count + i][0] == batch.english[i] and batch.english[i] in document
            wanted = [j != i and batch.english[j] in document for j in range(count)]
            assert batch.same[i].tolist() == wanted
        assert (batch.ids[: batch.lengths[0]] >= 1000).any() != (batch.ids[-1] >= 1000)  # sides differ
    with pytest.raises(CorpusError, match="document_sources"):
        draw_batch(data, replace(config, document_sources=("novel",)), 0)


def test_gather_cuts_and_keeps_order() -> None:
    tokens = Tokens(np.asarray([1, 2, 3, 4, 5, 6], np.int32), np.asarray([0, 3, 3, 6]))
    ids, lengths = tokens.gather(np.asarray([2, 1, 0]), limit=2)
    assert ids.tolist() == [4, 5, 1, 2] and lengths.tolist() == [2, 0, 2]


def test_options_are_checked(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('steps = 5\nlanguages = ["de"]\n[caps]\ndict = 9\n')
    config = read_config(recipe, {"steps": 7, "seed": None})
    assert (config.steps, config.languages, config.caps, config.seed) == (7, ("de",), {"dict": 9}, 1)
    recipe.write_text("stepps = 5\n")
    with pytest.raises(UsageError, match="unknown option 'stepps'"):
        read_config(recipe, {})
    recipe.write_text('steps = "five"\n')
    with pytest.raises(UsageError, match="steps = 'five'"):
        read_config(recipe, {})
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_config(tmp_path / "none.toml", {})


def test_bad_pair_files(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        load_pairs([tmp_path / "none.parquet"])
    pq.write_table(pa.table({"en": ["a"], "text": ["b"]}), tmp_path / "two.parquet")
    with pytest.raises(CorpusError, match="no lang"):
        load_pairs([tmp_path / "two.parquet"])
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "two.parquet").read_bytes()[:-40])
    with pytest.raises(CorpusError, match="cannot be read as pairs"):
        load_pairs([tmp_path / "cut.parquet"])
    (tmp_path / "some.tsv").write_text('say "hi" now\tsag "hallo" jetzt\tde\n', encoding="utf-8")
    (tmp_path / "head.tsv").write_text("en\ttext\tlang\nhi\thallo\tde\n", encoding="utf-8")
    assert load_pairs([tmp_path / "head.tsv"])["en"].to_pylist() == ["hi"]
    assert load_pairs([tmp_path / "some.tsv"]).to_pylist() == [
        {"en": 'say "hi" now', "text": 'sag "hallo" jetzt', "lang": "de", "source": "some"}
    ]
