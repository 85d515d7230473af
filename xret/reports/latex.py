"""A report as LaTeX: a document that compiles as it is, whose tables (booktabs) can be taken out one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xret.reports.measured import clean
from xret.reports.plots import Plot
from xret.reports.report import Block, Note, Report, once
from xret.reports.tables import Table

__all__ = ["report_latex"]

LONG = 45  # rows of a table that is broken over pages
WORDY = 40  # letters of a cell that is broken into lines
BROAD = 8  # columns of a table that is made as wide as the page
HEAD = r"""% Any engine sets Latin letters; for others take lualatex or xelatex and \setmainfont{a font that has them}.
\documentclass[a4paper]{article}
\usepackage{iftex}
\ifPDFTeX\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\usepackage{textcomp}\else\usepackage{fontspec}\fi
\usepackage[margin=2cm]{geometry}
\usepackage{amssymb,array,booktabs,graphicx,longtable}
\setlength{\parindent}{0pt}\setlength{\parskip}{6pt}"""
_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "\0": "{}", "[": "{[}", "]": "{]}", "–": "--", "—": "---", "−": r"$-$", "×": r"$\times$", "±": r"$\pm$",
    "≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\rightarrow$", "…": r"\ldots{}", "α": r"$\alpha$", "·": r"$\cdot$",
    "\u00a0": "~", "▲": r"$\blacktriangle$", "▼": r"$\blacktriangledown$",
}  # fmt: skip


def report_latex(report: Report) -> str:
    """The whole document; plots are told as tables."""
    return "\n".join(_lines(report)) + "\n"


def escaped(text: str) -> str:
    """`text` so that nothing in it is a command, a comment, a ligature or the argument of what stands before."""
    apart = re.sub("-(?=-)", "-\0", clean(text))  # two hyphens stay two hyphens
    return "".join(_SIGNS.get(one, one) for one in apart)


def _lines(report: Report) -> Iterator[str]:
    yield HEAD
    yield f"\\title{{{escaped(report.title)}}}\n\\author{{}}\n\\date{{{escaped(report.date)}}}"
    yield "\\begin{document}\n\\maketitle"
    for section in report.sections:
        yield f"\n\\section*{{{escaped(section.title)}}}"
        for block, again in once(section.blocks):
            yield from _block(block, again)
    if report.provenance:
        yield "\n\\section*{Provenance}\n\\begin{description}"
        yield from (f"\\item[{{{escaped(name)}}}] {escaped(value)}" for name, value in report.provenance)
        yield "\\end{description}"
    yield "\\end{document}"


def _block(block: Block, again: bool) -> Iterator[str]:
    if isinstance(block, Note):
        yield "\n" + ("\\textbf{Warning:} " if block.warning else "") + escaped(block.text)
        return
    table = block.table() if isinstance(block, Plot) else block
    note = ("" if again else block.description) if isinstance(block, Plot) else table.note
    yield f"\n% table: {clean(table.title)}"
    if not table.rows:
        yield f"\\textbf{{{escaped(table.title)}}}: no rows."
        return
    yield from _long(table) if len(table.rows) > LONG else _short(table)
    if note:
        yield f"\n{{\\small {escaped(note)}}}"


def _short(table: Table) -> Iterator[str]:
    yield "\\begin{center}"
    yield f"\\textbf{{{escaped(table.title)}}}\\\\[4pt]"
    broad = len(table.columns) > BROAD
    yield ("\\resizebox{\\textwidth}{!}{%\n" if broad else "") + f"\\begin{{tabular}}{{{_alignment(table)}}}"
    yield "\\toprule"
    yield _header(table)
    yield "\\midrule"
    yield from _rows(table)
    yield "\\bottomrule"
    yield "\\end{tabular}" + ("}" if broad else "")
    yield "\\end{center}"


def _long(table: Table) -> Iterator[str]:
    """Over as many pages as it takes; narrow type, since it cannot be scaled to the page."""
    yield "{" + ("\\tiny" if len(table.columns) > BROAD else "\\footnotesize") + "\\setlength{\\tabcolsep}{3pt}"
    yield f"\\begin{{longtable}}{{{_alignment(table)}}}"
    wide = len(table.columns)
    yield f"\\multicolumn{{{wide}}}{{c}}{{\\textbf{{{escaped(table.title)}}}}}\\\\[4pt]"
    yield f"\\toprule\n{_header(table)}\n\\midrule\n\\endfirsthead"
    yield f"\\toprule\n{_header(table)}\n\\midrule\n\\endhead"
    yield "\\bottomrule\n\\endfoot"
    yield from _rows(table)
    yield "\\end{longtable}}"


def _alignment(table: Table) -> str:
    """Numbers to the right; texts that are long in columns that break them, which share the page."""
    columns = range(len(table.columns))
    wordy = [column for column in columns if max((len(str(row[column])) for row in table.rows), default=0) > WORDY]
    share = f">{{\\raggedright\\arraybackslash}}p{{{0.7 / max(len(wordy), 1):.2f}\\textwidth}}"
    return "".join("r" if table.numeric(column) else share if column in wordy else "l" for column in columns)


def _header(table: Table) -> str:
    return " & ".join(escaped(name) for name in table.columns) + r" \\"


def _rows(table: Table) -> Iterator[str]:
    best = table.leading()
    for row, cells in enumerate(table.texts()):
        shown = [escaped(cell) for cell in cells]
        yield (
            " & ".join(
                f"\\textbf{{{cell}}}" if (row, column) in best or row in table.own else cell
                for column, cell in enumerate(shown)
            )
            + r" \\"
        )
