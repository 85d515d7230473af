"""Another number in a text."""

from __future__ import annotations

import random
import re
import unicodedata

__all__ = ["other_number"]

# Digits of any script; no part of a word or of a name such as MP3 or x86, whose change would be one of entity.
_NUMBER = re.compile(r"(?<![^\W\d_])(?<!\d)\d{1,18}(?![^\W\d_])(?!\d)")
_WORDS = {
    "en": "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig hundert tausend",
    "fr": "deux trois quatre cinq six sept huit neuf dix onze douze vingt trente quarante cinquante cent mille",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cuarenta cincuenta cien mil",
    "ru": "два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать двадцать тридцать сто тысяча",
    "tr": "iki üç dört beş altı yedi sekiz dokuz on yirmi otuz kırk elli yüz bin",
    "fi": "kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän kymmenen sata tuhat",
}
WORDS = {lang: tuple(words.split()) for lang, words in _WORDS.items()}


def other_number(text: str, lang: str, chance: random.Random) -> str | None:
    """The text with one of its numbers replaced: digits by as many other digits, a number word by another one.

    Args:
        text: any text.
        lang: BCP 47; number words are known in a few languages, digits in all scripts.
        chance: decides.

    Returns:
        The changed text; None when there is no number in it.
    """
    found = list(_NUMBER.finditer(text))
    if found:
        match = chance.choice(found)
        return text[: match.start()] + _other_digits(match.group(), chance) + text[match.end() :]
    words = WORDS.get(lang.partition("-")[0], ())
    places = [match for match in re.finditer(r"[^\W\d_]+", text) if match.group().lower() in words]
    if not places:
        return None
    match = chance.choice(places)
    word = chance.choice([each for each in words if each != match.group().lower()])
    return text[: match.start()] + (word.capitalize() if match.group()[0].isupper() else word) + text[match.end() :]


def _other_digits(digits: str, chance: random.Random) -> str:
    """As many digits of the same script, another number, with no zero before it that was not there."""
    zero = chr(ord(digits[0]) - unicodedata.decimal(digits[0]))
    while True:
        first = chance.randrange(0 if digits[0] == zero and len(digits) > 1 else 1, 10)
        values = [first, *(chance.randrange(10) for _ in digits[1:])]
        made = "".join(chr(ord(zero) + value) for value in values)
        if made != digits:
            return made
