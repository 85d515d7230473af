"""How sure a difference is: every query weighs, chance is drawn from a seed that is printed.

clusters.py       queries that belong together, such as translations of one topic
randomisation.py  paired randomisation test: signs of differences flipped
bootstrap.py      confidence intervals: queries drawn again
correction.py     Holm, Benjamini-Hochberg: p-values when several comparisons are made
power.py          the least difference that a set of queries can show
groups.py         macro averages: languages that weigh the same
compare.py        `compare_runs`: intervals and differences of several systems, by all of the above
"""

from xret.eval.statistics.bootstrap import bootstrap, bootstrap_means, interval
from xret.eval.statistics.clusters import Clusters, clusters_of
from xret.eval.statistics.compare import Comparison, compare_runs
from xret.eval.statistics.correction import CORRECTIONS, benjamini_hochberg, corrected, holm
from xret.eval.statistics.power import detectable
from xret.eval.statistics.randomisation import Tested, randomisation_test

__all__ = [
    "CORRECTIONS",
    "Clusters",
    "Comparison",
    "Tested",
    "benjamini_hochberg",
    "bootstrap",
    "bootstrap_means",
    "clusters_of",
    "compare_runs",
    "corrected",
    "detectable",
    "holm",
    "interval",
    "randomisation_test",
]
