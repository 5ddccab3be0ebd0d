"""One look for all static figures: fonts, colors, sizes, and how a figure becomes bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

#: Also for figures of your own: ``plt.style.use("socwidgets.plotting.paper")``.
STYLE = mpl.rc_params_from_file(
    Path(__file__).with_name("paper.mplstyle"), use_default_template=False
)
INK = str(STYLE["text.color"])
MUTED = str(STYLE["axes.edgecolor"])
CYCLE: tuple[str, ...] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
GRID = "#e3e7ea"
NO_VALUE = "#dcdcdc"
ACCENT, CONTRAST = CYCLE[:2]

SEQUENTIAL = "viridis"
SEQUENTIAL_SIGMA = "cividis"
DIVERGING = "RdBu_r"
#: For angles: both ends have one color.
CYCLIC = "twilight"

#: Pixels of a PNG per inch; 192 is twice the 96 of a screen, so text stays sharp when zoomed.
PNG_DPI = 192

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under `STYLE` and leave the user's matplotlib settings alone."""

    @wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """Empty figure, `width` by `height` inches, that no pyplot state knows of."""
    figure = Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def colormap(name: str) -> Colormap:
    """Copy of a color map in which pixels without a value are visibly gray."""
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
