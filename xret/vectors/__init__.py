"""Vector stores: a folder of Arrow IPC shards and a manifest, memory-mapped; arrays and tables behind the same face."""

from xret.vectors.foreign import vectors_of
from xret.vectors.store import Vectors
from xret.vectors.writer import SHARD_ROWS, VectorsWriter, write_vectors

__all__ = ["SHARD_ROWS", "Vectors", "VectorsWriter", "vectors_of", "write_vectors"]
