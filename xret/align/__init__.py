"""Alignment of documents that are translations of each other: documents to documents, segments within them.

segments.py     a corpus as documents made of segments; splitting.py: texts into sentences
documents.py    one vector a document: what it says, in which order
blocks.py       runs of consecutive segments as text and as vectors
costs.py        what setting one block against another costs: cosines, lengths, shapes; prices.py: its constants
sheet.py        those costs within a band
band.py         the dynamic programme in a band of the matrix
coarse.py       from coarse to fine, in linear time
beads.py        what an alignment is made of
collection.py   one side: documents with vectors; table.py: beads as sentence pairs
scores.py       strict and lax precision and recall
"""

from xret.align.beads import Bead, Blocks
from xret.align.blocks import embedded_blocks
from xret.align.coarse import align_blocks
from xret.align.documents import document_vectors, rarity
from xret.align.prices import VECALIGN, Prices
from xret.align.scores import AlignmentScores, alignment_scores
from xret.align.segments import SEPARATOR, document_starts, segments
from xret.align.splitting import split_lines, split_sentences
from xret.align.table import joined_ids

__all__ = [
    "SEPARATOR",
    "VECALIGN",
    "AlignmentScores",
    "Bead",
    "Blocks",
    "Prices",
    "align_blocks",
    "alignment_scores",
    "document_starts",
    "document_vectors",
    "embedded_blocks",
    "joined_ids",
    "rarity",
    "segments",
    "split_lines",
    "split_sentences",
]
