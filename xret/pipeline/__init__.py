"""Pipelines: stages composed in Python (``encode >> mine``) or in a TOML file, cached by content and resumable.

compose.py   Step, Pipeline: which stage reads and writes which named value
store.py     results on disk under a key of options and input contents
made.py      when, by what and where a result was made
lock.py      one process at a time works on a result
scratch.py   the temporary folder of a pipeline that keeps nothing
hashes.py    the content hash of a table or an artifact folder
source.py    named inputs: files and folders to values
sink.py      named outputs: values to files
options.py   plain values of a TOML file to the typed options of a stage
file.py      the TOML file
expected.py  rows and bytes that a stage will make
preview.py   what a file would do: rows, sizes, what is cached
suite/       many systems on many benchmarks
"""

from xret.pipeline.compose import Pipeline, Step
from xret.pipeline.file import PipelineFile, read_pipeline
from xret.pipeline.hashes import value_hash
from xret.pipeline.preview import Preview, preview
from xret.pipeline.source import Source
from xret.pipeline.store import StepReport

__all__ = [
    "Pipeline",
    "PipelineFile",
    "Preview",
    "Source",
    "Step",
    "StepReport",
    "preview",
    "read_pipeline",
    "value_hash",
]
