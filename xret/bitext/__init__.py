"""Sentence pairs and gold pairs in files: TSV, JSONL and Parquet, text also packed (``.gz``, ``.zst``).

columns.py   the columns of a pairs table, formats by name
files.py     any of the formats to columns
read.py      `read_pairs`, `read_gold`
write.py     `write_pairs`
"""

from xret.bitext.columns import FORMATS, PAIR_COLUMNS, Format, format_of
from xret.bitext.read import read_gold, read_pairs
from xret.bitext.write import write_pairs

__all__ = ["FORMATS", "PAIR_COLUMNS", "Format", "format_of", "read_gold", "read_pairs", "write_pairs"]
