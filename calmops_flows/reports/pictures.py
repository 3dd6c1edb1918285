"""Small pictures as inline SVG: they need no script, no font and no server."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from calmops_flows.logs import inert
from calmops_flows.reports.document import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calmops_flows.compared import Shares
    from calmops_flows.reports.snapshots import SnapshotVerdict

REAL, GENERATED = "#4477aa", "#dd7733"
FOUND, MISSED, UNASKED, QUIET = "#228833", "#cc3311", "#cc9900", "#8884"
WIDTH, HEIGHT, ROW = 320, 90, 18
LONGEST = 19


def spread_picture(shares: Shares, name: str) -> Picture:
    """Draw two distributions over common bins: outlines of numbers, bars of categories."""
    if not shares.labels:
        return Picture("", f"{name}: no value")
    drawn = _outlines(shares) if shares.is_ordered else _bars(shares)
    height = HEIGHT + 16 if shares.is_ordered else 2 * ROW * len(shares.labels)
    svg = _svg(drawn, height, f"{name}, real and generated")
    return Picture(svg, "Blue: real; orange: generated.")


def _outlines(shares: Shares) -> str:
    most = max(*shares.real, *shares.generated, 1e-12)
    step = WIDTH / len(shares.real)
    lines = []
    for values, colour in ((shares.real, REAL), (shares.generated, GENERATED)):
        points = [f"0,{HEIGHT}"]
        for place, value in enumerate(values):
            y = HEIGHT - value / most * (HEIGHT - 4)
            points += [f"{place * step:.0f},{y:.1f}", f"{(place + 1) * step:.0f},{y:.1f}"]
        points.append(f"{WIDTH},{HEIGHT}")
        lines.append(
            f'<polyline points="{" ".join(points)}" fill="{colour}" fill-opacity=".15" '
            f'stroke="{colour}" stroke-width="1.5"/>'
        )
    ends = _text(0, HEIGHT + 12, shares.labels[0])
    return "".join(lines) + ends + _text(WIDTH, HEIGHT + 12, shares.labels[-1], anchor="end")


def _bars(shares: Shares) -> str:
    most = max(*shares.real, *shares.generated, 1e-12)
    left = 130
    parts = []
    rows = zip(shares.labels, shares.real, shares.generated, strict=True)
    for place, (label, real, generated) in enumerate(rows):
        top = 2 * ROW * place
        parts.append(_text(left - 6, top + ROW + 4, _cut(label), anchor="end"))
        for shift, value, colour in ((4, real, REAL), (ROW, generated, GENERATED)):
            width = value / most * (WIDTH - left)
            parts.append(
                f'<rect x="{left}" y="{top + shift}" width="{width:.1f}" height="{ROW - 6}" '
                f'fill="{colour}"/>'
            )
    return "".join(parts)


def verdict_picture(judged: Sequence[SnapshotVerdict], columns: Sequence[str]) -> Picture:
    """Draw a row for each column and a cell for each snapshot: found, missed, unasked, quiet."""
    left = 130
    width = (WIDTH - left) / len(judged)
    parts = []
    for row, column in enumerate(columns):
        parts.append(_text(left - 6, ROW * row + 13, _cut(column), anchor="end"))
        for place, one in enumerate(judged):
            colour = _colour(one, column)
            parts.append(
                f'<rect x="{left + place * width:.1f}" y="{ROW * row + 2}" '
                f'width="{max(width - 1, 0.5):.1f}" height="{ROW - 4}" fill="{colour}">'
                f"<title>{escape(inert(f'{one.name}: {column}'))}</title></rect>"
            )
    said = "green found, red missed, yellow named and not changed"
    if all(one.truth is None for one in judged):
        said = "blue named; what was changed is not known"
    caption = f"Columns over snapshots: {said}."
    return Picture(_svg("".join(parts), ROW * len(columns), caption), caption)


def _colour(one: SnapshotVerdict, column: str) -> str:
    if one.truth is None:
        return REAL if column in one.verdict.drifted else QUIET
    if column in one.found:
        return FOUND
    if column in one.missed:
        return MISSED
    return UNASKED if column in one.unasked else QUIET


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="11" '
        f'fill="currentColor">{escape(inert(text))}</text>'
    )


def _svg(drawn: str, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(inert(title))}" '
        f'style="width:100%;max-width:24rem">{drawn}</svg>'
    )
