"""Estimates against arithmetic done by hand and against runs that were measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Cli, cli  # noqa: F401
from xret.errors import InputError, UsageError
from xret.indexes.choice import choose_factory
from xret.indexes.twoway.approximate import parse_search
from xret.planning import Figure, MineJob, Rates, SearchJob, mining, plan_mine, plan_search, read_rates, searching
from xret.planning.checked import MEASURED, Measured, check
from xret.planning.codecs import CODECS
from xret.planning.figures import short
from xret.planning.rates import KNOWN, Rate, kept_rates, write_rates
from xret.planning.span import Span

TEN = 10e9


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))


def named(figures: list[Figure], part: str) -> dict[str, Figure]:
    return {each.name: each for each in figures if each.part == part}


def ten(**options: object) -> list[Figure]:
    return plan_mine(MineJob(src=TEN, tgt=TEN, k=16, **options), Rates())  # type: ignore[arg-type]


# Ten billion sentences, by hand: terabytes of fp16 vectors, SQ8, 1 bit and PQ64 (each with ids), GPU hours.
@pytest.mark.parametrize(
    ("dim", "params", "vectors", "sq8", "rabitq", "encode"),
    [
        (384, 21e6, 7.7, 3.9, 0.64, (37, 124)),
        (768, 86e6, 15.4, 7.8, 1.1, (153, 510)),
        (1024, 303e6, 20.5, 10.3, 1.4, (539, 1796)),
    ],
)
def test_ten_billion_sentences(
    dim: int, params: float, vectors: float, sq8: float, rabitq: float, encode: tuple[int, int]
) -> None:
    for codec, size in (("SQ8", sq8), ("RaBitQ", rabitq), ("PQ64", 0.72)):
        figures = ten(dim=dim, params=params, codec=codec, lists=2**20)
        sizes = named(figures, "bytes")
        assert sizes["vectors of src"].value.low / 1e12 == pytest.approx(vectors, rel=0.01)
        assert sizes[f"{codec} codes and ids of src"].value.low / 1e12 == pytest.approx(size, rel=0.03)
    hours = named(figures, "GPU hours")["encode src"].value
    assert (round(hours.low), round(hours.high)) == encode
    assert sizes["all k neighbours of src"].value.low == 1.92e12
    assert sizes["instead: means of src"].value.low == 40e9
    assert sizes["instead: best 4 of src"].value.low == pytest.approx(0.5e12, rel=0.05)
    machines = named(figures, "machines")
    assert machines["shards of src"].value == Span(10_000, 10_000)
    assert machines["nodes with the codes of a side in memory"].value == Span(10, 15)  # 96 and 64 GB, a fifth left free


@pytest.mark.parametrize(
    ("lists", "probes", "hours", "flop"), [(2**20, 32, 13, "2.34e+18"), (2**18, 128, 208, "3.75e+19")]
)
def test_neighbours_of_ten_billion(lists: int, probes: int, hours: float, flop: str) -> None:
    gpu = named(ten(lists=lists, probes=probes), "GPU hours")
    for direction in ("forward", "backward"):
        found = gpu[f"k-NN {direction}"]
        assert found.value.low == pytest.approx(hours, rel=0.01) and flop in found.formula
        assert found.rates == ("gpu_search_tflops",)
    assert gpu["select the best"].value.low == pytest.approx(2 * hours, rel=0.01)


def test_shards_are_small_enough_to_lose() -> None:
    small = named(ten(), "machines")
    large = named(ten(dim=1024, params=303e6), "machines")
    assert str(small["one shard of src"]) == "768 MB"
    assert small["encoding one shard of src"].value.low == pytest.approx(13.4, rel=0.01)
    assert large["encoding one shard of src"].value.high == pytest.approx(646, rel=0.01)


def test_estimates_of_measured_runs_are_near_and_not_too_low() -> None:
    """Rates measured at 32,768 sentences a side hold at a million."""
    for each in check(MEASURED, Rates()):
        assert each.run.rows == 1_000_000 and 0.95 < each.ratio < 1.6, each


def test_what_is_checked_is_what_is_planned() -> None:
    """The core hours of a plan, its encoding aside, are the estimate that is checked."""
    for lists, probes in ((0, 1), (4096, 8)):
        run = Measured(1_000_000, 384, lists, probes, 1.0, "")
        figures = plan_mine(MineJob(src=1e6, tgt=1e6, lists=lists, probes=probes), Rates())
        hours = [each.value.low for name, each in named(figures, "core hours").items() if "encode" not in name]
        (found,) = check((run,), Rates())
        assert found.low == pytest.approx(3600 * sum(hours[:-1]))


def test_an_index_of_ten_billion() -> None:
    figures = plan_search(SearchJob(documents=TEN, lists=2**20), Rates())
    machines = named(figures, "machines")
    assert machines["nodes, by memory"].value == Span(10, 15)
    assert machines["instead: nodes with a graph on disk"].value == Span(10, 10)
    seconds = named(figures, "a query")["core-seconds"]
    assert set(seconds.rates) == {"core_scan_pq64", "core_lists_gflops"}


@given(
    st.integers(1, 10**10),
    st.integers(1, 10**10),
    st.sampled_from(CODECS),
    st.sampled_from([64, 384, 1024]),
    st.integers(0, 4096),
)
def test_every_figure_is_sound_and_says_where_it_is_from(src: int, tgt: int, codec: str, dim: int, lists: int) -> None:
    lists = min(lists, src, tgt)
    options = {"codec": codec, "dim": dim, "lists": lists, "probes": max(1, lists // 2)}
    for figures in (
        plan_mine(MineJob(src=src, tgt=tgt, **options), Rates()),  # type: ignore[arg-type]
        plan_search(SearchJob(documents=src, **options), Rates()),  # type: ignore[arg-type]
    ):
        for each in figures:
            assert 0 < each.value.low <= each.value.high and each.formula and str(each)
            assert all(name in KNOWN for name in each.rates)
        for part in ("GPU hours", "core hours"):
            *steps, total = named(figures, part).values()
            assert total.value.high == pytest.approx(sum(step.value.high for step in steps))


def test_rates_are_kept_and_come_from_where_they_say(tmp_path: Path) -> None:
    own = Rates(
        {"disk_gbytes": Rate(Span(1.5, 3), "GB/s, a node", "measured"), "core_encode_texts": KNOWN["disk_gbytes"]}
    )
    write_rates(own, tmp_path / "rates.json")
    assert read_rates(tmp_path / "rates.json")["disk_gbytes"] == Span(1.5, 3)
    (tmp_path / "mine.toml").write_text(
        'gpu_encode_tflops = { value = 60, source = "data sheet" }\ndisk_gbytes = [4, 8]\n'
    )
    over = read_rates(tmp_path / "mine.toml").over(own)
    assert (over["disk_gbytes"], over.rate("gpu_encode_tflops").source) == (Span(4, 8), "data sheet")
    assert over["core_encode_texts"] == KNOWN["disk_gbytes"].value and over["node_cores"] == Span(32, 32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpu_encode_tflop = 1", "did you mean 'gpu_encode_tflops'"),
        ("disk_gbytes = 0", "positive number"),
        ("disk_gbytes = [3, 1]", "positive number or a range"),
        ("disk_gbytes = 'fast'", "positive number"),
        ("disk_gbytes = { value = 1, unit = 2 }", "wanted { value"),
        ("= 3", "neither rates in TOML"),
    ],
)
def test_rates_that_are_none_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message.replace("{", r"\{")) as caught:
        read_rates(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"codec": "PQ60"}, {"codec": "PQ"}, {"lists": 8, "probes": 9}, {"tokens": 0.0}, {"lists": 2000}]
)
def test_jobs_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        MineJob(src=1000, tgt=1000, **options)  # type: ignore[arg-type]


def test_the_command(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    found = json.loads(cli("plan", "mine", "--src", "10e9", "--tgt", "10e9", "--gpu-tflops", "60", "--json").out)
    encode = next(each for each in found["figures"] if each["name"] == "encode src" and each["part"] == "GPU hours")
    assert encode["value"] == pytest.approx([62.2, 62.2], abs=0.1) and encode["rates"] == ["gpu_encode_tflops"]
    assert found["rates"]["gpu_encode_tflops"]["source"] == "--gpu-tflops"
    shown = cli("plan", "search", "--documents", "1e9")
    assert shown.code == 0 and "fp16" in shown.out and "Milvus" in shown.out
    for arguments, code, message in (
        (("plan", "mine", "--src", "many", "--tgt", "1"), 2, "is no whole number"),
        (("plan", "mine", "--src", "1e6", "--tgt", "1e6", "--codec", "PQ65"), 2, "cannot be cut into 65"),
        (("plan", "mine", "--src", "1e6", "--tgt", "1e6", "--node-ram", "9:4"), 2, "range like 30:100"),
        (("plan", "search", "--documents", "1e6", "--nprobe", "9999"), 2, "more than the 4,096 lists there are"),
        (("plan", "search", "--documents", "1e6", "--lists", "0", "--coarse", "9"), 2, "without lists"),
        (("plan", "mine", "--src", "3e5", "--tgt", "3e5", "--nprobe", "9"), 2, "without lists"),
        (("plan", "search", "--documents", "1e6", "--dim", "300"), 2, "use a divisor of 300"),
        (("plan", "check", "--measure"), 2, "give --rows"),
        (("plan", "check", "--rows", "50"), 2, "too few"),
        (("plan", "rates", "--rates", tmp_path / "none.toml"), 1, "none.toml: cannot be read"),
    ):
        called = cli(*arguments)
        assert (called.code, called.out) == (code, "") and message in called.err and "Traceback" not in called.err


def test_lists_are_those_that_auto_takes() -> None:
    """Of mining and of searching, which part at different sizes."""
    for src, tgt in ((300_000, 300_000), (1000, 10**9), (10**6, 10**6), (10**10, 10**6)):
        way, _ = parse_search("auto", rows=src, columns=tgt, dim=384, memory=8 << 30)
        assert mining.automatic_lists(src, tgt) == (way.lists if way else 0)
    for rows in (200_000, 200_001, 10**10):
        factory = choose_factory(rows=rows, dim=384, memory=8 << 30).factory
        assert searching.automatic_lists(rows) == factory.lists
        job = SearchJob(documents=rows, lists=factory.lists, probes=1)
        assert (job.walked < job.seen) == bool(factory.coarse)  # a graph leads to the lists


def test_parameters_follow_the_dimension() -> None:
    for dim, params in ((64, 21e6), (384, 21e6), (768, 86e6), (1024, 303e6), (4096, 303e6)):
        assert MineJob(src=10, tgt=10, dim=dim, codec="exact").weights == params
    assert MineJob(src=10, tgt=10, dim=1024, params=1e6).weights == 1e6


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (17 / 3600, 1.2 / 60, "h", "17 s-1.2 min"), (37.3, 124.4, "h", "37.3-124 h"), (48e9, 72e9, "B", "48-72 GB"),
        (0.5, 0.5, "d", "12 h"), (9e11, 1e12, "B", "900 GB-1 TB"), (10, 15, "", "10-15"), (2e-5, 2e-5, "s", "20 µs"),
        (0.9999, 0.9999, "h", "1 h"), (1e-12, 1e-12, "h", "0 µs"),
    ],
)  # fmt: skip
def test_figures_are_told_in_units_of_their_size(low: float, high: float, unit: str, text: str) -> None:
    assert str(Figure("machines", "x", Span(low, high), unit, "y")) == text


@pytest.mark.parametrize(
    ("value", "text"), [(10e9, "10e9"), (1.5e12, "1.5e12"), (262_144, "262,144"), (305_176, "305,176")]
)
def test_counts_in_formulas_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_a_measurement_is_kept_and_used(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from xret.planning import measure

    monkeypatch.setattr(measure, "ROWS", 2048)
    monkeypatch.setattr(measure, "LISTS", 16)
    called = cli("plan", "rates", "--measure", "--json")
    assert called.code == 0 and called.err.endswith("rates.json: measured; later plans use it\n")
    kept = called.out
    checked = cli("plan", "check", "--rows", "10e3", "--json")
    assert checked.code == 0 and "measured; later" not in checked.err  # by the rates that are kept
    exact, listed = json.loads(checked.out)
    assert (exact["lists"], listed["lists"]) == (0, 512) and exact["rows"] == listed["rows"] == 10_000
    assert min(exact["ratio"], listed["ratio"]) > 0 and "measured here" in listed["source"]
    found = json.loads(kept)
    measured = {name for name, rate in found.items() if "measured here" in rate["source"]}
    assert measured > {"core_encode_texts", "core_scan_rabitq", "disk_gbytes"} and "gpu_encode_tflops" not in measured
    later = json.loads(cli("plan", "mine", "--src", "1e6", "--tgt", "1e6", "--json").out)
    assert {name: rate for name, rate in later["rates"].items() if name in measured}.items() <= found.items()
    names = [each["name"] for each in later["figures"]]
    assert "instead: encode, as measured" in names
    kept_rates().write_text("{")
    called = cli("plan", "mine", "--src", "1e6", "--tgt", "1e6")
    assert called.code == 1 and "measure again with" in called.err and len(called.err.splitlines()) == 1
