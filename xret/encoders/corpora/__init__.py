"""Whole corpora to vectors: in shards, by several processes, to vector stores or flat files."""
