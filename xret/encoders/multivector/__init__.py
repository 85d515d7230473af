"""Models that give a vector per token (ColBERT and its kin): what their checkpoints say, and how texts are read.

Stanford ColBERT and PLAID-X, PyLate, sentence-transformers 6 and BGE-M3 each have a layout and habits of their own;
which a checkpoint has is read from its files (`layouts`), written down in `xret.encoders.recipe.MultiVector`, and
carried out by one reader (`reader`).
"""

from xret.encoders.multivector.layouts import Layout, find_layout, whose_lengths, with_token_vectors
from xret.encoders.multivector.reader import MultiVectorReader

__all__ = ["Layout", "MultiVectorReader", "find_layout", "whose_lengths", "with_token_vectors"]
