"""The frame and the look of every page that xret writes: one file that loads nothing and runs nothing."""

from __future__ import annotations

from html import escape

from xret.reports.drawing.colours import style

__all__ = ["page"]

_DAY, _NIGHT = style()
STYLE = f"""
:root {{ color-scheme: light dark; --ink: #1d2330; --soft: #5d6578; --line: #d9dde5; --kept: #2f6fb5;
  --dropped: #c9ced8; --mark: #c0392b; --page: #fff; --raised: #f5f6f9; --better: #b9dcf5; --worse: #f6cdb4;
  --same: #e8eaef;
  {_DAY} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e9ef; --soft: #a4adbf; --line: #3a4152;
  --kept: #6ea8e5; --dropped: #4b5366; --mark: #ff8577; --page: #171b24; --raised: #1f2531; --better: #1f4f77;
  --worse: #7a3f1d; --same: #2b3140;
  {_NIGHT} }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 64rem;
  margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
h1, h2, h3, p, li, td, figcaption {{ overflow-wrap: anywhere; }}
th {{ overflow-wrap: break-word; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }}
th {{ color: var(--soft); font-weight: 600; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
small, .axis {{ color: var(--soft); fill: var(--soft); font-size: .8rem; }} svg .axis {{ font-size: 12px; }}
svg {{ width: 100%; height: auto; overflow: visible; }}
.kept {{ fill: var(--kept); }} .dropped {{ fill: var(--dropped); }}
.threshold {{ stroke: var(--mark); stroke-width: 2; }}
.doubt {{ border-left: 4px solid var(--mark); padding-left: .8rem; }}
.text {{ width: 42%; }}
@media (max-width: 640px) {{ svg .axis {{ font-size: 20px; }}
  .number small {{ font-size: .7rem; }} .text {{ width: 38%; }} }}
"""


def page(title: str, body: str, *, more: str = "") -> str:
    """A whole page in English.

    Args:
        title: plain text.
        body: HTML.
        more: style of this kind of page.
    """
    head = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">'
    title = escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n<title>{title}</title>\n<style>{STYLE}{more}</style>\n'
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
