"""What an index of documents takes: to build, to keep in memory, and a query."""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError
from xret.indexes.choice import choose_factory
from xret.planning.codecs import ID_BYTES, code_bytes, code_flop
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

__all__ = ["SearchJob", "automatic_lists", "plan_search"]

COLLECTION = 1_000_000_000  # rows that one collection of a store is advised to hold at most
GRAPH_NODE = 1_000_000_000  # rows that a graph on disk serves from a node of 64 GB (DiskANN, NeurIPS 2019)
MEASURED_DIM = 384  # dimensions at which scanning codes was measured
GRAPH_LISTS = 65_536  # from so many on, `auto` finds the nearest centres by a graph over them (HNSW32)
GRAPH_CENTRES = (
    10_000  # what a walk through it costs a core, in centres compared one after the other (1,526 are, 166 µs)
)


@dataclass(frozen=True, kw_only=True)
class SearchJob(Job):
    """An index and its queries.

    Attributes:
        documents: rows.
        rerank: hits whose fp16 vectors are read again for an exact score.
        qps: queries a second that are wanted.
    """

    documents: float
    rerank: int = 100
    qps: float = 100

    def __post_init__(self) -> None:
        """Refuse an index without documents."""
        super().__post_init__()
        if not self.documents >= 1 or not self.qps > 0 or self.rerank < 0:
            raise UsageError("documents and queries a second must be positive, and rerank not negative")
        if self.lists > self.documents:
            raise UsageError(f"{self.lists:,} lists are more than the {self.documents:,.0f} documents")

    @property
    def walked(self) -> int:
        """Centres that a core compares with each row, or what its walk through their graph costs in these."""
        graph = self.centres is None and self.lists >= GRAPH_LISTS
        return min(GRAPH_CENTRES, self.lists) if graph else self.seen


def automatic_lists(documents: int) -> int:
    """Lists that the index factory ``auto`` takes for so many rows; 0 where it scans them all."""
    return choose_factory(rows=documents, dim=1, memory=1 << 62).factory.lists


def plan_search(job: SearchJob, rates: Rates) -> list[Figure]:
    """Every figure of an index, section by section."""
    rows = job.documents
    steps = [encode_step("documents", rows, job)]
    both = "gpu_search_tflops", "core_lists_gflops"
    if job.lists:
        steps += [train_step(rows, job), *_assign_steps(job)]
    each = code_flop(job.codec, job.dim)
    steps.append(Step(f"add {job.codec} codes", rows * each, f"{short(rows)} x {short(each)} FLOP a code", *both))
    stored = side_bytes("documents", rows, job)
    if job.lists:
        centres = Span.of(job.lists * job.dim * 4.0)
        stored.append(Figure("bytes", "centres of lists", centres, "B", f"{job.lists:,} x {job.dim} x 4 B"))
    timed = hours(steps, rates)
    return [*stored, *timed, *own_encoder(rows, rates), *_query(job, rates), *_machines(job, rates, timed)]


def _assign_steps(job: SearchJob) -> list[Step]:
    """GPUs compare with all centres where nothing else is said; cores walk a graph over many."""

    def step(seen: int, gpu: str, core: str) -> Step:
        formula = f"{short(job.documents)} x {seen:,} centres x 2 x {job.dim}"
        return Step("assign to lists", job.documents * seen * 2 * job.dim, formula, gpu, core)

    if job.walked == job.seen:
        return [step(job.seen, "gpu_search_tflops", "core_lists_gflops")]
    return [step(job.seen, "gpu_search_tflops", ""), step(job.walked, "", "core_lists_gflops")]


def _scan(job: SearchJob) -> str:
    return f"core_scan_{'pq64' if job.codec.startswith('PQ') else job.codec.lower()}"


def _seconds(job: SearchJob, rates: Rates) -> tuple[Span, str, tuple[str, ...]]:
    """Core-seconds of a query, how, and by which rates; PQ costs by its parts, others by their dimensions."""
    codes = job.documents * job.probes / job.lists if job.lists else job.documents
    size = code_bytes(job.codec, job.dim) / 64 if job.codec.startswith("PQ") else job.dim / MEASURED_DIM
    scan, scanned = _scan(job), f"{short(round(codes))} codes x {size:g}"
    value = codes * size / (rates[scan] * 1e6)
    if not job.lists:
        return value, scanned, (scan,)
    value = value + job.walked * 2 * job.dim / (rates["core_lists_gflops"] * 1e9)
    return value, f"{scanned} + {job.walked:,} centres x 2 x {job.dim} FLOP", (scan, "core_lists_gflops")


def _query(job: SearchJob, rates: Rates) -> list[Figure]:
    seconds, formula, names = _seconds(job, rates)
    figures = [
        Figure("a query", "core-seconds", seconds, "s", formula, names),
        Figure("a query", "queries a second of a core", 1 / seconds, "", "1 / core-seconds", names),
    ]
    if job.rerank:
        read = Span.of(job.rerank * job.dim * 2)
        figures.append(
            Figure("a query", "read for exact scores", read, "B", f"{short(job.rerank)} x {job.dim} x 2 B, at random")
        )
    return figures


def _machines(job: SearchJob, rates: Rates, timed: list[Figure]) -> list[Figure]:
    rows, code = job.documents, code_bytes(job.codec, job.dim) + ID_BYTES
    seconds, _, names = _seconds(job, rates)
    memory = ("node_ram_gbytes", "node_ram_share")
    by_memory = (rows * code / (rates["node_ram_gbytes"] * rates["node_ram_share"] * 1e9)).up()
    nodes = by_memory if job.nodes is None else Span.of(job.nodes)
    busy = (seconds * job.qps / rates["node_cores"]).up()
    return [
        *shard_figures("documents", rows, job, rates),
        Figure("machines", "nodes, by memory", nodes, "",
               "given" if job.nodes else f"{short(rows)} x {code} B / memory for data", () if job.nodes else memory),
        Figure("machines", "codes in the memory of each", rows * code / nodes, "B", "all codes / nodes"),
        *elapsed(timed, job.gpus, nodes, rates),
        Figure("machines", f"nodes, by {short(job.qps)} queries a second", busy, "",
               f"{short(job.qps)} x core-seconds of a query / cores", (*names, "node_cores")),
        Figure("machines", "instead: nodes with a graph on disk", Span.of(-(-rows // GRAPH_NODE)), "",
               f"{short(rows)} / {short(GRAPH_NODE)} rows on 64 GB and SSD (DiskANN, NeurIPS 2019)"),
        Figure("machines", "collections of a store", Span.of(-(-rows // COLLECTION)), "",
               f"{short(rows)} / {short(COLLECTION)} rows, as Milvus advises"),
    ]  # fmt: skip
