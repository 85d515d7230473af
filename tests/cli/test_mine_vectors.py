"""`xret mine` on vectors made elsewhere; LASER's own numbers on its own file format."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from tests.cli.conftest import Cli
from xret.bitext import read_pairs

N, M, D = 400, 360, 48


def sides() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Vectors of 400 and 360 sentences in twelve topics; the first 180 of each say the same."""
    rng = np.random.default_rng(5)
    topics, signal = 0.6 * rng.normal(size=(12, D)), rng.normal(size=(N, D))
    x = signal + topics[rng.integers(0, 12, N)] + 0.7 * rng.normal(size=(N, D))
    y = np.concatenate([signal[:180], rng.normal(size=(M - 180, D))]) + topics[rng.integers(0, 12, M)]
    y = y + 0.7 * rng.normal(size=(M, D))
    return x.astype(np.float32), y.astype(np.float32)


def write(distinct: int = N) -> None:
    """x.txt and y.txt, with bare vectors of both precisions; rows of text and vectors repeat after `distinct`."""
    for name, vectors, word, period in (
        ("x", sides()[0], "Satz", distinct),
        ("y", sides()[1], "sentence", distinct - 30),
    ):
        rows = np.arange(len(vectors)) % period
        Path(f"{name}.txt").write_text("".join(f"{word} {row}\n" for row in rows))
        vectors[rows].tofile(f"{name}.bin")
        vectors[rows].astype(np.float16).tofile(f"{name}.f16")


def digest(pairs: set[tuple[str, str]]) -> str:
    return hashlib.sha256("\n".join(f"{src}\t{tgt}" for src, tgt in sorted(pairs)).encode()).hexdigest()[:16]


# By source/mine_bitexts.py of LASER (commit 74bc6ae; faiss-cpu 1.15.1, NumPy 2.4.6), run once on exactly these files:
# options, pairs, their digest, the sum of their scores. LASER keeps what is above 0, unless told otherwise.
LASER = [
    ("--margin ratio", "bin", N, 294, "965ff6a3591e2764", 347.54051345586777),
    ("--margin distance --threshold 0", "bin", N, 269, "fa0ed62a454c350d", 24.78807896375656),
    ("--margin absolute", "bin", N, 273, "4e2db668e4ee38ba", 146.18465876579285),
    ("--margin ratio --retrieval intersect", "bin", N, 251, "5ae5e0639a6f25c9", 304.10200798511505),
    ("--margin ratio -k 7", "bin", N, 294, "5da725a98d757f1f", 378.4318895339966),
    ("--margin ratio --threshold 1.2", "bin", N, 117, "764081bae4d8f638", 156.282484292984),
    ("--margin ratio", "f16", N, 294, "965ff6a3591e2764", 347.5404391884804),  # --fp16
    ("--margin ratio", "bin", 250, 193, "362914bdc2efb732", 246.2695066332817),  # --unify
]


@pytest.mark.parametrize(("options", "kind", "distinct", "number", "wanted", "total"), LASER)
def test_the_pairs_are_those_of_laser(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
    options: str,
    kind: str,
    distinct: int,
    number: int,
    wanted: str,
    total: float,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(distinct)
    vectors = f"--src-vectors x.{kind} --tgt-vectors y.{kind} --dim {D}"
    called = cli(*f"mine x.txt y.txt -o out.parquet {vectors} {options}".split())
    assert called.code == 0, called.err
    found = {(row["src_text"], row["tgt_text"]): row["score"] for row in read_pairs("out.parquet").to_pylist()}
    assert (len(found), digest(set(found))) == (number, wanted)
    assert sum(found.values()) == pytest.approx(total, rel=1e-5)


def test_every_kind_of_file_gives_the_same_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.chdir(tmp_path)
    write()
    for name, vectors in zip("xy", sides(), strict=True):
        np.save(f"{name}.npy", vectors)
        np.save(f"{name}64.npy", vectors.astype(np.float64))
        vectors.tofile(f"{name}raw.npy")  # as vecalign's users do
        lists = pa.table({"id": [str(row + 1) for row in range(len(vectors))], "vector": vectors.tolist()})
        pyarrow.parquet.write_table(lists.rename_columns(["id", "embedding"]), f"{name}.parquet")
        pyarrow.feather.write_feather(lists.drop_columns(["id"]), f"{name}.arrow", compression="uncompressed")
    outputs = []
    for kind in (".bin", ".npy", "64.npy", "raw.npy", ".parquet", ".arrow"):
        dim = ("--dim", str(D)) if kind in (".bin", "raw.npy") else ()
        called = cli(
            "mine", "x.txt", "y.txt", "-o", "-", "--src-vectors", f"x{kind}", "--tgt-vectors", f"y{kind}", *dim
        )
        assert called.code == 0, called.err
        outputs.append(called.out)
    assert outputs[0] and outputs == [outputs[0]] * len(outputs)


def test_folders_by_encode_tell_their_encoder(toy: Path, cli: Cli) -> None:
    wanted = cli("mine", "de.txt", "en.txt", "-o", "-", "--encoder", toy).out
    for side in ("de", "en"):
        assert cli("encode", f"{side}.txt", "-o", f"{side}.vectors", "--encoder", toy).code == 0
    both = cli("mine", "de.txt", "en.txt", "-o", "-", "--src-vectors", "de.vectors", "--tgt-vectors", "en.vectors")
    one = cli("mine", "de.txt", "en.txt", "-o", "-", "--tgt-vectors", "en.vectors", "--encoder", toy)
    assert (both.out, one.out) == (wanted, wanted)
    other = cli("mine", "de.txt", "en.txt", "-o", "out.tsv", "--tgt-vectors", "en.vectors")
    assert other.code == 1 and "different encoders" in other.err and other.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            "--src-vectors x.bin --tgt-vectors y.bin",
            1,
            "76,800 bytes are no float32 or float16 vectors of 400 sentences",
        ),
        (
            "--src-vectors x.bin --tgt-vectors y.bin --dim 47",
            1,
            "--dim says 47), which would be 48 float32 values each",
        ),
        ("--src-vectors x.npy --tgt-vectors y.bin --dim 48", 1, "x.npy: 3 vectors, but the corpus has 400 sentences"),
        ("--src-vectors flat.npy --tgt-vectors y.bin", 1, "float64 of shape (3,), wanted floats of shape (rows, dim)"),
        ("--src-vectors ids.parquet --tgt-vectors y.bin", 1, "other ids than the corpus"),
        ("--src-vectors nowhere --tgt-vectors y.bin", 1, "nowhere: no such file or folder"),
        ("--src-vectors x.bin", 2, "'x.bin' does not tell its encoder"),
        ("--dim 48", 2, "--dim is of bare vectors"),
        ("--src-vectors x.bin --tgt-vectors y.bin --encoder xret-mini", 2, "--encoder would encode nothing"),
        ("--src-vectors x.bin --tgt-vectors y.bin --src-sample x.txt", 2, "leave one out"),
    ],
)
def test_vectors_that_do_not_fit_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli, arguments: str, code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write()
    np.save("x.npy", np.ones((3, D), np.float32))
    np.save("flat.npy", np.ones(3))
    ids = pa.table({"id": [f"a{row}" for row in range(N)], "vector": [[1.0, 2.0]] * N})
    pyarrow.parquet.write_table(ids, "ids.parquet")
    called = cli(*f"mine x.txt y.txt -o out.tsv {arguments}".split())
    assert (called.code, called.out) == (code, "") and words in called.err and called.err.count("\n") == 1
    assert not Path("out.tsv").exists()
