"""Pairs of which a side is not in its language.

Languages are told by py3langid (139 languages, naive Bayes over byte n-grams, BSD-3, 4.6 MB, no model to download). It
was measured against lingua (96 MB) and fastText's lid.176 on lines of 39 languages. Everyday sentences (Tatoeba, which
may have been among its training text): 0.95 right, lingua 0.90, fastText 0.86; below 15 characters 0.85, 0.84 and 0.76.
Paragraphs of software manuals: 0.92, 0.93 and 0.95. Sentences a second on one core: 22,000; 1,000; 50,000.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from xret.bitext.filters.filter import PairFilter, Verdict, text_batches
from xret.bitext.filters.letters import letter_share
from xret.corpus import check_lang
from xret.errors import UsageError, require

__all__ = ["Languages", "language_group"]

# Labels of the model that stand for one language here: varieties, and standards that short sentences do not tell apart.
_GROUPS = (
    ("no", "nb", "nn"),
    ("sr", "hr", "bs", "sh", "cnr"),
    ("id", "ms", "zsm"),
    ("zh", "yue", "wuu"),
    ("ar", "arz", "ary"),
    ("uz", "uzs"),
    ("ku", "sdh", "ckb"),
    ("el", "grc"),
    ("he", "hbo"),
    ("lv", "ltg"),
    ("tl", "fil"),
)
SHORT = 6  # bytes of letters below which nothing is said: two Chinese characters tell their language, PNG does not
UNDECIDED = 0.02  # of 140 labels each has 0.007 where the text tells nothing
NAMED = 8  # finer reasons that are told apart


@dataclass(frozen=True)
class Languages(PairFilter):
    """Drops pairs where a side is clearly not in its language.

    A text is let pass while its language has at least `least` of the probability: with a hundredth, 0.4 % of the true
    manual paragraphs of eight languages are lost (a third of them were never translated; most others are names of
    functions), and 96 % of those in the wrong language are found. Texts of less than six bytes of letters, and those
    that tell the model nothing, pass.

    Attributes:
        src, tgt: languages (BCP 47; script and region do not count). Norwegian Bokmål and Nynorsk are one, and so are
            Serbian, Croatian and Bosnian; Indonesian and Malay; the varieties of Chinese and of Arabic.
        least: probability.

    Raises:
        UsageError: a language that the model does not know, or the same on both sides.
        MissingExtraError: py3langid is not installed.
    """

    reason: ClassVar[str] = "language"
    src: str
    tgt: str
    least: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what cannot be told."""
        if not 0 < self.least < 1:
            raise UsageError(f"language identification: the least probability is {self.least}; wanted between 0 and 1")
        groups = [language_group(lang) for lang in (self.src, self.tgt)]
        if groups[0] == groups[1]:
            both = f"'{self.src}' and '{self.tgt}'"
            raise UsageError(f"language identification cannot tell {both} apart; leave it out")

    def judge(self, pairs: pa.Table) -> Verdict:
        """Ask of every text."""
        wanted = (language_group(self.src), language_group(self.tgt))
        keep, found = np.ones(pairs.num_rows, bool), Counter[str]()
        for start, *sides in text_batches(pairs):
            for row, texts in enumerate(zip(*sides, strict=True), start):
                for side, text, group in zip(("src", "tgt"), texts, wanted, strict=True):
                    instead = keep[row] and self._instead(text, group)
                    if instead:
                        found[f"{side} {_seems(instead)}"] += 1
                        keep[row] = False
        details = dict(found.most_common(NAMED))
        others = found.total() - sum(details.values())
        return Verdict(keep, f"{self.src} and {self.tgt} wanted", details | ({"others": others} if others else {}))

    def _instead(self, text: str, group: tuple[str, ...]) -> str | None:
        """The language that a text seems to be in, if it is not in one of `group`."""
        if len(text.encode(errors="surrogatepass")) * letter_share(text) < SHORT:
            return None
        if _identifier().classify(text)[0] in group:  # twice as fast as to rank all
            return None
        ranked: list[tuple[str, float]] = _identifier().rank(text)
        own = sum(share for label, share in ranked if label in group)
        return None if own >= self.least or ranked[0][1] < UNDECIDED else ranked[0][0]


def language_group(lang: str) -> tuple[str, ...]:
    """The model's labels that pass for a language (BCP 47).

    Raises:
        UsageError: the model has none.
    """
    language = check_lang(lang).partition("-")[0]
    group = next((group for group in _GROUPS if language in group), (language,))
    known = frozenset(_identifier().labels)
    if not known.intersection(group):
        named = " ".join(sorted(label for label in known if label != "zxx"))
        raise UsageError(f"language identification does not know '{lang}'; it knows {named}")
    return group


def _seems(label: str) -> str:
    return "seems no language" if label == "zxx" else f"seems '{label}'"


@lru_cache(maxsize=1)
def _identifier() -> Any:
    module = require("py3langid.langid", extra="lid", purpose="identifying languages")
    return module.LanguageIdentifier.from_model_file(module.MODEL_FILE, norm_probs=True)
