"""Models that write text: sequence-to-sequence checkpoints to ONNX graphs, greedy and sampled decoding, queries."""

from xret.encoders.generators.generator import Generator, load_generator
from xret.encoders.generators.sampling import Sampling

__all__ = ["Generator", "Sampling", "load_generator"]
