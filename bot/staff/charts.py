"""Charts as SVG, drawn by matplotlib.

Colours have a contrast of 3:1 and more on the light and the dark page; nothing is told by colour alone. The text turns light
where the page is dark, by the picture's own style sheet.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, Callable, List, Sequence, Tuple, Union

# As the pages' --ink, in light and in dark (web/static/staff.css).
INK, INK_IN_DARK = "#16262b", "#eef4f5"
COLOURS = ("#1f83c4", "#d1620a", "#2f8f4e", "#a565c0", "#d9483b", "#7b878c")
_DASHES = ("-", "--", "-.", ":", (0, (8, 2)), (0, (1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_HATCHES = ("//", "..", "xx", "\\\\", "++", "--")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_STYLE = (
    f'<style>@media (prefers-color-scheme: dark) {{ [style*="fill: {INK}"] {{ fill: {INK_IN_DARK} !important }} '
    f'[style*="stroke: {INK}"] {{ stroke: {INK_IN_DARK} !important }} }}</style>'
)
_SETTINGS = {
    "svg.fonttype": "path",
    "svg.hashsalt": "charts",
    "font.size": 12,
    "hatch.linewidth": 1.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **{f"{part}color": INK for part in ("text.", "axes.label", "axes.edge", "xtick.", "ytick.")},
}
_MOST_MARKERS, _MOST_DAYS = 40, 8
# How long a browser waits for a chart while the server loads.
SECONDS = 30.0
_WIDTH, _HEIGHT, _BAR = 6.5, 3.4, 0.42
# The least distance of two labels at the ends of lines, as a part of the height.
_APART = 0.075
Written = Callable[[float], str]


class NotLoaded(Exception):
    """Nothing can be drawn yet: the server is still loading its models."""


@dataclass(frozen=True)
class Series:
    """Named values: one for each day of a chart of lines, one for each name of a chart of bars."""

    name: str
    values: Tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """How values went from day to day. `written` writes a value as people read it."""

    days: Tuple[date, ...]
    series: Tuple[Series, ...]
    written: Written

    def draw(self, figure: Any) -> None:
        """Draw a line for each series, with its name at its end."""
        figure.set_size_inches(_WIDTH, _HEIGHT)
        axes = figure.subplots()
        for series, colour, dash, marker in zip(self.series, COLOURS, _DASHES, _MARKERS):
            style = {"color": colour, "linestyle": dash, "linewidth": 2, "marker": marker, "markersize": 5}
            axes.plot(series.values, **style, markevery=len(self.days) // _MOST_MARKERS + 1)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.02)
        axes.grid(axis="y", color=INK, alpha=0.2)
        axes.set_xticks(range(0, len(self.days), len(self.days) // _MOST_DAYS + 1))
        axes.xaxis.set_major_formatter(lambda place, _: self._day(int(place)))
        axes.yaxis.set_major_formatter(lambda value, _: self.written(value))
        self._name_lines(axes)

    def _day(self, place: int) -> str:
        day = self.days[place]
        return f"{day.day}.{day.month}."

    def _name_lines(self, axes: Any) -> None:
        """The names stand at the ends of their lines, moved apart where those lie close, each behind its line's marker."""
        top = axes.get_ylim()[1]
        ends = [series.values[-1] / top for series in self.series]
        for series, colour, marker, place in zip(self.series, COLOURS, _MARKERS, moved_apart(ends, _APART)):
            axes.plot(1.03, place, color=colour, marker=marker, transform=axes.transAxes, clip_on=False)
            axes.text(1.05, place, series.name, transform=axes.transAxes, va="center")


@dataclass(frozen=True)
class Bars:
    """Values by name, of one series or of several beside each other."""

    names: Tuple[str, ...]
    series: Tuple[Series, ...]
    written: Written

    def draw(self, figure: Any) -> None:
        """Draw lying bars, the first on top, with their values at their ends."""
        figure.set_size_inches(_WIDTH, 0.6 + _BAR * len(self.names) * len(self.series))
        axes = figure.subplots()
        thick = 0.8 / len(self.series)
        for number, (series, colour, hatch) in enumerate(zip(self.series, COLOURS, _HATCHES)):
            places = [row + (number - (len(self.series) - 1) / 2) * thick for row in range(len(self.names))]
            style = {"facecolor": "none", "edgecolor": colour, "hatch": hatch, "linewidth": 2}
            bars = axes.barh(places, series.values, thick * 0.9, label=series.name, **style)
            axes.bar_label(bars, [self.written(value) for value in series.values], padding=4)
        axes.set_yticks(range(len(self.names)), self.names)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        if len(self.series) > 1:
            axes.legend(frameon=False, loc="lower right")


Chart = Union[Lines, Bars]


class Charts:
    """Draws charts one after another: matplotlib's settings and fonts belong to the whole process."""

    def __init__(self, folder: Path):
        """`folder` takes matplotlib's list of fonts, which would else lie in the home directory: Rasa imports it, too."""
        os.environ.setdefault("MPLCONFIGDIR", str(folder))
        self._loading: "Sequence[Future[Any]]" = ()
        self._drawing = threading.Lock()
        self.svg = lru_cache(maxsize=64)(self._svg)

    def start(self, after: "Future[Any]") -> None:
        """Draw only once `after` is done: threads that import the same large packages at once can wait for ever."""
        self._loading = (after,)

    def _svg(self, chart: Chart) -> bytes:
        """The chart as SVG. Raises NotLoaded."""
        if wait(self._loading, SECONDS).not_done:
            raise NotLoaded()
        with self._drawing:
            return _drawn(chart)


def moved_apart(places: Sequence[float], least: float) -> List[float]:
    """The places in their order, upwards, none nearer to another than `least`; as little moved as going upwards allows."""
    order = sorted(range(len(places)), key=lambda number: places[number])
    moved, lowest = list(places), float("-inf")
    for number in order:
        moved[number] = lowest = max(places[number], lowest + least)
    return moved


def _drawn(chart: Chart) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    out = StringIO()
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure()
        chart.draw(figure)
        figure.savefig(out, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    return out.getvalue().replace("<defs>", f"{_STYLE}<defs>", 1).encode()
