"""Random tokenisers with fewer pieces: texts whose tokens are all kept keep them, one to one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders.trimming.merges import Merges
from xret.encoders.trimming.subwords import Subwords
from xret.errors import ModelError

LETTERS = "abcd"
BYTES = [f"<0x{n:02X}>" for n in range(256)]
SPECIAL = ["<s>", "<pad>", "<unk>"]


def words(chance: random.Random, count: int, letters: str = LETTERS, longest: int = 5) -> list[str]:
    return ["".join(chance.choices(letters, k=chance.randint(1, longest))) for _ in range(count)]


def unigram(chance: random.Random) -> Any:
    """Few scores, so that segmentations tie; letters may be missing, or be what costs most."""
    from tokenizers import models

    pieces = [*dict.fromkeys([*words(chance, 40, longest=4), *chance.sample(LETTERS, 3)])]
    scores = chance.choice([[-1.0, -2.0, -3.0], [-1.0, -2.0, -30.0], [-0.7, -1.3, -5.1, -11.9]])
    scored = [(text, 0.0) for text in SPECIAL] + [(piece, chance.choice(scores)) for piece in pieces]
    fallback = chance.random() < 0.3
    return models.Unigram(scored + [(byte, -9.0) for byte in BYTES if fallback], unk_id=2, byte_fallback=fallback)


def bpe(chance: random.Random) -> Any:
    """Several merges may make one piece, and a piece may be of no use but for others."""
    from tokenizers import models

    prefix, suffix = chance.choice([(None, None), ("#", None), (None, "$"), ("#", "$")])
    letters = chance.sample(LETTERS, 3)
    ends = ["", suffix] if suffix else [""]
    starts = ["", prefix] if prefix else [""]
    pieces = [f"{start}{letter}{end}" for letter in letters for start in starts for end in ends]
    merges: list[tuple[str, str]] = []
    while len(merges) < 40:
        left, right = chance.choice(pieces), chance.choice(pieces)
        if (suffix and left.endswith(suffix)) or (prefix and not right.startswith(prefix)) or (left, right) in merges:
            continue
        merges.append((left, right))
        pieces.append(left + right[len(prefix or "") :])
    fallback = chance.random() < 0.3
    vocabulary = {text: n for n, text in enumerate([*SPECIAL, *(BYTES if fallback else []), *dict.fromkeys(pieces)])}
    marks = {"continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}
    marks = {name: mark for name, mark in marks.items() if mark}
    return models.BPE(
        vocabulary, merges, unk_token="<unk>", fuse_unk=chance.random() < 0.5,
        ignore_merges=chance.random() < 0.3,
        byte_fallback=fallback, **marks,
    )  # fmt: skip


def wordpiece(chance: random.Random) -> Any:
    from tokenizers import models

    texts = [chance.choice(["", "##"]) + word for word in words(chance, 60, longest=3)]
    vocabulary = {text: n for n, text in enumerate(dict.fromkeys([*SPECIAL, *texts]))}
    return models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=7)


def wordlevel(chance: random.Random) -> Any:
    from tokenizers import models

    vocabulary = {text: n for n, text in enumerate(dict.fromkeys([*SPECIAL, *words(chance, 60, longest=2)]))}
    return models.WordLevel(vocabulary, unk_token="<unk>")


def tokeniser(model: Any, chance: random.Random) -> Any:
    from tokenizers import AddedToken, Tokenizer, pre_tokenizers, processors

    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens([*SPECIAL, "[new]"])
    made.add_tokens([AddedToken("bb!", normalized=False)])
    ids: Any = [("<s>", 0), ("[new]", made.token_to_id("[new]"))]
    made.post_processor = chance.choice(
        [
            processors.TemplateProcessing(single="<s> $A [new]", special_tokens=ids),
            processors.RobertaProcessing(ids[1], ids[0]),
            processors.Sequence([processors.ByteLevel(), processors.BertProcessing(ids[1], ids[0])]),
        ]
    )
    made.enable_padding(pad_id=1, pad_token="<pad>")
    return made


def texts(chance: random.Random, count: int) -> list[str]:
    kinds = [*words(chance, 6), "<s>", "abb!c", "[new]", "x", "aé", "abcdabcdabcd"]
    return [
        " ".join(chance.choices([*words(chance, 6, longest=8), *kinds], k=chance.randint(0, 3))) for _ in range(count)
    ]


@pytest.mark.parametrize("make", [unigram, bpe, wordpiece, wordlevel])
@pytest.mark.parametrize("seed", range(40))
def test_covered_texts_keep_their_tokens(make: Any, seed: int, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    chance = random.Random(seed)
    old = tokeniser(make(chance), chance)
    old.save(str(tmp_path / "tokenizer.json"))
    old.no_padding()
    subwords, corpus = Subwords(tmp_path / "tokenizer.json"), texts(chance, 12)
    seen = {number for text in corpus for number in old.encode(text).ids}
    if chance.random() < 0.5:  # some were too rare
        seen -= set(chance.sample(sorted(seen), len(seen) // 3))
    kept = subwords.fixed.union(*map(subwords.together, seen))
    if make is wordpiece:
        kept |= {n for text in corpus for part in subwords.around(text) for word in part.split()
                 for n in subwords.unknown_prefix(word)}  # fmt: skip
    order = subwords.order(kept)
    new: Any = Tokenizer.from_str(subwords.trimmed(order))
    assert new.padding["pad_id"] == order.tolist().index(1) and new.get_vocab_size() == len(order) == len(kept)
    new.no_padding()
    number, covered = {int(n): place for place, n in enumerate(order)}, 0
    for text in [*corpus, *texts(chance, 200)]:
        before = old.encode(text)
        known = text in corpus or make is not wordpiece or 2 not in before.ids
        if known and set(before.ids) <= kept:
            after = new.encode(text)
            assert (after.ids, after.tokens) == ([number[n] for n in before.ids], before.tokens), text
            covered += 1
    assert covered


def ids_of(model: Any, kept: list[str], tmp_path: Path, text: str) -> tuple[list[str], list[str]]:
    """The tokens of a text with all pieces, and with some."""
    from tokenizers import Tokenizer

    old = Tokenizer(model)
    old.save(str(tmp_path / "tokenizer.json"))
    subwords = Subwords(tmp_path / "tokenizer.json")
    numbers = {number for piece in kept if (number := subwords.id_of(piece)) is not None}
    if subwords.kind == "WordPiece":
        numbers |= subwords.unknown_prefix(text)
    new = Tokenizer.from_str(subwords.trimmed(subwords.order(numbers | subwords.fixed)))
    return old.encode(text).tokens, new.encode(text).tokens


def test_an_unknown_letter_costs_no_less_than_before(tmp_path: Path) -> None:
    from tokenizers import models

    scores = {"<unk>": 0.0, "c": -31.0, "abd": -1.0, "a": -10.0, "b": -10.0, "dc": -10.0}
    model = models.Unigram([*scores.items()], unk_id=0, byte_fallback=False)
    old, new = ids_of(model, ["abd", "a", "b", "dc"], tmp_path, "abdc")
    assert old == new == ["a", "b", "dc"]  # "abd" and an unknown "c" would be -1 - 20


def test_an_unknown_word_stays_unknown(tmp_path: Path) -> None:
    from tokenizers import models

    vocabulary = {text: n for n, text in enumerate(["[UNK]", "ab", "a", "##bd"])}
    old, new = ids_of(models.WordPiece(vocabulary, unk_token="[UNK]"), ["a", "##bd"], tmp_path, "abd")
    assert old == new == ["[UNK]"]  # "ab" is matched first, and nothing after it


def test_letters_count_as_often_as_they_are_seen(tmp_path: Path) -> None:
    from tokenizers import models

    vocabulary = [("<unk>", 0.0), ("▁", -9.0), ("a", -8.0), ("▁ab", -1.0), ("b", -8.0), ("c", -8.0), ("abc", -2.0)]
    made = tokeniser(models.Unigram(vocabulary, unk_id=0, byte_fallback=False), random.Random(0))
    made.save(str(tmp_path / "tokenizer.json"))
    subwords = Subwords(tmp_path / "tokenizer.json")
    counts = np.array([3, 0, 1, 5, 0, 0, 0], np.int64)
    assert subwords.with_characters(counts).tolist() == [3, 5, 6, 5, 5, 0, 0]


def test_derivations() -> None:
    merges = Merges({"merges": [["a", "b"], "b c", ["ab", "c"], ["a", "bc"]]})
    assert merges.derivation("abc") == {"a", "b", "c", "ab", "abc"}  # "bc" would do too, but comes later
    stuck = Merges({"merges": [["a", "bc"], ["a", "b"]]})
    assert stuck.derivation("abc") == {"a", "b", "c", "ab", "abc", "bc"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as a tokeniser"),
        (json.dumps({"model": {"type": "None"}}), "cannot be read as a tokeniser"),
    ],
)
def test_refuses_what_is_damaged(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        Subwords(tmp_path / "tokenizer.json")
