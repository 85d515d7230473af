"""Another name in a text."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

__all__ = ["Names", "names_of"]

_WORD = re.compile(r"[^\W\d_](?:[\w'’.-]*\w)?")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ](?:[A-Za-zÀ-ɏ0-9.+-]*[A-Za-zÀ-ɏ0-9])")
_FOREIGN = re.compile(r"[^\W\d_À-ɏA-Za-z]")  # a letter of another script than Latin
_KATAKANA = re.compile(r"[ァ-ヺー・]{3,}")
_ENDS = '.!?:;…。！？：«»"“”„([{—–•'
_COMMON_NOUNS = ("de", "lb", "nds", "gsw")  # write them with a capital, too: there only names with one inside count


def names_of(text: str, lang: str) -> list[re.Match[str]]:
    """The words of a text that look like names, in order.

    Words with a capital that is not the beginning of a sentence (in German, whose nouns have one, words with
    a capital or digit inside); Latin words in a text of another script; three or more katakana.
    """
    found = [match for match in _WORD.finditer(text) if _capital(match, text, lang.partition("-")[0])]
    if not _FOREIGN.search(text):
        return found
    found = [match for match in found if not _LATIN.search(match.group())]  # of "LibreOfficeの" a part
    return sorted([*found, *_LATIN.finditer(text), *_KATAKANA.finditer(text)], key=lambda match: match.start())


def _capital(match: re.Match[str], text: str, lang: str) -> bool:
    word = match.group()
    inside = any(letter.isupper() or letter.isdigit() for letter in word[1:])
    if lang in _COMMON_NOUNS or not word[0].isupper():
        return inside
    before = text[: match.start()].rstrip()
    return inside or (len(word) > 1 and bool(before) and before[-1] not in _ENDS)


class Names:
    """The names of some texts, to take others from."""

    def __init__(self, texts: Iterable[str], lang: str) -> None:
        """Collect the distinct names of texts of one language, in order of appearance."""
        found: dict[str, None] = {}
        for text in texts:
            found.update(dict.fromkeys(match.group() for match in names_of(text, lang)))
        self.lang, self.names = lang, tuple(found)

    def other_name(self, text: str, chance: random.Random) -> str | None:
        """The text with one of its names, wherever it stands in it, replaced by a name that it does not have.

        Returns:
            The changed text; None where there is no name in it, or no other one anywhere.
        """
        places = names_of(text, self.lang)
        own = {match.group() for match in places}
        if not places or not self.names:
            return None
        name = chance.choice(places).group()
        for _ in range(20):  # nearly always the first try
            other = chance.choice(self.names)
            if other not in own:
                break
        else:
            return None
        for match in reversed([match for match in places if match.group() == name]):
            text = text[: match.start()] + other + text[match.end() :]
        return text
