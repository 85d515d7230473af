"""What a query generator is asked: a template filled with a passage and the language wanted, by its English name.

The default is that of the xQG checkpoints (Zhuang, Shou & Zuccon 2023; ielabgroup/xor-tydi-docTquery-mt5-*), whose
files do not tell it: only their cards do. doc2query models want ``{text}`` alone.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xret.corpus import check_lang
from xret.corpus.languages import UNKNOWN
from xret.errors import UsageError
from xret.suggest import did_you_mean

__all__ = ["XQG_PROMPT", "Asked", "Prompt", "parse_languages"]

XQG_PROMPT = "Generate a {language} question for this passage: {title} {text}"
_FIELDS = ("language", "lang", "title", "text")
# mT5's languages (Xue et al. 2021, table 6) and a few more, as English speakers call them.
_TABLE = """
af=Afrikaans am=Amharic ar=Arabic az=Azerbaijani be=Belarusian bg=Bulgarian bn=Bengali bs=Bosnian ca=Catalan ceb=Cebuano
co=Corsican cs=Czech cy=Welsh da=Danish de=German el=Greek en=English eo=Esperanto es=Spanish et=Estonian eu=Basque
fa=Persian fi=Finnish fil=Filipino fr=French fy=Frisian ga=Irish gd=Gaelic gl=Galician gu=Gujarati ha=Hausa haw=Hawaiian
he=Hebrew hi=Hindi hmn=Hmong hr=Croatian ht=Haitian hu=Hungarian hy=Armenian id=Indonesian ig=Igbo is=Icelandic
it=Italian ja=Japanese jv=Javanese ka=Georgian kk=Kazakh km=Khmer kn=Kannada ko=Korean ku=Kurdish ky=Kyrgyz la=Latin
lb=Luxembourgish lo=Lao lt=Lithuanian lv=Latvian mg=Malagasy mi=Maori mk=Macedonian ml=Malayalam mn=Mongolian mr=Marathi
ms=Malay mt=Maltese my=Burmese nb=Norwegian ne=Nepali nl=Dutch nn=Norwegian no=Norwegian ny=Chichewa om=Oromo pa=Punjabi
pl=Polish ps=Pashto pt=Portuguese ro=Romanian ru=Russian rw=Kinyarwanda sd=Sindhi si=Sinhala sk=Slovak sl=Slovenian
sm=Samoan sn=Shona so=Somali sq=Albanian sr=Serbian st=Sotho su=Sundanese sv=Swedish sw=Swahili ta=Tamil te=Telugu
tg=Tajik th=Thai ti=Tigrinya tl=Tagalog tr=Turkish tt=Tatar ug=Uyghur uk=Ukrainian ur=Urdu uz=Uzbek vi=Vietnamese
wo=Wolof xh=Xhosa yi=Yiddish yo=Yoruba yue=Cantonese zh=Chinese zu=Zulu
"""
_NAMES = dict(pair.split("=") for pair in _TABLE.split())


@dataclass(frozen=True)
class Asked:
    """One prompt."""

    docid: str
    lang: str  # of the queries that are wanted
    text: str


@dataclass(frozen=True)
class Prompt:
    """How passages become prompts.

    Attributes:
        template: with the fields ``{language}`` (the English name), ``{lang}`` (the code), ``{title}``, ``{text}``.
        languages: code -> English name, of the languages wanted; none where the template names no language.
        own: also ask for queries in the passage's own language.

    Raises:
        UsageError: an unknown field or none for the text, or languages and template do not go together.
    """

    template: str = XQG_PROMPT
    languages: Mapping[str, str] = field(default_factory=dict)
    own: bool = False

    def __post_init__(self) -> None:
        """Refuse templates that cannot be filled."""
        try:
            fields = [
                (name, spec, how) for _, name, spec, how in string.Formatter().parse(self.template) if name is not None
            ]
        except ValueError as error:
            raise UsageError(
                f"prompt '{self.template}': {error}; write {{{{ for a brace that is meant as one"
            ) from error
        for name, spec, how in fields:
            if name in _FIELDS and (spec or how):
                odd = name + (f"!{how}" if how else "") + (f":{spec}" if spec else "")
                raise UsageError(f"prompt '{self.template}': '{{{odd}}}' asks for a format; write {{{name}}}")
            if name not in _FIELDS:
                raise UsageError(f"prompt '{self.template}': no field '{{{name}}}'; {did_you_mean(name, _FIELDS)}")
        if "text" not in {name for name, _, _ in fields}:
            raise UsageError(f"prompt '{self.template}': has no {{text}}, the place of the passage")
        if self.named and not self.languages:
            raise UsageError(f"prompt '{self.template}': names a language; say which ones are wanted, as in --to de,ja")
        if len(self.languages) > 1 and not self.named:
            raise UsageError(
                f"prompt '{self.template}': names no language, so {len(self.languages)} languages cannot be asked for; "
                "put {language} into it, or give the one language that the model writes"
            )

    @property
    def named(self) -> bool:
        """Whether the template says which language is wanted."""
        return any(name in ("language", "lang") for _, name, _, _ in string.Formatter().parse(self.template))

    @property
    def titled(self) -> bool:
        """Whether the template has a place for a title."""
        return any(name == "title" for _, name, _, _ in string.Formatter().parse(self.template))

    def ask(self, rows: Iterable[Mapping[str, str | None]]) -> list[Asked]:
        """The prompts for passages (`id`, `text`, and perhaps `lang`, `title`), passage by passage.

        Queries are asked for in the languages wanted, but for the passage's own unless `own`. Where the template names
        no language, they are in the one wanted, or in the passage's.
        """
        return [asked for row in rows for asked in self._of(row)]

    def _of(self, row: Mapping[str, str | None]) -> list[Asked]:
        docid, text, own = str(row["id"]), str(row["text"]), row.get("lang") or UNKNOWN
        template = self.template if row.get("title") else self.template.replace("{title} ", "")
        wanted = self.languages
        if not self.named:
            wanted = self.languages or {own: ""}
        elif not self.own:
            wanted = {tag: name for tag, name in wanted.items() if tag.partition("-")[0] != own.partition("-")[0]}
        return [
            Asked(docid, tag, template.format(language=name, lang=tag, title=row.get("title") or "", text=text))
            for tag, name in wanted.items()
        ]


def parse_languages(words: Sequence[str]) -> dict[str, str]:
    """Codes to English names, from ``de`` or ``de=German`` each, in the order given.

    Raises:
        UsageError: a code without a name that is known here, or twice the same.
        InputError: no language code.
    """
    languages: dict[str, str] = {}
    for word in words:
        code, _, name = word.partition("=")
        tag = check_lang(code)
        if tag in languages:
            raise UsageError(f"language '{tag}' is asked for twice; name it once")
        name = name.strip() or _NAMES.get(tag) or _NAMES.get(tag.partition("-")[0], "")
        if not name:
            raise UsageError(f"language '{tag}': its English name is not known here; give it, as in {tag}=Name")
        languages[tag] = name
    return languages
