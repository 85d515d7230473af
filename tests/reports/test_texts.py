"""A report as text, Markdown and LaTeX: whole tables, whatever stands in them; and where it is written."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import pytest

from tests.reports.conftest import HOSTILE
from xret.errors import MissingExtraError, UsageError
from xret.reports import Report, Section, Table, check_report, report_latex, report_markdown, report_text, write_report
from xret.reports.latex import escaped as latex
from xret.reports.measured import clean


def test_text(report: Report) -> None:
    text = report_text(report)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
    for name in HOSTILE:
        assert clean(name) in text
    simple = Table(
        title="t",
        columns=("system", "value", "n"),
        rows=(("日本", 0.5, 1), ("b", 0.75, 2000)),
        best={"value": math.inf},
    )
    assert report_text(Report(title="T", sections=(Section("S", (simple,)),))) == (
        "T\n=\n\nS\n-\n\nt\nsystem    value      n\n------  -------  -----\n"
        "日本     0.5000      1\nb       0.7500*  2,000\n*: best.\n"
    )


def test_markdown_tables_keep_their_columns(report: Report) -> None:
    lines = report_markdown(report).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) > 100
    width = 0
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        bars = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("|"):
            width = bars if re.match(r"\| -+:? \|", after) else width
            assert bars == width, line
    assert not any(re.search(r"(?<!\\)<", line) for line in lines), "HTML in Markdown"


def test_latex_is_balanced(report: Report) -> None:
    """No TeX is needed: groups and environments close in order, rows have their columns, nothing special is bare."""
    text = report_latex(report)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    body = re.sub(r"\{!\}\{%$", "{!}{", body, flags=re.M)
    depth, environments = 0, []
    for found in re.finditer(r"\\begin\{(\w+)\}|\\end\{(\w+)\}|\\.|[{}%#~]", body, re.S):
        if found[1]:
            environments.append(found[1])
        elif found[2]:
            assert environments.pop() == found[2]
        elif found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            assert depth >= 0
        else:
            assert found[0] not in "%#~", f"bare {found[0]} at {body[max(0, found.start() - 40) : found.end()]!r}"
    assert depth == 0 and environments == []
    for kind in ("tabular", "longtable"):
        for columns, rows in re.findall(rf"\\begin\{{{kind}\}}\{{(.*?)\}}\n(.*?)\\end\{{{kind}\}}", text, re.S):
            wanted = len(re.findall("[lrp]", re.sub(r">\{.*?\}(p)\{.*?\}", r"\1", columns)))
            for row in rows.splitlines():
                if row.endswith(r"\\"):
                    assert len(re.findall(r"(?<!\\)&", row)) == wanted - 1, row
    assert r"\input" not in body
    assert {"toprule", "midrule", "bottomrule"} <= set(re.findall(r"\\(\w+)", text))


def test_latex_escapes() -> None:
    assert latex(r"50% & a_b \x{y} ~^ #1 $") == (
        r"50\% \& a\_b \textbackslash{}x\{y\} \textasciitilde{}\textasciicircum{} \#1 \$"
    )
    assert latex("--- [x] “q” '") == r"-{}-{}- {[}x{]} “q” \textquotesingle{}"


def test_the_same_every_time_and_by_suffix(report: Report, tmp_path: Path) -> None:
    for suffix, make in ((".md", report_markdown), (".tex", report_latex), (".txt", report_text)):
        write_report(report, tmp_path / f"r{suffix}")
        assert (tmp_path / f"r{suffix}").read_text(encoding="utf-8") == make(report) == make(report)


def test_bad_places(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"r\.docx: a report is written as \.html, \.md, \.tex or \.txt"):
        write_report(report, tmp_path / "r.docx")
    with pytest.raises(UsageError, match=r"no folder '.*none' for the report; make it first"):
        write_report(report, tmp_path / "none" / "r.txt")
    (tmp_path / "d.txt").mkdir()
    with pytest.raises(UsageError, match="cannot be written there"):
        write_report(report, tmp_path / "d.txt")
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'xret\[report\]'") as caught:
        check_report(tmp_path / "r.html")
    assert "\n" not in str(caught.value)
    check_report(tmp_path / "r.md")


def test_tables_refuse_rows_of_another_length() -> None:
    with pytest.raises(ValueError, match="table 't': 2 columns, but a row has 1 cells"):
        Table(title="t", columns=("a", "b"), rows=(("x",),))


def test_the_best_is_nearest_to_the_ideal() -> None:
    rows = (("a", 0.9, 40.0, 0.2), ("b", 0.4, 3.0, 0.1), ("c", math.nan, 90.0, 0.3))
    ideal = {"own-first": 0.5, "distance": 0.0, "RR": math.inf}
    table = Table(title="t", columns=("s", "own-first", "distance", "RR"), rows=rows, best=ideal)
    assert table.leading() == {(1, 1), (1, 2), (2, 3)}


def test_nothing_is_written_backwards() -> None:
    assert clean("a\u202etxt.exe\u2066 b\x1b[31m") == "atxt.exe b [31m"


def test_best_is_by_what_is_shown() -> None:
    rows = (("a", 0.50001), ("b", 0.50002), ("c", 0.4))
    assert Table(title="t", columns=("s", "v"), rows=rows, best={"v": math.inf}).leading() == {(0, 1), (1, 1)}
    assert Table(title="t", columns=("s", "v"), rows=rows[:2], best={"v": math.inf}).leading() == set()
