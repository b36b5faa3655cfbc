"""Draws bars, dots and lines as SVG, with what the standard library has."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

WIDTH, LABELS, VALUES, LINE, TOP, BOTTOM = 860, 290, 110, 30, 70, 44
LETTER = 6.6
"""Width of a letter at the size of the labels, about: text has no width before it is drawn."""
INK, FAINT, PAPER, OURS, DURABLE, OTHERS = "#1c2024", "#6b7280", "#ffffff", "#c2410c", "#3b6ea5", "#a8b4c2"
SERIES = (OURS, DURABLE, "#4d7c0f", "#7c3aed", OTHERS)
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Bar:
    """One line of a chart: its middle value and the extremes of its rounds."""

    label: str
    value: float
    low: float
    high: float
    colour: str = OTHERS


@dataclass(frozen=True)
class Series:
    """One curve: its points as (x, y)."""

    label: str
    points: Sequence[tuple[float, float]]


def bars(title: str, subtitle: str, unit: str, lines: Sequence[Bar]) -> str:
    """Horizontal bars from zero, with a whisker from the lowest round to the highest."""
    room = WIDTH - LABELS - VALUES
    most = max(line.high for line in lines) or 1.0

    def at(value: float) -> float:
        return LABELS + room * max(0.0, value) / most

    drawn = [
        f'<rect x="{LABELS}" y="{_top(number) + 6}" width="{max(1.0, at(line.value) - LABELS):.1f}" height="16" '
        f'rx="2" fill="{line.colour}"/>'
        for number, line in enumerate(lines)
    ]
    return _chart(title, subtitle, unit, lines, at, drawn)


def dots(title: str, subtitle: str, unit: str, lines: Sequence[Bar]) -> str:
    """Dots on a logarithmic axis, for values that are far apart; the same whiskers."""
    room = WIDTH - LABELS - VALUES
    least = 10 ** math.floor(math.log10(min(line.low for line in lines if line.low > 0)))
    decades = max(1, math.ceil(math.log10(max(line.high for line in lines) / least)))

    def at(value: float) -> float:
        return LABELS + room * math.log10(max(value, least) / least) / decades

    bottom = _top(len(lines))
    drawn = []
    for decade in range(decades + 1):
        x = at(least * 10**decade)
        drawn += [
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{FAINT}" stroke-opacity="0.3"/>',
            _text(x, bottom + 18, short(least * 10**decade), anchor="middle", colour=FAINT),
        ]
    drawn += [
        f'<circle cx="{at(line.value):.1f}" cy="{_top(number) + 14}" r="6" fill="{line.colour}"/>'
        for number, line in enumerate(lines)
    ]
    return _chart(title, subtitle, unit, lines, at, drawn)


def curves(title: str, subtitle: str, unit: str, across: str, series: Sequence[Series]) -> str:
    """Curves over a logarithmic x axis, from zero on the y axis; every x that occurs is a tick."""
    height, left, right = 340, 70, WIDTH - 210
    ticks = sorted({x for line in series for x, _ in line.points})
    most = max(y for line in series for _, y in line.points) or 1.0
    span = math.log(ticks[-1] / ticks[0]) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * math.log(x / ticks[0]) / span, height - BOTTOM - (
            height - BOTTOM - TOP
        ) * y / most

    drawn = []
    for x in ticks:
        across_x, floor = place(x, 0)
        drawn.append(_text(across_x, floor + 20, f"{x:,.0f}", anchor="middle", colour=FAINT))
    for share in (0.0, 0.5, 1.0):
        _, y = place(ticks[0], most * share)
        drawn.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{FAINT}" stroke-opacity="0.3"/>'
        )
        drawn.append(_text(left - 8, y + 4, short(most * share), anchor="end", colour=FAINT))
    ends = []
    for line, colour in zip(series, SERIES, strict=False):
        points = [place(x, y) for x, y in sorted(line.points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
        ends.append((points[-1][1], line.label, colour))
    below = 0.0
    for y, label, colour in sorted(ends):
        below = max(y + 4, below + 17)
        drawn.append(_text(right + 12, below, label, colour=colour))
    drawn.append(_text((left + right) / 2, height - 6, f"{across} (logarithmic)", anchor="middle", colour=FAINT))
    return _page(title, f"{subtitle} · {unit}", height, drawn)


def short(value: float) -> str:
    """A value as it is written beside its bar."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _top(number: int) -> int:
    return TOP + number * LINE


def _chart(title: str, subtitle: str, unit: str, lines: Sequence[Bar], at: Scale, drawn: list[str]) -> str:
    for number, line in enumerate(lines):
        y, bold = _top(number) + 19, line.colour == OURS
        drawn.append(_text(LABELS - 10, y, line.label, anchor="end", bold=bold))
        if line.high > line.low:
            middle = _top(number) + 14
            ends = f'x1="{at(line.low):.1f}" x2="{at(line.high):.1f}" y1="{middle}" y2="{middle}"'
            drawn.append(f'<line {ends} stroke="{INK}" stroke-width="1.5"/>')
        drawn.append(_text(max(at(line.high), at(line.value)) + 12, y, f"{short(line.value)} {unit}", bold=bold))
    return _page(title, subtitle, _top(len(lines)) + BOTTOM, drawn)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = INK, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(text)}</text>'


def _page(title: str, subtitle: str, height: int, drawn: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label={quoteattr(title)} font-family="system-ui, sans-serif" font-size="13">'
    )
    titled = [
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{PAPER}"/>',
        f'<text x="20" y="30" font-size="17" font-weight="600" fill="{INK}">{escape(title)}</text>',
        _text(20, 51, subtitle, colour=FAINT),
    ]
    return "\n".join([head, *titled, *drawn, "</svg>", ""])
