"""Parallel sentences in suites: Tatoeba, FLORES and NTREX, scored as their commands do."""

from __future__ import annotations

from collections.abc import Mapping

from xret.corpus import check_lang
from xret.errors import InputError, UsageError
from xret.eval.flores import read_flores, read_ntrex
from xret.eval.nway import xsim_nway
from xret.eval.protocols import protocol
from xret.eval.protocols.rows import Hits, nway_row, tatoeba_row
from xret.eval.protocols.scored import Scored
from xret.eval.tatoeba import read_tatoeba, score_tatoeba
from xret.eval.xsim import text_codes
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.sentences import Kept, Role, Vectored, text_table

__all__ = ["Nway", "Tatoeba"]

ROLES: Mapping[str, Role] = {"sentences": None}


class Tatoeba(Vectored):
    """Lines and their English translations; `query_languages` restricts them."""

    roles = ROLES

    def __init__(self, entry: BenchmarkEntry) -> None:
        """Read it."""
        self.label, self.protocol = entry.name, protocol("tatoeba-laser")
        self._data = read_tatoeba(str(entry.path), langs=entry.query_languages or ())
        spoken = {lang: _language(lang) for lang in self._data}
        theirs = ((spoken[lang], text) for lang, lines in self._data.items() for text in lines.texts)
        english = (("en", text) for lines in self._data.values() for text in lines.english)
        self.inputs = {"sentences": text_table([*theirs, *english])}

    def score(self, encoder: Kept) -> Scored:
        """See `Vectored`."""
        hits: dict[str, Hits] = {}
        scores = score_tatoeba(self._data, encoder, hits=hits)
        return tatoeba_row(self.protocol, self._data, scores, hits, system="", benchmark=self.label)


class Nway(Vectored):
    """Every two of many languages; `query_languages` restricts them, and ``options = { split = "dev" }`` of FLORES."""

    roles = ROLES

    def __init__(self, entry: BenchmarkEntry) -> None:
        """Read it."""
        options, langs = dict(entry.options or {}), entry.query_languages or ()
        self.label, self.protocol = entry.name, protocol(str(entry.protocol))
        if entry.protocol == "flores":
            split = options.pop("split", "devtest")
            if split not in ("dev", "devtest"):
                raise UsageError(f"benchmark '{entry.name}': split is '{split}'; wanted dev or devtest")
            self.protocol = self.protocol.varied(split=split)
            self._data = read_flores(str(entry.path), split=split, langs=langs)
        else:
            self._data = read_ntrex(str(entry.path), langs=langs)
        if options:
            raise UsageError(f"benchmark '{entry.name}': no option '{next(iter(options))}' of {entry.protocol}")
        lines = ((each.lang, text) for each in self._data.values() for text in each.texts)
        self.inputs = {"sentences": text_table(lines)}

    def score(self, encoder: Kept) -> Scored:
        """See `Vectored`."""
        texts = {name: each.texts for name, each in self._data.items()}
        vectors = {
            name: encoder.encode(each.texts, lang=[each.lang] * len(each.texts)) for name, each in self._data.items()
        }
        scores = xsim_nway(vectors, same={name: text_codes(each) for name, each in texts.items()})
        return nway_row(self.protocol, scores, texts, system="", benchmark=self.label)


def _language(code: str) -> str:
    """As `score_tatoeba` calls it."""
    try:
        return check_lang(code)
    except InputError:
        return code
