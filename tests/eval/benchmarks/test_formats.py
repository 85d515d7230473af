"""Every published layout: what is read from it, in small files of exactly that form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.eval.benchmarks.makers import MAKERS, TEXTS, clef, mkqa, neuclir, neuclir_2023, write
from xret.corpus import corpus_hash
from xret.errors import UsageError
from xret.eval.benchmarks import BENCHMARKS, Benchmark, load_benchmark, load_benchmarks
from xret.eval.benchmarks.load import family_of, protocol_of
from xret.eval.protocols import PROTOCOLS

# name -> options, name of what is loaded, {documents' id: text}, {query: text}, languages, judgements or answers
WANTED: dict[str, tuple[dict[str, Any], str, dict[str, str], dict[str, str], tuple[str, str], object]] = {
    "mrtydi": (
        {}, "mrtydi/sw/test", {f"{i}#0": f"Kichwa {i}\n\n{text}" for i, text in enumerate(TEXTS)},
        {"20": "mto ni nini?", "21": "ndege ni nini?"}, ("sw", "sw"), [("20", "0#0", 1), ("21", "1#0", 1)],
    ),
    "miracl": (
        {"lang": "sw"}, "miracl/sw/dev", {f"{i}#0": f"Kichwa {i}\n{text}" for i, text in enumerate(TEXTS)},
        {"7#1": "mto uko wapi?", "7#2": "paka anafanya nini?"}, ("sw", "sw"),
        [("7#1", "0#0", 1), ("7#1", "1#0", 0), ("7#2", "3#0", 1)],
    ),
    "ciral": (
        {"split": "test-a-pools"}, "ciral/sw/test-a-pools", {f"VOA#{i}#0": f"T {i}\n{t}" for i, t in enumerate(TEXTS)},
        {"3": "Where is the river?", "8": "Who sleeps?"}, ("en", "sw"),
        [("3", "VOA#0#0", 1), ("3", "VOA#1#0", 0), ("8", "VOA#3#0", 1), ("8", "VOA#1#0", 0)],
    ),
    "mmarco": (
        {}, "mmarco/pt/dev.small", {"0": "O rio corre.", "1": "Duas aves.", "2": 'A "casa" de pedra.'},
        {"1048585": "onde corre o rio", "2": "aves"}, ("pt", "pt"), [("1048585", "0", 1), ("2", "1", 1)],
    ),
    "mrobust04": (
        {}, "mrobust04/pt/test", {"FT931-16660": "Correio de Bruxelas.", "LA010189-0001": "Um rio."},
        {"301": "Crime organizado", "302": "Poliomielite"}, ("pt", "pt"),
        [("301", "FT931-16660", 2), ("301", "LA010189-0001", 0), ("302", "LA010189-0001", 1)],
    ),
    "hc4": (
        {}, "hc4/zh/test", {f"zho-{i}": f"题 {i}\n{text}" for i, text in enumerate(TEXTS[:3])},
        {"1": "River 1 Where?", "3": "River 3 Where?"}, ("en", "zh"),  # 5 was judged in Russian only
        [("1", "zho-0", 3), ("1", "zho-1", 0), ("3", "zho-2", 1)],
    ),
    "neuclir": (
        {"lang": "fa", "fields": ("title",), "source": "machine"}, "neuclir/fa/2022",
        {f"fas-{i}": f"题 {i}\n{text}" for i, text in enumerate(TEXTS[:3])},
        {"101": "fas 20220", "102": "fas 20220"}, ("fa", "fa"),
        [("101", "fas-1", 1), ("102", "fas-0", 0), ("102", "fas-2", 3)],
    ),
    "clef03": (
        {"lang": "de", "encoding": "latin-1"}, "clef03/de/2003",
        {"FR940104-000001": "Flüsse & Städte\nÜber german.", "FR940104-0000019": "Häuser\nNichts."},
        {str(n): f"River {n} Where does it flow?" for n in (141, 142, 143)}, ("en", "de"),
        [("141", "FR940104-000001", 1), ("142", "FR940104-0000019", 0), ("141", "FR940104-0000019", 0)],
    ),
    "xor-retrieve": (
        {"lang": "ja"}, "xor-retrieve/ja/dev",
        {"1": 'The "river" rises in the Alps.', "2": "Two birds fly.", "3": "Stone house."},
        {"q1": "川はどこ?"}, ("ja", "en"), {"q1": ["Alps"]},
    ),
    "mkqa": (
        {"lang": "zh_cn"}, "mkqa/zh-CN/test",
        {"doc0": "T\nThe river rises in the Alps.", "doc1": "T\nTwo birds fly.", "doc2": "T\nA stone house."},
        {"11": "zh_cn question 11", "14": "zh_cn question 14"}, ("zh-CN", "en"),
        {"11": ["Alps", "The Alps"], "14": ["two"]},
    ),
    "afriqa": (
        {}, "afriqa/sw/test", {"1": "The river rises in the Alps.", "2": "There are two birds."},
        {"0": "Mto?", "1": "Ndege?"}, ("sw", "en"), {"0": ["Alps"], "1": ["two", "a pair"]},
    ),
    "beir": (
        {"lang": "sw"}, "beir/{}/sw/test", {f"d{i}": f"T{i} {text}" for i, text in enumerate(TEXTS)},
        {"q0": "swali 0", "q1": "swali 1"}, ("sw", "sw"), [("q0", "d0", 2), ("q1", "d3", 1)],
    ),
}  # fmt: skip


def judgements(benchmark: Benchmark) -> list[tuple[object, ...]]:
    assert benchmark.qrels is not None
    return [tuple(row.values()) for row in benchmark.qrels.to_pylist()]


@pytest.mark.parametrize("name", MAKERS)
def test_the_published_layout(name: str, tmp_path: Path) -> None:
    options, title, documents, queries, (asked, searched), right = WANTED[name]
    benchmark = load_benchmark(name, MAKERS[name](tmp_path), **options)
    assert benchmark.name == title.format(tmp_path.name)
    assert benchmark.protocol == protocol_of(name)
    corpus = benchmark.corpus
    assert corpus is not None
    assert dict(zip(corpus["id"].to_pylist(), corpus["text"].to_pylist(), strict=True)) == documents
    assert set(corpus["lang"].to_pylist()) == {searched}
    assert dict(zip(benchmark.queries["id"].to_pylist(), benchmark.queries["text"].to_pylist(), strict=True)) == queries
    assert benchmark.languages == {asked: len(queries)}
    assert (benchmark.answers or judgements(benchmark)) == right
    assert benchmark.hashes["corpus"] == corpus_hash(corpus)  # streamed, and as a table: the same
    assert {"queries", "qrels"} <= benchmark.hashes.keys()


def test_every_retrieval_and_answer_protocol_has_a_loader() -> None:
    scored_from_runs = {each.name for each in PROTOCOLS.values() if each.kind in ("retrieval", "answers")}
    assert scored_from_runs <= BENCHMARKS.keys()
    for name in BENCHMARKS:
        assert name in family_of(name).names or name == "ir-datasets"
        assert protocol_of(name).licence
        assert protocol_of(name).data


def test_several_languages_in_one_folder(tmp_path: Path) -> None:
    MAKERS["miracl"](tmp_path)
    with pytest.raises(UsageError, match=r"has sw, yo; say which with --lang"):
        load_benchmark("miracl", tmp_path)
    found = load_benchmarks("miracl", tmp_path)
    assert [each.name for each in found.values()] == ["miracl/sw/dev", "miracl/yo/dev"]
    hidden = load_benchmark("miracl", tmp_path, lang="swa", split="test-a")  # its judgements were never published
    assert hidden.qrels is None
    assert hidden.hashes.keys() == {"queries", "corpus"}


def test_the_pool_of_all_languages(tmp_path: Path) -> None:
    benchmark = load_benchmark("neuclir-mlir", neuclir(tmp_path / "n"))
    assert benchmark.documents is not None
    assert benchmark.documents.survey.languages == {"fa": 3, "ru": 3, "zh": 3}
    assert len(judgements(benchmark)) == 6
    assert benchmark.queries["text"].to_pylist() == ["River 101 Where?", "River 102 Where?"]
    pool = load_benchmark("clef03-mlir", clef(tmp_path / "c"), encoding="latin-1")
    assert pool.documents is not None
    assert pool.documents.survey.languages == {"de": 2, "en": 2, "es": 2, "fr": 2}


def test_the_years_of_neuclir_are_kept_apart(tmp_path: Path) -> None:
    neuclir_2023(tmp_path)
    assert list(load_benchmarks("neuclir", tmp_path)) == ["fa", "ru", "zh"]
    assert judgements(load_benchmark("neuclir", tmp_path, lang="zh")) == [("101", "zho-0", 3), ("101", "zho-1", 0)]
    later = load_benchmark("neuclir", tmp_path, lang="zh", split="2023")
    assert judgements(later) == [("200", "zho-0", 3), ("201", "zho-1", 1)]
    assert len(judgements(load_benchmark("neuclir-mlir", tmp_path, split="2023"))) == 6


def test_of_two_translations_the_later_is_read(tmp_path: Path) -> None:
    MAKERS["mmarco"](tmp_path)
    first = tmp_path / "data" / "helsinki"
    write(first / "collections" / "portuguese_collection.tsv", "0\tantes\n1\tantes\n")
    write(first / "queries" / "dev" / "portuguese_queries.dev.small.tsv", "1048585\tantes\n2\tantes\n")
    found = load_benchmark("mmarco", tmp_path)
    assert found.documents is not None
    assert (found.documents.survey.rows, found.queries["text"][0].as_py()) == (3, "onde corre o rio")
    other = load_benchmark("mmarco", {"folder": first, "qrels": tmp_path / "qrels.dev.small.tsv"})
    assert other.queries["text"][0].as_py() == "antes"


def test_the_names_of_anserini(tmp_path: Path) -> None:
    write(tmp_path / "topics.mrtydi-v1.1-sw.test.txt.gz", "20\tmto ni nini?\n")
    write(tmp_path / "qrels.mrtydi-v1.1-sw.test.txt", "20 Q0 0#0 1\n")
    found = load_benchmark("mrtydi", tmp_path)
    assert (found.name, found.corpus) == ("mrtydi/sw/test", None)


def test_translations_of_one_question_share_a_topic(tmp_path: Path) -> None:
    queries = load_benchmark("mkqa", mkqa(tmp_path)).queries
    assert queries["id"].to_pylist() == ["11:de", "11:zh_cn", "14:de", "14:zh_cn"]
    assert queries["topic"].to_pylist() == ["11", "11", "14", "14"]
    assert queries["lang"].to_pylist() == ["de", "zh-CN"] * 2


def test_a_folder_may_be_packed_and_the_data_one_language_alone(tmp_path: Path) -> None:
    plain = MAKERS["beir"](tmp_path / "plain")
    packed = tmp_path / "packed"
    (packed / "qrels").mkdir(parents=True)
    for path in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        with pa.CompressedOutputStream(str(packed / f"{path}.zst"), "zstd") as stream:
            stream.write((plain / path).read_bytes())
    assert load_benchmark("beir", packed).hashes == load_benchmark("beir", plain).hashes
    inside = MAKERS["mrtydi"](tmp_path / "m") / "mrtydi-v1.1-swahili"
    assert load_benchmark("mrtydi", inside).name == "mrtydi/sw/test"


def test_documents_are_streamed_in_batches(tmp_path: Path) -> None:
    lines = "".join(f"{i}\tpassage {i}{' x' * 200}\n" for i in range(30_000))
    MAKERS["mmarco"](tmp_path)
    (tmp_path / "data/google/collections/portuguese_collection.tsv").write_text(lines)
    benchmark = load_benchmark("mmarco", tmp_path)
    sizes = [batch.num_rows for batch in benchmark.batches()]
    assert sum(sizes) == 30_000
    assert max(sizes) <= 8192
    assert benchmark.documents is not None
    assert benchmark.documents.survey.rows == 30_000
