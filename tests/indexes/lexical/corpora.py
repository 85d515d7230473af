"""Made-up documents in several languages, and BM25 written down once more, as slowly as possible."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from xret.indexes.lexical.analyzers import analyzer_for, base_language

_LINES = {
    "de": "Haus Häuser Fluss Brücke Boot Boote fahren fährt schnell Wasser und der die im Wald",
    "en": "house houses river bridge boat boats sail sails quick water and the in a wood",
    "sl": "hiša hiše reka most čoln čolni hitro voda in na pod gozd gozdovi",
    "zh": "房子 河流 桥梁 小船 快速 航行 森林 水",
    "th": "บ้าน แม่น้ำ สะพาน เรือ เร็ว ป่า",
}
WORDS = {lang: line.split() for lang, line in _LINES.items()}


def texts_of(rows: int, *, seed: int = 0, languages: Sequence[str] = ("de", "en", "sl", "zh", "th")) -> pa.Table:
    """`id, text, lang`; a few texts are copies, and a few hold no word."""
    random = np.random.default_rng(seed)
    texts: list[str] = []
    langs: list[str] = []
    for row in range(rows):
        lang = languages[int(random.integers(len(languages)))]
        words = random.choice(WORDS[lang], int(random.integers(1, 12)))
        texts.append("… !" if row % 37 == 36 else texts[-1] if row % 23 == 22 else " ".join(words))
        langs.append(langs[-1] if row % 23 == 22 else lang)
    return pa.table({"id": [f"d{row}" for row in range(rows)], "text": texts, "lang": langs})


def queries_of(count: int, *, seed: int = 1) -> pa.Table:
    """`id, text, lang`: words of two languages in each."""
    random = np.random.default_rng(seed)
    texts, langs = [], []
    for _ in range(count):
        one, other = random.choice(list(WORDS), 2)
        texts.append(" ".join([*random.choice(WORDS[str(one)], 3), *random.choice(WORDS[str(other)], 2)]))
        langs.append(str(one))
    return pa.table({"id": [f"q{row}" for row in range(count)], "text": texts, "lang": langs})


def bm25_by_hand(
    corpus: pa.Table, query: str, *, k1: float = 0.9, b: float = 0.4, given: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Document id -> score above 0, language by language, in plain Python."""
    scores: dict[str, float] = {}
    rows = list(zip(*(corpus[name].to_pylist() for name in ("id", "text", "lang")), strict=True))
    for language in {base_language(lang) for _, _, lang in rows}:
        analyze = analyzer_for(language, given)
        bags = {id: Counter(analyze.terms(text)) for id, text, lang in rows if base_language(lang) == language}
        bags = {id: bag for id, bag in bags.items() if bag}
        if not bags:
            continue
        mean = sum(sum(bag.values()) for bag in bags.values()) / len(bags)
        for term, weight in analyze.weighed(query).items():
            df = sum(term in bag for bag in bags.values())
            idf = math.log(1 + (len(bags) - df + 0.5) / (df + 0.5))
            for id, bag in bags.items():
                if tf := bag[term]:
                    norm = k1 * (1 - b + b * sum(bag.values()) / mean)
                    scores[id] = scores.get(id, 0.0) + weight * idf * tf / (tf + norm)
    return scores
