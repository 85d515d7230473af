"""A histogram as SVG."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xret.bitext.report.histogram import Histogram

__all__ = ["chart"]

WIDE, HIGH, FOOT, HEAD = 800, 240, 24, 14  # of the picture; below the bars stand labels, above them the highest count
LABELS = 10  # at most, below the bars


def chart(scores: Histogram, threshold: float | None) -> str:
    """The bars, labels below some of them, the threshold as a line; colours come from the style of the page."""
    title = "Histogram of scores"
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{title}">{"".join(_parts(scores, threshold))}</svg>'
    )


def _parts(scores: Histogram, threshold: float | None) -> Iterator[str]:
    bins, labels = len(scores.low), scores.labels()
    if not bins:
        return
    most = max(1, int(np.max(scores.kept + scores.dropped)))
    step, scale, floor = WIDE / bins, (HIGH - FOOT - HEAD) / most, HIGH - FOOT
    yield f'<text class="axis" x="0" y="{HEAD - 3}">{most:,}</text>'
    every = -(-bins // LABELS)
    for place, (kept, dropped) in enumerate(zip(scores.kept.tolist(), scores.dropped.tolist(), strict=True)):
        left, wide = place * step, max(step - 1, 1)
        note = f"<title>{labels[place]}: {kept:,} kept, {dropped:,} dropped</title>"
        for name, below, count in (("kept", 0, kept), ("dropped", kept, dropped)):
            if count:
                top = floor - (below + count) * scale
                shape = f'x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{count * scale:.1f}"'
                yield f'<rect class="{name}" {shape}>{note}</rect>'
        if place % every == 0:
            yield f'<text class="axis" x="{left:.1f}" y="{HIGH - 8}">{labels[place]}</text>'
    if threshold is not None:
        at = min(max((threshold - float(scores.low[0])) / scores.width * step, 0), WIDE)
        line = f'x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{floor}"'
        yield f'<line class="threshold" {line}><title>{threshold:.6g}</title></line>'
