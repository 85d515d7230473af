"""Reports for people: tables, plots and notes in sections, as text, Markdown, LaTeX or one HTML page.

report.py     `Report`: what is said, whatever it was measured on
plots.py      plots as values; each can tell its numbers as a table
text.py, markdown.py, latex.py, html.py   the same report four times
page.py       the frame and the look of every page that xret writes
drawing/      the plots of a page as SVG, by matplotlib (extra ``report``)
write.py      `write_report`: any of them, by the name of the file
"""

from xret.reports.html import report_html
from xret.reports.latex import report_latex
from xret.reports.markdown import report_markdown
from xret.reports.plots import Bars, Counts, Curve, Curves, Grid, Heat, Plot, Point, Points, Series, Spread, Spreads
from xret.reports.report import Note, Report, Section, Table
from xret.reports.text import report_text
from xret.reports.write import check_place, check_report, write_report

__all__ = [
    "Bars",
    "Counts",
    "Curve",
    "Curves",
    "Grid",
    "Heat",
    "Note",
    "Plot",
    "Point",
    "Points",
    "Report",
    "Section",
    "Series",
    "Spread",
    "Spreads",
    "Table",
    "check_place",
    "check_report",
    "report_html",
    "report_latex",
    "report_markdown",
    "report_text",
    "write_report",
]
