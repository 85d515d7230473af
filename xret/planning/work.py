"""Steps that mining and searching share: their operations, and hours by rates.

Encoding counts two operations a parameter and token; attention itself adds ``4 * tokens * width * layers`` a token,
1 to 2 % at 32 tokens, and embeddings are looked up, not multiplied. Inverted lists: `centres` is what a row is compared
with to find its list, all of them or, through a graph over them, some.
"""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError
from xret.planning.codecs import ID_BYTES, code_bytes
from xret.planning.figures import Figure, short
from xret.planning.rates import Rates
from xret.planning.span import Span

__all__ = [
    "Job",
    "Step",
    "elapsed",
    "encode_step",
    "hours",
    "own_encoder",
    "shard_figures",
    "side_bytes",
    "train_step",
]

ROUNDS = 10  # of k-means
SAMPLE_PER_LIST = 64
MOST_SAMPLE = 50_000_000  # rows of the training sample at most
TEXT_BYTES, PACKED = 120, 0.42  # of a sentence; what zstd leaves of them
PARAMS = {384: 21e6, 768: 86e6}  # of encoders up to so many dimensions: 12 layers (Multilingual MiniLM, BERT base)
PARAMS_ABOVE = 303e6  # 24 layers (XLM-R large)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Numbers that every job has.

    Attributes:
        dim: of vectors.
        tokens: of a text, on average.
        params: of the encoder, embeddings aside; two operations each a token. None: usual ones for `dim`.
        codec: see `xret.planning.codecs`.
        lists: inverted lists; 0 compares all with all.
        probes: lists looked into.
        centres: compared with each row to find its lists; None: all, or what `auto` compares.
        shard_rows: rows of a unit of work.
        gpus: that share the work.
        nodes: machines; None: as many as the memory needs.
    """

    dim: int = 384
    tokens: float = 32
    params: float | None = None
    codec: str = "PQ64"
    lists: int = 0
    probes: int = 32
    centres: int | None = None
    shard_rows: int = 1_000_000
    gpus: int = 8
    nodes: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no job has."""
        for name in ("dim", "tokens", "params", "probes", "centres", "shard_rows", "gpus", "nodes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} {value} must be positive")
        for name, value in (("nprobe", self.probes), ("coarse", self.centres or 0)):
            if self.lists and value > self.lists:
                raise UsageError(f"{name} {value:,} is more than the {self.lists:,} lists there are")
        code_bytes(self.codec, self.dim)

    @property
    def seen(self) -> int:
        """Centres compared with each row."""
        return self.centres or self.lists

    @property
    def weights(self) -> float:
        """`params`, or the usual ones."""
        return self.params or next((params for dim, params in PARAMS.items() if self.dim <= dim), PARAMS_ABOVE)


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


def elapsed(timed: list[Figure], gpus: int, nodes: Span, rates: Rates) -> list[Figure]:
    """Days of all that `hours` tells, on GPUs or on the cores of nodes, if none ever waits."""
    parts = {part: [each for each in timed if each.part == part] for part in ("GPU hours", "core hours")}
    rated = {part: tuple(dict.fromkeys(name for each in own for name in each.rates)) for part, own in parts.items()}
    gpu, core = (own[-1].value for own in parts.values())
    cores = nodes * rates["node_cores"]
    return [
        Figure("machines", f"time on {gpus:,} GPU{'s' if gpus > 1 else ''}", gpu / gpus / 24, "d",
               f"GPU hours / {gpus:,} / 24, without waiting", rated["GPU hours"]),
        Figure("machines", "instead: time on the cores of the nodes", core / cores / 24, "d",
               "core hours / (nodes x cores) / 24, without waiting", (*rated["core hours"], "node_cores")),
    ]  # fmt: skip


def own_encoder(rows: float, rates: Rates) -> list[Figure]:
    """Encoding with the encoder that was measured on this machine; nothing where none was."""
    if "core_encode_texts" not in rates:
        return []
    value = rows / rates["core_encode_texts"] / 3600
    formula = f"{short(rows)} texts"
    return [Figure("core hours", "instead: encode, as measured", value, "h", formula, ("core_encode_texts",))]


def encode_step(name: str, rows: float, job: Job) -> Step:
    """Encoding so many texts."""
    formula = f"{short(rows)} texts x {short(job.tokens)} tokens x 2 x {short(job.weights)} parameters"
    flop = rows * job.tokens * 2 * job.weights
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
    seconds = size * job.tokens * 2 * job.weights / (rates["gpu_encode_tflops"] * 1e12)
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
            f"{short(size)} x {short(job.tokens)} x 2 x {short(job.weights)} FLOP, on one GPU", ("gpu_encode_tflops",),
        ),
    ]  # fmt: skip
