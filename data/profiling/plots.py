"""Plots as inline SVG: no script, nothing loaded, colours of the page (light and dark).

Every plot names itself to a screen reader, and the numbers stand beside it as a table to open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 420, 150  # units of the view box; the page scales it
LEFT, BOTTOM = 44, 20  # room for the axes' figures
LABELS = 5  # figures below the bars


def histogram(bars: Sequence[Mapping[str, Any]], title: str, unit: str) -> str:
    """A figure: bars of `from`, `to` (none: no end) and `count`, their numbers in a table to open."""
    highest = max(bar["count"] for bar in bars)
    step = (WIDTH - LEFT) / len(bars)
    drawn = "".join(_bar(bar, LEFT + number * step, step, highest, unit) for number, bar in enumerate(bars))
    every = -(-len(bars) // LABELS)
    below = "".join(
        f"<text x='{LEFT + number * step:.1f}' y='{HEIGHT - 5}'>{_figure(bar['from'])}</text>"
        for number, bar in enumerate(bars)
        if number % every == 0
    )
    axis = f"<line x1='{LEFT}' x2='{WIDTH}' y1='{HEIGHT - BOTTOM}' y2='{HEIGHT - BOTTOM}'/>"
    height = f"<text class='high' x='{LEFT - 6}' y='14'>{highest:,}</text><text class='high' x='{LEFT - 6}' y='{HEIGHT - BOTTOM}'>0</text>"
    svg = f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{_spoken(bars, title, unit)}'>{drawn}{axis}{below}{height}</svg>"
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}{_numbers(bars, unit)}</figure>"


def _bar(bar: Mapping[str, Any], x: float, step: float, highest: int, unit: str) -> str:
    room = HEIGHT - BOTTOM - 6
    height = max(room * bar["count"] / highest, 1.0 if bar["count"] else 0.0)
    place = f"x='{x + 0.5:.1f}' y='{HEIGHT - BOTTOM - height:.1f}' width='{max(step - 1, 0.5):.1f}' height='{height:.1f}'"
    return f"<rect {place}><title>{escape(_range(bar, unit))}: {bar['count']:,}</title></rect>"


def _range(bar: Mapping[str, Any], unit: str) -> str:
    """What a bar stands for, its upper end excluded."""
    if bar["to"] is None:
        return f"{_figure(bar['from'])} {unit} and more"
    return f"{_figure(bar['from'])} to below {_figure(bar['to'])} {unit}"


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _spoken(bars: Sequence[Mapping[str, Any]], title: str, unit: str) -> str:
    """The plot for those who do not see it."""
    most = max(bars, key=lambda bar: int(bar["count"]))
    return escape(
        f"Histogram, {title}. Most of {sum(bar['count'] for bar in bars):,}: {_range(most, unit)}, {most['count']:,}.", quote=True
    )


def _numbers(bars: Sequence[Mapping[str, Any]], unit: str) -> str:
    rows = "".join(f"<tr><th scope='row'>{escape(_range(bar, unit))}</th><td>{bar['count']:,}</td></tr>" for bar in bars if bar["count"])
    return f"<details><summary>Numbers</summary><table><tbody>{rows}</tbody></table></details>"


def share_bar(share: float) -> str:
    """A bar for a table's cell, `share` of 0..1; the figure stands in the next cell."""
    width = max(100 * min(share, 1.0), 0.5)
    box = "class='share' viewBox='0 0 100 10' preserveAspectRatio='none' aria-hidden='true'"
    return f"<svg {box}><rect width='{width:.1f}' height='10'/></svg>"
