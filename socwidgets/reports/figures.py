"""Files for each figure and table of a report: vector, print size, and the numbers behind it.

What a notebook shows is remembered here, in order, and written in one call at its end.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from socwidgets.plotting.data import figure_data
from socwidgets.plotting.style import png_bytes, svg_text

#: Dots per inch of a printed picture.
PRINT_DPI = 300
#: Small picture of a report for an index page, and its largest side in pixels.
THUMBNAIL, THUMBNAIL_PX = "thumbnail.png", 320
_UNFIT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """One figure or table that a notebook has shown."""

    section: str
    figure: Figure | None = None
    table: pd.DataFrame | None = None
    caption: str = ""


#: Everything shown since the kernel started (or since `forget`).
_shown: list[Shown] = []


def remember(item: Shown) -> None:
    """Keep a figure or table for `save_figures`."""
    _shown.append(item)


def forget() -> None:
    """Drop what was shown so far: a notebook that is run again starts anew."""
    _shown.clear()


def save_figures(folder: str | Path) -> list[Path]:
    """Write every figure as SVG, PNG (300 dpi) and CSV, every table as CSV, and a list of them.

    Parameters
    ----------
    folder : path-like
        Made if needed. Files are called ``<section>-<number>``; a figure with an image and curves
        has one CSV for each. ``index.csv`` says what each file shows.

    Returns
    -------
    list of Path
        What was written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    rows = []
    counts: dict[str, int] = {}
    for item in _shown:
        stem = _UNFIT.sub("-", item.section.lower()).strip("-") or "figure"
        kind = "table" if item.figure is None else "figure"
        counts[f"{stem}-{kind}"] = number = counts.get(f"{stem}-{kind}", 0) + 1
        name = f"{stem}-{kind}-{number}"
        files = _write_table(item, folder, name) + _write_figure(item, folder, name)
        written += files
        rows += [{"file": path.name, "section": item.section, "caption": item.caption}
                 for path in files]  # fmt: skip
    pd.DataFrame(rows, columns=["file", "section", "caption"]).to_csv(
        folder / "index.csv", index=False
    )
    return [*written, folder / "index.csv"]


def save_thumbnail(folder: str | Path = ".") -> Path | None:
    """Write a small picture of the first map, or of the first figure; None where none was shown."""
    from PIL import Image

    figures = [item for item in _shown if item.figure is not None]
    first = next((item for item in figures if item.section == "map"), None)
    chosen = first or next(iter(figures), None)
    if chosen is None or chosen.figure is None:
        return None
    path = Path(folder) / THUMBNAIL
    with Image.open(io.BytesIO(png_bytes(chosen.figure, 96))) as picture:
        small = picture.convert("RGB")
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        small.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def _write_table(item: Shown, folder: Path, name: str) -> list[Path]:
    if item.table is None:
        return []
    item.table.to_csv(folder / f"{name}.csv")
    return [folder / f"{name}.csv"]


def _write_figure(item: Shown, folder: Path, name: str) -> list[Path]:
    if item.figure is None:
        return []
    (folder / f"{name}.svg").write_text(svg_text(item.figure), encoding="utf-8")
    (folder / f"{name}.png").write_bytes(png_bytes(item.figure, PRINT_DPI))
    written = [folder / f"{name}.svg", folder / f"{name}.png"]
    for part, table in figure_data(item.figure).items():
        path = folder / f"{name}.{part}.csv"
        table.to_csv(path, index=part != "curves", float_format="%.8g")
        written.append(path)
    return written
