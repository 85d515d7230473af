"""Benchmarks: published evaluation sets read from local files in their own formats, and scored by their protocols.

benchmark.py    `Benchmark`: documents, queries, judgements or answers
documents.py    `Documents`: a corpus as a stream of batches
load.py         `load_benchmark`, by name; which names there are
found.py        finding a set's files in a folder, by the names they are published under
lines.py        JSON lines and tab-separated lines, with the number of every bad one
topics.py (markup.py, clir_topics.py), judgements.py, passages.py   the formats that several sets share
family.py       what a family of sets tells about itself
mrtydi.py, miracl.py, mmarco.py, clir.py, clef.py, answers.py   published sets, by the layout of their files
folders.py, own.py, irds.py   folders of BEIR and MTEB, files of one's own, data sets of ir_datasets
generic.py      protocols of what is not published
checks.py       what must fit together: ids, labels, pools
scoring.py      a run by the protocol: depth, labels, missing queries, averages
export.py       the same data in xret's own formats
"""

from xret.eval.benchmarks.benchmark import Benchmark
from xret.eval.benchmarks.documents import Documents
from xret.eval.benchmarks.load import BENCHMARKS, load_benchmark, load_benchmarks

__all__ = ["BENCHMARKS", "Benchmark", "Documents", "load_benchmark", "load_benchmarks"]
