"""The GPU bench runs, small and on the CPU: it must not fail on the day there is a GPU."""

from __future__ import annotations

import pytest

from tests.bench import gpu

pytest.importorskip("faiss")


def test_bench_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = gpu.main(["--cpu", "--tiny"])
    out = capsys.readouterr().out
    assert (code, "failed: nothing" in out) == (0, True), out
    for title in ("Right?", "Throughput", "Beyond the memory", "Corpora, end to end", "k-NN"):
        assert f"## {title}" in out
    assert "| NO |" not in out
    assert "no padding at all" in out
