"""Steps that mining and searching share: their operations, and hours by rates.

Encoding counts two operations a parameter and token; attention itself adds ``4 * tokens * width * layers`` a token,
1 to 2 % at 32 tokens, and embeddings are looked up, not multiplied. Inverted lists: `centres` is what a row is compared
with to find its list, all of them or, through a graph over them, some. Selecting the best of what was compared is taken
to cost as much as comparing.
"""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError
from xret.planning.codecs import ID_BYTES, code_bytes
from xret.planning.figures import Figure, short
from xret.planning.rates import Rates
from xret.planning.span import Span

__all__ = ["Job", "Step", "encode_step", "hours", "shard_figures", "side_bytes", "train_step"]

ROUNDS = 10  # of k-means
SAMPLE_PER_LIST = 64
MOST_SAMPLE = 50_000_000  # rows of the training sample at most
TEXT_BYTES, PACKED = 120, 0.42  # of a sentence; what zstd leaves of them


@dataclass(frozen=True, kw_only=True)
class Job:
    """Numbers that every job has.

    Attributes:
        dim: of vectors.
        tokens: of a text, on average.
        params: of the encoder, embeddings aside; two operations each a token.
        codec: see `xret.planning.codecs`.
        lists: inverted lists; 0 compares all with all.
        probes: lists looked into.
        centres: compared with each row to find its lists; None: all.
        shard_rows: rows of a unit of work.
        gpus: that share the work.
        nodes: machines; None: as many as the memory needs.
    """

    dim: int = 384
    tokens: float = 32
    params: float = 21e6
    codec: str = "PQ64"
    lists: int = 0
    probes: int = 32
    centres: int | None = None
    shard_rows: int = 1_000_000
    gpus: int = 8
    nodes: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no job has."""
        for name in ("dim", "tokens", "params", "probes", "shard_rows", "gpus"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} {getattr(self, name)} must be positive")
        if self.lists and self.probes > self.lists:
            raise UsageError(f"nprobe {self.probes:,} is more than the {self.lists:,} lists there are")
        code_bytes(self.codec, self.dim)

    @property
    def seen(self) -> int:
        """Centres compared with each row."""
        return min(self.centres or self.lists, self.lists)


@dataclass(frozen=True)
class Step:
    """Operations of a step, and the names of the rates it runs at; an empty one where it is not done there."""

    name: str
    flop: float
    formula: str
    gpu: str
    core: str


def hours(steps: list[Step], rates: Rates) -> list[Figure]:
    """The hours of each step on one GPU and on one core, and of all of them."""
    figures = []
    for part, scale in (("GPU hours", 1e12), ("core hours", 1e9)):
        total = Span(0, 0)
        for step in steps:
            rate = step.gpu if part == "GPU hours" else step.core
            if not rate:
                continue
            value = step.flop / (rates[rate] * scale) / 3600
            total = total + value
            figures.append(Figure(part, step.name, value, "h", f"{step.formula} = {step.flop:.3g} FLOP", (rate,)))
        figures.append(Figure(part, "all of it", total, "h", "the sum"))
    return figures


def encode_step(name: str, rows: float, job: Job) -> Step:
    """Encoding so many texts."""
    formula = f"{short(rows)} texts x {short(job.tokens)} tokens x 2 x {short(job.params)} parameters"
    flop = rows * job.tokens * 2 * job.params
    return Step(f"encode {name}", flop, formula, "gpu_encode_tflops", "core_encode_gflops")


def train_step(rows: float, job: Job) -> Step:
    """k-means over a sample."""
    sample = min(rows, SAMPLE_PER_LIST * job.lists, MOST_SAMPLE)
    formula = f"{short(sample)} sampled x {job.lists:,} centres x 2 x {job.dim} x {ROUNDS} rounds"
    flop = sample * job.lists * 2 * job.dim * ROUNDS
    return Step("train lists", flop, formula, "gpu_search_tflops", "core_lists_gflops")


def side_bytes(name: str, rows: float, job: Job) -> list[Figure]:
    """Texts, vectors and codes of a side."""
    code = code_bytes(job.codec, job.dim)
    text, vectors = rows * TEXT_BYTES, rows * job.dim * 2
    told = f"{short(rows)} x {TEXT_BYTES} B (assumed), of which zstd leaves {PACKED:.0%}"
    return [
        Figure("bytes", f"text of {name}, packed", Span.of(text * PACKED), "B", told),
        Figure("bytes", f"vectors of {name}", Span.of(vectors), "B", f"{short(rows)} x {job.dim} x 2 B (fp16)"),
        Figure(
            "bytes", f"{job.codec} codes and ids of {name}", Span.of(rows * (code + ID_BYTES)), "B",
            f"{short(rows)} x ({code} + {ID_BYTES}) B",
        ),
    ]  # fmt: skip


def shard_figures(name: str, rows: float, job: Job, rates: Rates) -> list[Figure]:
    """How many units of work, and what one of them is."""
    size = min(rows, job.shard_rows)
    seconds = size * job.tokens * 2 * job.params / (rates["gpu_encode_tflops"] * 1e12)
    return [
        Figure(
            "machines", f"shards of {name}", Span.of(-(-rows // job.shard_rows)), "",
            f"{short(rows)} rows / {job.shard_rows:,}",
        ),
        Figure(
            "machines", f"one shard of {name}", Span.of(size * job.dim * 2), "B",
            f"{short(size)} x {job.dim} x 2 B (fp16)",
        ),
        Figure(
            "machines", f"encoding one shard of {name}", seconds, "s",
            f"{short(size)} x {short(job.tokens)} x 2 x {short(job.params)} FLOP, on one GPU", ("gpu_encode_tflops",),
        ),
    ]  # fmt: skip
