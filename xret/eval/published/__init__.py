"""Numbers that others published, each with where and when it was read; to stand beside rows of the same protocol.

baselines.tsv   one number a line:
    protocol    whose definition it follows; empty: none of ours, so that it stands beside nothing
    benchmark   as `Benchmark.name` has it; languages joined by +, in order of their codes: the mean over them
    measure     as we spell it, if it is the same; else as the source does
    value       0 to 1, with as many digits as published
    looked_up   when it was read there
    verified    repository, paper (read in full), secondary (quoted by others: check before citing), measured (by us)
"""

from xret.eval.published.baselines import Baseline, baselines, beside, elsewhere

__all__ = ["Baseline", "baselines", "beside", "elsewhere"]
