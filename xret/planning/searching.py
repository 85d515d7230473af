"""What an index of documents takes: to build, to keep in memory, and a query."""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError
from xret.planning.codecs import ID_BYTES, code_bytes, code_flop
from xret.planning.figures import Figure, short
from xret.planning.rates import Rates
from xret.planning.span import Span
from xret.planning.work import Job, Step, encode_step, hours, shard_figures, side_bytes, train_step

__all__ = ["SearchJob", "plan_search"]

COLLECTION = 1_000_000_000  # rows that one collection of a store is advised to hold at most
GRAPH_NODE = 1_000_000_000  # rows that a graph on disk serves from a node of 64 GB (DiskANN, NeurIPS 2019)
MEASURED_DIM = 384  # dimensions at which scanning codes was measured


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


def plan_search(job: SearchJob, rates: Rates) -> list[Figure]:
    """Every figure of an index, section by section."""
    rows = job.documents
    steps = [encode_step("documents", rows, job)]
    both = "gpu_search_tflops", "core_lists_gflops"
    if job.lists:
        assign = f"{short(rows)} x {job.seen:,} centres x 2 x {job.dim}"
        steps += [train_step(rows, job), Step("assign to lists", rows * job.seen * 2 * job.dim, assign, *both)]
    each = code_flop(job.codec, job.dim)
    steps.append(Step(f"add {job.codec} codes", rows * each, f"{short(rows)} x {short(each)} FLOP a code", *both))
    stored = side_bytes("documents", rows, job)
    if job.lists:
        centres = Span.of(job.lists * job.dim * 4.0)
        stored.append(Figure("bytes", "centres of lists", centres, "B", f"{job.lists:,} x {job.dim} x 4 B"))
    return [*stored, *hours(steps, rates), *_query(job, rates), *_machines(job, rates)]


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
    value = value + job.seen * 2 * job.dim / (rates["core_lists_gflops"] * 1e9)
    return value, f"{scanned} + {job.seen:,} centres x 2 x {job.dim} FLOP", (scan, "core_lists_gflops")


def _query(job: SearchJob, rates: Rates) -> list[Figure]:
    seconds, formula, names = _seconds(job, rates)
    disk = job.rerank * job.dim * 2
    return [
        Figure("a query", "core-seconds", seconds, "s", formula, names),
        Figure("a query", "queries a second of a core", 1 / seconds, "", "1 / core-seconds", names),
        Figure("a query", "read for exact scores", Span.of(disk), "B", f"{job.rerank} x {job.dim} x 2 B, at random"),
    ]


def _machines(job: SearchJob, rates: Rates) -> list[Figure]:
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
        Figure("machines", f"nodes, by {short(job.qps)} queries a second", busy, "",
               f"{short(job.qps)} x core-seconds of a query / cores", (*names, "node_cores")),
        Figure("machines", "instead: nodes with a graph on disk", Span.of(-(-rows // GRAPH_NODE)), "",
               f"{short(rows)} / {short(GRAPH_NODE)} rows on 64 GB and SSD (DiskANN, NeurIPS 2019)"),
        Figure("machines", "collections of a store", Span.of(-(-rows // COLLECTION)), "",
               f"{short(rows)} / {short(COLLECTION)} rows, as Milvus advises"),
    ]  # fmt: skip
