"""Vector stores: a folder of Arrow IPC shards and a manifest, memory-mapped; arrays and tables behind the same face."""

from xret.vectors.store import Vectors
from xret.vectors.writer import SHARD_ROWS, VectorsWriter, write_vectors

__all__ = ["SHARD_ROWS", "Vectors", "VectorsWriter", "write_vectors"]
