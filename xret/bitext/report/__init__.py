"""A run of mining or filtering for people to read: scores, what was dropped and why, pairs to judge.

contents.py    `bitext_report`: what stands in it
histogram.py   scores in bins
text.py        `report_text`
html.py        `report_html`: one file, nothing loaded from elsewhere; chart.py draws its histogram
write.py       `write_report`: either, by the name of the file
"""

from xret.bitext.report.contents import BitextReport, ReportPair, bitext_report
from xret.bitext.report.histogram import Histogram
from xret.bitext.report.html import report_html
from xret.bitext.report.text import report_text
from xret.bitext.report.write import check_report, write_report

__all__ = [
    "BitextReport",
    "Histogram",
    "ReportPair",
    "bitext_report",
    "check_report",
    "report_html",
    "report_text",
    "write_report",
]
