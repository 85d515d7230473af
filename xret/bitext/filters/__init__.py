"""Filters over a table of sentence pairs: each drops for one reason, every drop is counted, none changes a row.

filter.py       `PairFilter`, and what one says: `Verdict`
chain.py        `FilterChain`: filters one after the other, counts by reason
forms.py        texts without differences that do not matter, their keys and their likeness
scores.py       `ScoreFloor`, `ScoreCap`
letters.py      `Letters`: digits and punctuation only
copies.py       `Copies`: untranslated
languages.py    `Languages`: not in the language that the side is said to be in
lengths.py      `LengthRatio`: too long for the other side, learnt from the pairs
duplicates.py   `NearDuplicates`: the best-scored of pairs that say the same; alike.py finds those that nearly do
repeats.py      `Repeats`: a sentence in too many pairs
doubts.py       `doubts`: what looks wrong about the top of a list; `hubs`
"""

from xret.bitext.filters.chain import Count, FilterChain, Filtered
from xret.bitext.filters.copies import Copies
from xret.bitext.filters.doubts import Hubs, doubts, hub_doubts, hubs
from xret.bitext.filters.duplicates import NearDuplicates
from xret.bitext.filters.filter import PairFilter, RowFilter, Verdict
from xret.bitext.filters.languages import Languages
from xret.bitext.filters.lengths import LengthRatio
from xret.bitext.filters.letters import Letters
from xret.bitext.filters.repeats import Repeats
from xret.bitext.filters.scores import ScoreCap, ScoreFloor

__all__ = [
    "Copies",
    "Count",
    "FilterChain",
    "Filtered",
    "Hubs",
    "Languages",
    "LengthRatio",
    "Letters",
    "NearDuplicates",
    "PairFilter",
    "Repeats",
    "RowFilter",
    "ScoreCap",
    "ScoreFloor",
    "Verdict",
    "doubts",
    "hub_doubts",
    "hubs",
]
