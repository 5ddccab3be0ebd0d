"""One look for all static figures: fonts, colours, sizes, and how a figure becomes bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

INK = "#1f2933"
MUTED = "#5b6770"
GRID = "#e3e7ea"
NO_VALUE = "#dcdcdc"
ACCENT = "#0072b2"
CONTRAST = "#d55e00"

#: Okabe-Ito colours without the yellow, which vanishes on white paper.
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

SEQUENTIAL = "viridis"
SEQUENTIAL_SIGMA = "cividis"
DIVERGING = "RdBu_r"

#: Pixels of a PNG per inch; 192 is twice the 96 of a screen, so text stays sharp when zoomed.
PNG_DPI = 192

STYLE: dict[str, object] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=list(CYCLE)),  # type: ignore[attr-defined]
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "socwidgets",
    "image.interpolation": "nearest",
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under `STYLE` and leave the user's matplotlib settings alone."""

    @wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """Empty figure, `width` by `height` inches, that no pyplot state knows of."""
    figure = Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def colormap(name: str) -> Colormap:
    """Copy of a colour map in which pixels without a value are visibly grey."""
    return mpl.colormaps[name].with_extremes(bad=NO_VALUE)


def describe(figure: Figure, text: str) -> Figure:
    """Attach the text alternative of a figure and return the figure."""
    figure.set_label(text)
    return figure


def alt_text(figure: Figure) -> str:
    """Text alternative of a figure made by this room; empty for any other figure."""
    return str(figure.get_label())


@styled
def png_bytes(figure: Figure, dpi: int = PNG_DPI) -> bytes:
    """PNG of a figure, with its text alternative in the file's own metadata."""
    buffer = io.BytesIO()
    metadata = {"Description": alt_text(figure), "Software": "socwidgets"}
    figure.savefig(buffer, format="png", dpi=dpi, metadata=metadata)
    return buffer.getvalue()


@styled
def svg_text(figure: Figure) -> str:
    """SVG of a figure with text as paths, so that it looks the same without our font."""
    buffer = io.StringIO()
    metadata = {"Description": alt_text(figure), "Date": None}
    figure.savefig(buffer, format="svg", metadata=metadata)
    return buffer.getvalue()
