"""What mining sentence pairs of two sides takes."""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError
from xret.indexes.twoway.approximate import parse_search
from xret.indexes.twoway.approximate.knn import SAMPLE
from xret.indexes.twoway.plan import search_memory
from xret.planning.codecs import ID_BYTES, code_bytes
from xret.planning.figures import Figure, short
from xret.planning.rates import Rates
from xret.planning.span import Span
from xret.planning.work import (
    Job,
    Step,
    elapsed,
    encode_step,
    hours,
    own_encoder,
    shard_figures,
    side_bytes,
    train_step,
)

__all__ = ["MineJob", "automatic_lists", "neighbour_steps", "plan_mine"]

NEIGHBOUR = ID_BYTES + 4  # bytes: an id and a cosine


@dataclass(frozen=True, kw_only=True)
class MineJob(Job):
    """Two sides, and neighbours in both directions.

    Attributes:
        src: sentences of one side.
        tgt: of the other.
        k: neighbours whose mean is in the margin.
        best: neighbours kept for the pairs.
    """

    src: float
    tgt: float
    k: int = 4
    best: int = 4

    def __post_init__(self) -> None:
        """Refuse sides without sentences."""
        super().__post_init__()
        for name in ("src", "tgt", "k", "best"):
            if not getattr(self, name) >= 1:
                raise UsageError(f"{name} {getattr(self, name)} must be at least 1")
        if self.lists > max(self.src, self.tgt):
            raise UsageError(f"{self.lists:,} lists are more than the {max(self.src, self.tgt):,.0f} rows of a side")


def automatic_lists(src: int, tgt: int) -> int:
    """Lists that ``xret mine --search auto`` takes for these sides; 0 where it compares all with all."""
    way, _ = parse_search("auto", rows=src, columns=tgt, dim=1, memory=1 << 62)
    return 0 if way is None else way.lists


def plan_mine(job: MineJob, rates: Rates) -> list[Figure]:
    """Every figure of a mining job, section by section.

    Neighbours are searched list by list: on GPUs once for either direction, on cores, as `xret mine` does, once for
    both; the rate of the latter is measured with all that belongs to it.
    """
    steps = [encode_step("src", job.src, job), encode_step("tgt", job.tgt, job), *neighbour_steps(job)]
    timed = hours(steps, rates)
    return [*_bytes(job), *timed, *own_encoder(job.src + job.tgt, rates), *_disk(job, rates),
            *_machines(job, rates, timed)]  # fmt: skip


def _bytes(job: MineJob) -> list[Figure]:
    figures = side_bytes("src", job.src, job) + side_bytes("tgt", job.tgt, job)
    for name, rows in (("src", job.src), ("tgt", job.tgt)):
        kept = min(job.best, job.k)
        figures += [
            _stored(f"all k neighbours of {name}", rows, job.k * NEIGHBOUR, f"x {job.k} x {NEIGHBOUR} B"),
            _stored(f"instead: means of {name}", rows, 4, "x 4 B (fp32): all that a margin needs of the other side"),
            _stored(f"instead: best {kept} of {name}", rows, kept * NEIGHBOUR, f"x {kept} x {NEIGHBOUR} B"),
        ]
    return figures


def _stored(name: str, rows: float, size: int, formula: str) -> Figure:
    return Figure("bytes", name, Span.of(rows * size), "B", f"{short(rows)} {formula}")


def neighbour_steps(job: MineJob) -> list[Step]:
    """What finding the neighbours of both sides takes.

    On cores these are the steps of `xret.indexes.twoway.approximate`, and `core_lists_gflops` is their operations by
    the core-seconds of a whole search. Through lists, GPUs search either direction for itself, and selecting the best
    of what was compared is taken to cost as much as comparing.
    """
    both = job.src + job.tgt
    if not job.lists:
        flop = job.src * job.tgt * 2 * job.dim
        formula = f"{short(job.src)} x {short(job.tgt)} x 2 x {job.dim}, both directions at once"
        return [Step("k-NN", flop, formula, "gpu_search_tflops", "core_exact_gflops")]
    gpu, core = "gpu_search_tflops", "core_lists_gflops"
    assign = f"{short(both)} x {job.seen:,} centres x 2 x {job.dim}"
    steps = [train_step(both, job), Step("assign to lists", both * job.seen * 2 * job.dim, assign, gpu, core)]
    flop = job.src * job.probes * (job.tgt / job.lists) * 2 * job.dim
    for name, rows, others in (("forward", job.src, job.tgt), ("backward", job.tgt, job.src)):
        formula = f"{short(rows)} x {job.probes:,} x ({short(others)} / {job.lists:,}) x 2 x {job.dim}"
        steps.append(Step(f"k-NN {name}", flop, formula, gpu, ""))
    once = (
        f"{short(job.src)} x {job.probes:,} x ({short(job.tgt)} / {job.lists:,}) x 2 x {job.dim}, selection in the rate"
    )
    sample = f"{SAMPLE:,} rows of either side, exactly: x {short(both)} x 2 x {job.dim}"
    return [
        *steps,
        Step("select the best", 2 * flop, "as much as both k-NN (assumed)", gpu, ""),
        Step("k-NN, both ways at once", flop, once, "", core),
        Step("recall of a sample", SAMPLE * both * 2 * job.dim, sample, "", core),
    ]


def _disk(job: MineJob, rates: Rates) -> list[Figure]:
    both = job.src + job.tgt
    vectors = both * job.dim * 2
    rest = both * (4 + min(job.best, job.k) * NEIGHBOUR)
    parts = _nodes(job, rates).high
    merged = both * job.k * NEIGHBOUR * parts
    rows = [
        ("write and read vectors", 2 * vectors, f"2 x {short(both)} x {job.dim} x 2 B"),
        ("re-cut by list", 2 * vectors if job.lists else 0.0, f"read and write {short(both)} x {job.dim} x 2 B"),
        ("merge", merged, f"{short(both)} x {job.k} x {NEIGHBOUR} B x {parts:.0f} parts of the index, worst case"),
        ("margin", rest, f"{short(both)} x (4 + {min(job.best, job.k)} x {NEIGHBOUR}) B"),
    ]
    return [
        Figure("disk hours", name, size / (rates["disk_gbytes"] * 1e9) / 3600, "h", f"{formula}, by one node",
               ("disk_gbytes",))
        for name, size, formula in rows if size
    ]  # fmt: skip


def _nodes(job: MineJob, rates: Rates) -> Span:
    if job.nodes is not None:
        return Span.of(job.nodes)
    codes = max(job.src, job.tgt) * (code_bytes(job.codec, job.dim) + ID_BYTES)
    return (codes / (rates["node_ram_gbytes"] * rates["node_ram_share"] * 1e9)).up()


def _machines(job: MineJob, rates: Rates, timed: list[Figure]) -> list[Figure]:
    figures = [*shard_figures("src", job.src, job, rates), *shard_figures("tgt", job.tgt, job, rates)]
    larger, nodes = max(job.src, job.tgt), _nodes(job, rates)
    size = larger * (code_bytes(job.codec, job.dim) + ID_BYTES)
    told = f"{short(larger)} x ({code_bytes(job.codec, job.dim)} + {ID_BYTES}) B"
    memory = ("node_ram_gbytes", "node_ram_share")
    return [
        *figures,
        Figure("machines", "nodes with the codes of a side in memory", nodes, "",
               "given" if job.nodes else f"{told} / memory for data", () if job.nodes else memory),
        Figure("machines", "codes in the memory of each", size / nodes, "B", f"{told} / nodes"),
        *elapsed(timed, job.gpus, nodes, rates),
        Figure("machines", "memory of 'xret mine' on one machine",
               Span.of(search_memory(int(job.src), int(job.tgt), job.k)), "B",
               "lengths and lists of both sides; blocks and mapped vectors come on top"),
    ]  # fmt: skip
