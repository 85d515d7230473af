"""Plots as SVG, by matplotlib: each once for a broad and once for a narrow window.

colours.py   names for colours that the page's style gives, by day and by night
canvas.py    a figure, and what becomes of it: SVG without ids, styles or addresses that could meddle with a page
bars.py, spreads.py, heat.py, grid.py, curves.py, counts.py, points.py   one kind of plot each
draw.py      `drawn`: any plot
"""
