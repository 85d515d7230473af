"""Files of FLORES-200, FLORES+ and NTREX-128, as they are published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from xret.errors import EvalError
from xret.eval.flores import read_flores, read_ntrex

GERMAN, ENGLISH = ["eine Katze", "zwei Hunde"], ["a cat", "two dogs"]


def write(folder: Path, files: Mapping[str, list[str]]) -> Path:
    for name, lines in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def test_flores_200_and_flores_plus_are_read(tmp_path: Path) -> None:
    codes, sizes = ("eng_Latn", "zho_Hans", "zho_Hant"), {"dev": 3, "devtest": 2}
    old = {
        f"{split}/{code}.{split}": [f"{split} {code} {n}" for n in range(size)]
        for split, size in sizes.items()
        for code in codes
    }
    folder = write(tmp_path / "flores200_dataset", old | {"metadata_dev.tsv": ["x"], "README": ["x"]})
    found = read_flores(folder)
    assert {code: each.lang for code, each in found.items()} == {
        "eng_Latn": "en-Latn",
        "zho_Hans": "zh-Hans",
        "zho_Hant": "zh-Hant",
    }
    assert found["eng_Latn"].texts == ["devtest eng_Latn 0", "devtest eng_Latn 1"]
    assert read_flores(folder / "devtest") == found
    assert len(read_flores(folder, split="dev", langs=["en", "zh-Hant"])["zho_Hant"].texts) == 3
    with pytest.raises(EvalError, match="'zh' may be zho_Hans or zho_Hant; name one"):
        read_flores(folder, langs=["zh"])
    plus = write(
        tmp_path / "floresp",
        {
            "devtest/devtest.eng_Latn": ENGLISH,
            "devtest/devtest.apc_Arab_nort3139": GERMAN,
            "devtest/devtest.cmn_Hans": GERMAN,
        },
    )
    assert {code: each.lang for code, each in read_flores(plus).items()} == {
        "apc_Arab_nort3139": "apc-Arab",
        "cmn_Hans": "zh-Hans",
        "eng_Latn": "en-Latn",
    }


def test_ntrex_is_read(tmp_path: Path) -> None:
    names = {
        "src.eng": ENGLISH,
        "ref.deu": GERMAN,
        "ref.srp-Cyrl": GERMAN,
        "ref.zho-CN": GERMAN,
        "ref-2.spa": GERMAN[:1],
    }
    files = {f"NTREX-128/newstest2019-{name}.txt": lines for name, lines in names.items()}
    folder = write(tmp_path, files | {"LANGUAGES.tsv": ["deu German"]})
    found = read_ntrex(folder)
    assert {code: each.lang for code, each in found.items()} == {
        "deu": "de",
        "srp-Cyrl": "sr-Cyrl",
        "zho-CN": "zh-CN",
        "eng": "en",
    }
    assert list(read_ntrex(folder / "NTREX-128", langs=["de", "eng"])) == ["deu", "eng"]


@pytest.mark.parametrize(
    ("change", "langs", "message"),
    [
        ({}, ["fra_Latn"], "has no file of the language 'fra_Latn'; it has deu_Latn, eng_Latn"),
        ({"deu_Latn.devtest": GERMAN[:1]}, [], "eng_Latn.devtest: has 2 lines, deu_Latn.devtest has 1; wanted line i"),
        ({"qqq_Latn.devtest": GERMAN}, [], "qqq_Latn.devtest: 'qqq_Latn' is no known language code"),
        ({"deu_Latn.devtest": ["eins", " "]}, [], "deu_Latn.devtest:2: is empty"),
        ({"devtest.deu_Latn": GERMAN}, [], "deu_Latn.devtest is deu_Latn too"),
    ],
)
def test_bad_files_are_named(change: dict[str, list[str]], langs: list[str], message: str, tmp_path: Path) -> None:
    write(tmp_path / "devtest", {"deu_Latn.devtest": GERMAN, "eng_Latn.devtest": ENGLISH} | change)
    with pytest.raises(EvalError, match=message) as caught:
        read_flores(tmp_path, langs=langs)
    assert "\n" not in str(caught.value)


def test_folders_without_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        EvalError, match=r"gone: no such folder; wanted one with files such as newstest2019-ref.deu.txt"
    ):
        read_ntrex(tmp_path / "gone")
    with pytest.raises(EvalError, match=r"has no files such as eng_Latn.dev or dev.eng_Latn"):
        read_flores(tmp_path, split="dev")
    (tmp_path / "newstest2019-ref.deu.txt").write_bytes(b"\xff\n")
    with pytest.raises(EvalError, match=r"deu.txt: is not valid UTF-8 \(byte 0\)"):
        read_ntrex(tmp_path)
