"""Sentence pairs: files of them (TSV, JSONL, Parquet, TMX, Moses; text also packed), filters, reports.

columns.py   the columns of a pairs table, formats by name
files.py     any of the formats to columns; read_tmx.py for TMX
read.py      `read_pairs`, `read_gold`
write.py     `write_pairs`; write_tmx.py and write_moses.py for these two
filters/     `FilterChain`: drops pairs for reasons, and counts them
calibration/ from scores to P(parallel)
negatives/   sentences changed in a number, a name or by a negation
report/      `bitext_report`: a run for people to read, as text and HTML
"""

from xret.bitext.columns import FORMATS, PAIR_COLUMNS, Format, Langs, format_of
from xret.bitext.read import read_gold, read_pairs
from xret.bitext.write import write_pairs

__all__ = ["FORMATS", "PAIR_COLUMNS", "Format", "Langs", "format_of", "read_gold", "read_pairs", "write_pairs"]
