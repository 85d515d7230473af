"""Examples of `xret store`; folders stand where a server's name may stand."""

from __future__ import annotations

__all__ = ["ALL", "DELETE", "DROP", "INFO", "LINK", "LOAD", "SWAP"]

FIRST = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret encode docs.jsonl -o vectors
"""
LOADED = f"{FIRST}  xret store load vectors --to docs-1 --corpus docs.jsonl\n"
LOAD = f"""{FIRST}With a server: --to milvus://127.0.0.1:19530/docs
Examples:
  xret store load vectors --to docs-1 --corpus docs.jsonl
  xret store load vectors --to docs-2 --corpus docs.jsonl --index HNSW32 --alias live
  xret search live "rain and wind" -k 3
"""
LINK = f"""{LOADED}Examples:
  xret store link docs-1 -o docs.index
"""
INFO = f"""{LOADED}Examples:
  xret store info docs-1
  xret store info docs-1 --json
"""
SWAP = f"""{LOADED}Examples:
  xret store swap live docs-1
"""
DELETE = f"""{LOADED}Examples:
  xret store delete docs-1 1 2
"""
DROP = f"""{LOADED}Examples:
  xret store drop docs-1
"""
ALL = f"""{FIRST}Examples:
  xret store load vectors --to docs-1 --corpus docs.jsonl
  xret store swap live docs-1
"""
