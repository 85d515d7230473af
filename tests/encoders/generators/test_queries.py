"""Prompts, and queries for a whole corpus: complete, the same again, and after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.encoders.generators.conftest import seq2seq
from xret.encoders.generators import Generator, Sampling, load_generator
from xret.encoders.generators.corpus import Generated, Plan, generate_queries
from xret.encoders.generators.prompts import XQG_PROMPT, Asked, Prompt, parse_languages
from xret.errors import InputError, MismatchError, UsageError, XretError
from xret.stages.generate import Generate

pytestmark = pytest.mark.usefixtures("quiet")
CORPUS = pa.table(
    {
        "id": ["a", "b", "c", "d", "e"],
        "text": ["the river runs", "old house", "a bird sees a stone", "new", "green and blue"],
        "lang": ["en", "de", "zh-Hant", "und", "en"],
        "title": ["water", None, "birds", "", "colours"],
    }
)
TO = parse_languages(["de", "zh", "ja=Nihongo"])


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    seq2seq(tmp_path / "model", "umt5", spread=0.2)
    return load_generator(tmp_path / "model", device="cpu", threads=1)


def test_the_prompt_of_the_xqg_checkpoints() -> None:
    asked = Prompt(XQG_PROMPT, TO).ask(CORPUS.slice(0, 3).to_pylist())
    assert [(each.docid, each.lang) for each in asked] == [
        ("a", "de"), ("a", "zh"), ("a", "ja"), ("b", "zh"), ("b", "ja"), ("c", "de"), ("c", "ja"),
    ]  # fmt: skip
    assert asked[0].text == "Generate a German question for this passage: water the river runs"
    assert asked[2].text == "Generate a Nihongo question for this passage: water the river runs"
    assert asked[3].text == "Generate a Chinese question for this passage: old house"  # no title, no second blank
    assert len(Prompt(XQG_PROMPT, TO, own=True).ask(CORPUS.to_pylist())) == 15


def test_prompts_without_a_language() -> None:
    rows = CORPUS.slice(1, 2).to_pylist()
    assert Prompt("{text}").ask(rows) == [Asked("b", "de", "old house"), Asked("c", "zh-Hant", "a bird sees a stone")]
    only = Prompt("ask {{}}: {text}", parse_languages(["de"])).ask(rows)
    assert [(each.lang, each.text) for each in only] == [
        ("de", "ask {}: old house"),
        ("de", "ask {}: a bird sees a stone"),
    ]
    assert Prompt("<{lang}> {text}", parse_languages(["zho-Hant"])).ask(rows)[0].text == "<zh-Hant> old house"
    braces = [{"id": "x", "text": "{title} {0}", "lang": None}]
    assert Prompt("{text}").ask(braces) == [Asked("x", "und", "{title} {0}")]  # a passage is no template


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Prompt("Ask about {txt}", TO), UsageError, r"no field '\{txt\}'; did you mean 'text'"),
        (lambda: Prompt("{text.__class__}"), UsageError, "no field"),
        (lambda: Prompt("{text!r}"), UsageError, r"'\{text!r\}' asks for a format; write \{text\}"),
        (lambda: Prompt("{}{text}"), UsageError, "no field"),
        (lambda: Prompt("{text"), UsageError, "write {{ for a brace"),
        (lambda: Prompt("Ask a {language} question", TO), UsageError, "has no {text}"),
        (lambda: Prompt(XQG_PROMPT), UsageError, "names a language; say which"),
        (lambda: Prompt("{text}", TO), UsageError, "3 languages cannot be asked for"),
        (lambda: parse_languages(["de", "deu"]), UsageError, "'de' is asked for twice"),
        (lambda: parse_languages(["tlh"]), UsageError, "give it, as in tlh=Name"),
        (lambda: parse_languages(["german"]), InputError, "'german' is not a known language"),
        (lambda: Plan(prompt=Prompt("{text}"), samples=0), UsageError, "samples is 0"),
        (lambda: Plan(prompt=Prompt("{text}"), sampling=None), UsageError, "is the same query"),
        (lambda: Generate(model="m", to=("de",), top_k=0), UsageError, "top_k is 0"),
    ],
)
def test_what_cannot_be_asked(call: Any, kind: type[XretError], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_queries_are_those_that_the_prompts_give(generator: Generator, tmp_path: Path) -> None:
    plan, told = Plan(prompt=Prompt(XQG_PROMPT, TO), samples=2, max_tokens=9, shard_rows=2), list[Generated]()
    table = generate_queries(CORPUS, tmp_path / "work", generator=generator, plan=plan, tell=told.append)
    expected = []
    for asked in plan.prompt.ask(CORPUS.to_pylist()):
        options: dict[str, Any] = {"samples": 2, "sampling": Sampling(), "max_tokens": 9}
        (texts,) = generator.generate([asked.text], keys=[f'["{asked.docid}", "{asked.lang}"]'], **options)
        expected += [
            {"id": f"{asked.docid}/{asked.lang}/{number}", "docid": asked.docid, "lang": asked.lang, "text": text}
            for number, text in enumerate(texts, 1) if text
        ]  # fmt: skip
    assert table.to_pylist() == expected
    empty = 2 * len(plan.prompt.ask(CORPUS.to_pylist())) - len(expected)
    assert told == [Generated(5, len(expected), len(expected), empty)]


def test_a_killed_run_goes_on(generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(place: str, corpus: pa.Table = CORPUS, resume: bool = True, **options: Any) -> pa.Table:
        plan = Plan(**{"prompt": Prompt(XQG_PROMPT, TO), "max_tokens": 6, "shard_rows": 2, **options})
        return generate_queries(corpus, tmp_path / place, generator=generator, plan=plan, resume=resume)

    whole, calls, generate = run("whole", resume=False), [0], generator.generate

    def dies(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return generate(*arguments, **options)

    monkeypatch.setattr(generator, "generate", dies)
    with pytest.raises(KeyboardInterrupt):
        run("work")
    with pytest.raises(InputError, match=r"holds an interrupted run .* add --resume"):
        run("work", resume=False)
    others: list[dict[str, Any]] = [
        {"samples": 4}, {"sampling": Sampling(seed=1)}, {"max_tokens": 7}, {"shard_rows": 3},
        {"prompt": Prompt("{lang} {text}", TO)}, {"corpus": CORPUS.slice(0, 4)},
        {"corpus": CORPUS.set_column(3, "title", pa.array(["other"] * 5))},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(MismatchError, match="another corpus, model, prompt or other settings"):
            run("work", **other)
    assert run("work").equals(whole) and calls[0] == 4
    for path in sorted((tmp_path / "whole").iterdir()):
        assert path.read_bytes() == (tmp_path / "work" / path.name).read_bytes()
    (tmp_path / "work" / "queries-00001.arrow").write_bytes(b"")
    with pytest.raises(InputError, match="was changed since it was written"):
        run("work")


def test_nothing_to_write(generator: Generator, tmp_path: Path) -> None:
    plan = Plan(prompt=Prompt(XQG_PROMPT, parse_languages(["en"])))
    with pytest.raises(InputError, match="no query came out of 1 passages"):
        generate_queries(CORPUS.slice(0, 1), tmp_path / "work", generator=generator, plan=plan)


def test_the_stage(generator: Generator, tmp_path: Path) -> None:
    model = str(tmp_path / "model")
    stage = Generate(model=model, to=("de",), greedy=True, samples=1, max_tokens=5, device="cpu", threads=1)
    table = stage.run(CORPUS, work=tmp_path)
    assert set(table["lang"].to_pylist()) == {"de"} and table.column_names == ["id", "docid", "lang", "text"]
    assert stage.run(CORPUS, work=tmp_path).equals(table)
    assert stage.key() != Generate(model=f"{model}:int8", to=("de",), greedy=True, samples=1, max_tokens=5).key()
