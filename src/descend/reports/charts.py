"""This file draws the report's charts as inline SVG, by matplotlib, in the page's own colors.

Colors are placeholders that become CSS variables, so that one drawing serves light and dark. Text
stays text in the page's font: it can be read aloud, searched and copied.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

Size = Literal["wide", "half", "third", "quarter"]
# Inches of 72 units. A page's column is about as many pixels wide as its charts have units, so
# that 10 pt text is about 10 pixels high in each of them.
WIDTHS: dict[Size, float] = {"wide": 10.5, "half": 5.7, "third": 3.8, "quarter": 2.75}
HEIGHTS: dict[Size, float] = {"wide": 3.4, "half": 2.8, "third": 2.4, "quarter": 1.9}
SQUARE = 3.3  # inches high: a unit square with its labels, three to a row
SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006")
INK, FAINT, PAPER = "#0a0007", "#0a0008", "#0a0009"
_VARIABLES = {
    **{color: f"var(--series-{i + 1})" for i, color in enumerate(SERIES)},
    INK: "var(--soft)",
    FAINT: "var(--line)",
    PAPER: "var(--card)",
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class may be named "$x$"
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titley": 1.0,  # not searched for, which takes time
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.handlelength": 1.4,
    "legend.borderaxespad": 0,
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
}
_SALT: Any = {"svg.hashsalt": "descend"}
LONGEST_NAME = 22  # characters of a class or column name in a chart


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    faint: bool = False  # drawn thin and behind: the noisy training loss
    marked: tuple[float, float] | None = None  # a point to look at: the kept checkpoint
    color: int | None = None  # place in SERIES; by default the line's own place


def lines(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    size: Size = "half",
    log: bool = False,
    whole_x: bool = True,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Lines over one horizontal axis; values that are no numbers leave gaps."""
    with _drawing(size) as (figure, axes):
        for i, one in enumerate(series):
            _line(axes, one, SERIES[(i if one.color is None else one.color) % len(SERIES)])
        if log:
            _logarithmic(axes)
        axes.set_xlabel(x_label)
        axes.set_title(y_label, loc="left", color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(6 if size == "half" else 5, integer=whole_x))
        axes.margins(x=0.02)
        if y_range is not None:
            axes.set_ylim(*y_range)
        if len(series) > 1:
            _legend(axes)
        return _svg(figure)


def trade_off(
    series: Sequence[Series], x_label: str, y_label: str, *, diagonal: bool = False
) -> Markup:
    """Curves inside the unit square: ROC, precision against recall."""
    with _drawing("third", SQUARE) as (figure, axes):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (3, 3)))
        for i, one in enumerate(series):
            style = "-" if i < len(SERIES) else (0, (4, 2))
            axes.plot(
                one.x,
                one.y,
                color=SERIES[i % len(SERIES)],
                label=short(one.name, 14),
                linestyle=style,
            )
        _unit_square(axes, x_label, y_label)
        if len(series) > 1:
            axes.legend(loc="lower right" if diagonal else "lower left", borderaxespad=0.6)
        return _svg(figure)


def calibration(
    confidence: Sequence[float], share_right: Sequence[float], counts: Sequence[int]
) -> Markup:
    """How often a stated probability came true; a dot's area is its number of examples."""
    with _drawing("third", SQUARE) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (3, 3)))
        areas = 12 + 180 * np.sqrt(np.asarray(counts) / max(counts))
        axes.plot(confidence, share_right, color=SERIES[0], linewidth=1.2)
        axes.scatter(
            confidence, share_right, s=areas, color=SERIES[0], edgecolor=PAPER, alpha=0.85, zorder=3
        )
        _unit_square(axes, "stated probability", "share that came true")
        return _svg(figure)


def histogram(counts: Sequence[float], edges: Sequence[float], x_label: str) -> Markup:
    with _drawing("half", SQUARE) as (figure, axes):
        widths = np.diff(edges)
        axes.bar(edges[:-1], counts, width=widths * 0.92, align="edge", color=SERIES[0])
        axes.axvline(0, color=INK, linewidth=1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(x_label)
        axes.set_title("examples", loc="left", color=INK)
        return _svg(figure)


def against_truth(targets: Sequence[float], predicted: Sequence[float], unit: str) -> Markup:
    """Predicted against true; on the diagonal a prediction is right."""
    with _drawing("half", SQUARE) as (figure, axes):
        low, high = min(*targets, *predicted), max(*targets, *predicted)
        axes.plot([low, high], [low, high], color=INK, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.plot(
            targets, predicted, ".", color=SERIES[0], alpha=0.45, markersize=5, markeredgewidth=0
        )
        axes.set_xlabel(f"true{unit}")
        axes.set_title(f"predicted{unit}", loc="left", color=INK)
        axes.grid(True, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        return _svg(figure)


def comparison(
    rows: Sequence[tuple[str, float, tuple[float, float] | None]], x_label: str
) -> Markup:
    """Methods one above the other, the first (ours) in color and with its interval."""
    with _drawing("half", 0.75 + 0.36 * len(rows)) as (figure, axes):
        for place, (_, value, ends) in enumerate(reversed(rows)):
            color = SERIES[0] if place == len(rows) - 1 else INK
            if ends is not None:
                axes.plot(ends, [place, place], color=color, linewidth=3, alpha=0.35)
            axes.plot([value], [place], "o", color=color, markersize=7)
        axes.set_yticks(range(len(rows)), [short(name, 30) for name, _, _ in reversed(rows)])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.spines["left"].set_visible(False)
        axes.grid(True, axis="both")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.08)
        axes.set_xlabel(x_label)
        return _svg(figure)


def bars(rows: Sequence[tuple[str, float]], x_label: str, reference: float | None) -> Markup:
    """One bar per name from zero, the first on top, with a line at the reference."""
    with _drawing("half", 0.75 + 0.28 * len(rows)) as (figure, axes):
        axes.barh(
            range(len(rows)), [value for _, value in reversed(rows)], color=SERIES[0], height=0.62
        )
        axes.set_yticks(range(len(rows)), [short(name, 30) for name, _ in reversed(rows)])
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.spines["left"].set_visible(False)
        if reference is not None:
            axes.axvline(reference, color=INK, linewidth=1, linestyle=(0, (3, 3)))
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel(x_label)
        return _svg(figure)


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits into a chart and holds nothing that XML forbids."""
    clean = "".join(c for c in str(name) if c.isprintable())
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def _line(axes: Axes, one: Series, color: str) -> None:
    width, opacity = (1.0, 0.45) if one.faint else (1.8, 1.0)
    mark = "o" if len(one.x) < 2 else ""
    axes.plot(
        one.x,
        one.y,
        color=color,
        linewidth=width,
        alpha=opacity,
        label=short(one.name),
        marker=mark,
    )
    if one.marked is not None:
        axes.plot(*[[v] for v in one.marked], "o", color=color, markersize=7, markeredgecolor=PAPER)


def _logarithmic(axes: Axes) -> None:
    """Plain numbers on the axis: a page's reader need not know powers of ten."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    low, high = axes.get_ylim()
    steps = (1,) if high / low > 1000 else (1, 2, 5)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _unit_square(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_aspect("equal")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel(x_label)
    axes.set_title(y_label, loc="left", color=INK)
    axes.grid(True, axis="x")


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.015), ncols=3, columnspacing=1.2)


@contextmanager
def _drawing(size: Size, height: float | None = None) -> Iterator[tuple[Figure, Axes]]:
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Measuring text in a script that matplotlib's font lacks; the page's fonts have it.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(WIDTHS[size], height or HEIGHTS[size]))
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(_tick))
        yield figure, axes


def _tick(value: float, _: int | None) -> str:
    """A number on an axis; never with a power of ten in a corner."""
    if abs(value) >= 1e6:
        text = f"{value / 1e6:,.6g} M"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}".replace("e-0", "e-")
    return text.replace("-", "\N{MINUS SIGN}")


def _set_margins(figure: Figure) -> None:
    """Room for the labels, from their letters: matplotlib's own layout draws everything twice,
    which was half of the page's time (measured 2026-11-21)."""
    (axes,) = figure.axes
    width, height = figure.get_size_inches()
    labels = axes.yaxis.get_major_formatter().format_ticks(list(axes.get_yticks()))
    letters = max((_letters(label) for label in labels), default=0)
    left = min(0.12 + 0.088 * letters, 0.45 * width)  # inches; digits of 10 pt are 0.088 wide
    bottom = 0.44 if axes.get_xlabel() else 0.24
    top = 0.28 if axes.get_title(loc="left") else 0.08
    figure.subplots_adjust(left / width, bottom / height, 1 - 0.12 / width, 1 - top / height)


def _letters(label: str) -> float:
    """The width of a text in digits; letters of other scripts may be twice as wide."""
    return sum(2 if east_asian_width(c) in "WF" else 0.5 if c in ".,il" else 1 for c in label)


def _svg(figure: Figure) -> Markup:
    """Without header, size, metadata and font. Shapes are named by a hash of what they are, so
    the same name in two charts of a page is the same shape."""
    _set_margins(figure)
    stream = StringIO()
    with mpl.rc_context(_SALT):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', text)
    text = re.sub(r"#0a000[1-9]", lambda found: _VARIABLES[found.group()], text)
    return Markup(re.sub(r">\s+<", "><", text))
