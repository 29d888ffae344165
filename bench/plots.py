"""Plots as SVG, each for a light and a dark page; nothing but strings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
_FONT = "font-family='system-ui, sans-serif' font-size='13'"
# Told apart also without colours, by their shapes.
_COLOURS = ("#0072b2", "#d55e00", "#e69f00", "#009e73", "#56b4e9", "#cc79a7", "#999999")
_SHAPES = ("circle", "square", "diamond", "up", "down", "circle", "square")


@dataclass(frozen=True, slots=True)
class Theme:
    name: str
    text: str
    faint: str
    ours: str
    paper: str


THEMES = (
    Theme("light", "#1f2328", "#d1d9e0", "#6f42c1", "#ffffff"),
    Theme("dark", "#f0f6fc", "#3d444d", "#b392f0", "#0d1117"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float
    is_ours: bool


def ratios(rows: Mapping[str, Mapping[str, float]], labels: Sequence[str], theme: Theme) -> str:
    """A row a measure: how many times what the price cache takes each peer takes, on a log axis."""
    left, top, step = 330, 74, 26
    values = [value for row in rows.values() for value in row.values()]
    low = min(math.floor(math.log10(min([*values, 0.5]))), -1)
    high = max(math.ceil(math.log10(max([*values, 2]))), 1)
    height = top + step * len(rows) + 34

    def x(value: float) -> float:
        return left + (WIDTH - left - 36) * (math.log10(value) - low) / (high - low)

    parts = list(_legend(labels, theme))
    bottom = top + step * len(rows)
    for power in range(low, high + 1):
        at, heavy = x(10.0**power), power == 0
        colour = theme.ours if heavy else theme.faint
        parts.append(_line(at, top - 8, at, bottom, colour, 2 if heavy else 1))
        name = "price cache" if heavy else f"{10.0**power:g} x"
        parts.append(_text(at, bottom + 18, name, colour if heavy else theme.text, "middle"))
    for number, (title, row) in enumerate(rows.items()):
        y = top + step * (number + 0.5)
        parts.append(_text(left - 12, y + 4, title, theme.text, "end"))
        parts.append(_line(left, y, WIDTH - 36, y, theme.faint, 0.5))
        for label, value in row.items():
            parts.append(
                _mark(x(value), y, labels.index(label), f"{title}, {label}: {value:.3g} x")
            )
    return _svg(
        height,
        "How many times as long as the price cache others take (to the right: longer)",
        parts,
        theme,
    )


def bars(title: str, unit: str, groups: Mapping[str, Sequence[Bar]], theme: Theme) -> str:
    """Horizontal bars in groups, on an axis from nought."""
    left, step, y = 260, 24, 40.0
    most = max(bar.value for group in groups.values() for bar in group)
    parts: list[str] = []
    for name, group in groups.items():
        parts.append(_text(8, y + 14, name, theme.text, weight="600"))
        y += step
        for bar in group:
            length = (WIDTH - left - 110) * bar.value / most
            colour = theme.ours if bar.is_ours else theme.faint
            parts.append(_text(left - 10, y + 14, bar.label, theme.text, "end"))
            parts.append(
                f"<rect x='{left}' y='{y + 2:.1f}' width='{length:.1f}' height='{step - 6}' "
                f"rx='2' fill='{colour}'/>"
            )
            parts.append(_text(left + length + 6, y + 14, f"{bar.value:,.0f} {unit}", theme.text))
            y += step
        y += 8
    return _svg(y + 8, title, parts, theme)


def lines(
    title: str, unit: str, series: Mapping[str, Mapping[float, float]], ours: str, theme: Theme
) -> str:
    """A line a contender over a log axis of sizes; values from nought."""
    left, right, top, bottom, height = 76, 170, 40, 300, 344
    sizes = sorted({size for line in series.values() for size in line})
    step = _step(max(value for line in series.values() for value in line.values()) / 4)
    most = 5 * step
    span = math.log10(sizes[-1] / sizes[0]) or 1

    def place(size: float, value: float) -> tuple[float, float]:
        across = math.log10(size / sizes[0]) / span
        return left + (WIDTH - left - right) * across, bottom - (bottom - top) * value / most

    parts: list[str] = []
    for part in range(6):
        y = bottom - (bottom - top) * part / 5
        parts.append(_line(left, y, WIDTH - right, y, theme.faint, 1))
        parts.append(_text(left - 8, y + 4, f"{step * part:g} {unit}", theme.text, "end"))
    for size in sizes:
        parts.append(_text(place(size, 0)[0], bottom + 20, f"{size:,.0f}", theme.text, "middle"))
    parts.append(_text(WIDTH - right, bottom + 38, "symbols x 10 years", theme.text, "end"))
    ends = _spread({name: place(sizes[-1], line[sizes[-1]])[1] for name, line in series.items()})
    for number, (name, line) in enumerate(series.items()):
        colour = theme.ours if name == ours else _COLOURS[(number - 1) % len(_COLOURS)]
        points = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in sorted(line.items()))
        width = 3 if name == ours else 1.5
        parts.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='{width}'/>"
        )
        weight = "600" if name == ours else "400"
        parts.append(_text(WIDTH - right + 8, ends[name] + 4, name, colour, weight=weight))
    return _svg(height, title, parts, theme)


def _step(least: float) -> float:
    """The next round number."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(round(n * power, 9) for n in (1, 2, 2.5, 5, 10) if n * power >= least)


def _spread(heights: Mapping[str, float], apart: float = 16) -> dict[str, float]:
    """Labels moved down until none covers another."""
    placed: dict[str, float] = {}
    last = -math.inf
    for name, y in sorted(heights.items(), key=lambda item: item[1]):
        last = max(y, last + apart)
        placed[name] = last
    return placed


def _legend(labels: Iterable[str], theme: Theme) -> Iterator[str]:
    x = 12.0
    for number, label in enumerate(labels):
        yield _mark(x, 44, number, label)
        yield _text(x + 10, 48, label, theme.text)
        x += 34 + 7.2 * len(label)


def _mark(x: float, y: float, number: int, words: str) -> str:
    colour, shape = _COLOURS[number % len(_COLOURS)], _SHAPES[number % len(_SHAPES)]
    told = f"<title>{escape(words)}</title>"
    if shape == "circle":
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='5' fill='{colour}'>{told}</circle>"
    points = {
        "square": ((-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)),
        "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
        "up": ((0, -6), (5.5, 4.5), (-5.5, 4.5)),
        "down": ((0, 6), (5.5, -4.5), (-5.5, -4.5)),
    }[shape]
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    return f"<polygon points='{corners}' fill='{colour}'>{told}</polygon>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    ends = f"x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'"
    return f"<line {ends} stroke='{colour}' stroke-width='{width}'/>"


def _text(
    x: float, y: float, words: str, colour: str, anchor: str = "start", weight: str = "400"
) -> str:
    place = f"x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-weight='{weight}'"
    return f"<text {place} fill='{colour}'>{escape(words)}</text>"


def _svg(height: float, title: str, parts: Iterable[str], theme: Theme) -> str:
    size = f"width='{WIDTH}' height='{height:.0f}' viewBox='0 0 {WIDTH} {height:.0f}'"
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img' {_FONT}>\n"
        f"<title>{escape(title)}</title>\n"
        f"<rect width='100%' height='100%' fill='{theme.paper}'/>\n"
        f"{_text(8, 22, title, theme.text, weight='600')}\n{body}\n</svg>\n"
    )
