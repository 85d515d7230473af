"""Translation probabilities of terms, learnt from parallel texts, and queries translated with them.

model1.py     IBM Model 1 in arrays
estimate.py   pairs of texts to a table, both directions
table.py      the table on disk, and opened
reader.py     queries as probabilistic structured queries
"""

from xret.indexes.lexical.lexicons.estimate import estimate_lexicon
from xret.indexes.lexical.lexicons.reader import Translated
from xret.indexes.lexical.lexicons.table import Lexicon, open_lexicon, write_lexicon

__all__ = ["Lexicon", "Translated", "estimate_lexicon", "open_lexicon", "write_lexicon"]
