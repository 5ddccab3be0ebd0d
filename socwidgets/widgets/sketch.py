"""A small plotter onto a bitmap: axes, lines, bands and text in a few milliseconds.

The picture that is saved with a notebook is drawn at each display of an explorer, before it
appears; matplotlib takes up to a second for it.
"""

from __future__ import annotations

import importlib.util
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from socwidgets.widgets.plots import round_ticks

#: Everything is drawn this much larger and reduced, which smooths it.
SCALE = 2
INK, SOFT, GRID = "#24292f", "#57606a", "#e6e8eb"

Box = tuple[float, float, float, float]


@lru_cache(maxsize=8)
def font(size: int) -> Any:
    """DejaVu Sans in a size in px, which has all the signs of units; found without an import."""
    found = importlib.util.find_spec("matplotlib")
    folder = Path(next(iter(found.submodule_search_locations or ()))) if found else Path()
    path = folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    if not path.exists():
        return ImageFont.load_default(size * SCALE)
    return ImageFont.truetype(str(path), size * SCALE)


class Sketch:
    """A white sheet of `width` x `height` px.

    Parameters
    ----------
    width, height : int
        px.
    """

    def __init__(self, width: int, height: int) -> None:
        self.sheet = Image.new("RGB", (width * SCALE, height * SCALE), "white")
        self.pen = ImageDraw.Draw(self.sheet, "RGBA")

    def text(
        self, x: float, y: float, words: str, *, size: int = 12, anchor: str = "la",
        color: str = INK,
    ) -> None:  # fmt: skip
        """Words at a place; `anchor` as in Pillow (``la`` = left, top)."""
        self.pen.text((x * SCALE, y * SCALE), words, color, font(size), anchor)

    def upright(self, x: float, y: float, words: str, size: int = 12) -> None:
        """Words that run upwards, centered at a place."""
        left, top, right, bottom = self.pen.textbbox((0, 0), words, font(size))
        note = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(note).text((2 - left, 2 - top), words, 255, font(size))
        note = note.rotate(90, expand=True)
        at = int(x * SCALE - note.width / 2), int(y * SCALE - note.height / 2)
        self.sheet.paste(INK, at, note)

    def line(self, points: np.ndarray, color: str, width: float = 1.5) -> None:
        """Line through points ``(n, 2)`` in px; it breaks where they are not finite."""
        for part in _runs(points):
            flat = [tuple(p) for p in part * SCALE]
            self.pen.line(flat, color, max(1, round(width * SCALE)), joint="curve")

    def polygon(self, points: np.ndarray, color: str, share: float) -> None:
        """Filled outline ``(n, 2)`` in px; `share` is the opacity."""
        good = points[np.isfinite(points).all(axis=1)]
        if len(good) > 2:
            self.pen.polygon([tuple(p) for p in good * SCALE], _with_alpha(color, share))

    def rectangle(self, box: Box, fill: str | None, outline: str | None = None) -> None:
        """Rectangle ``left, top, right, bottom`` in px."""
        self.pen.rectangle([v * SCALE for v in box], fill, outline, SCALE)

    def image(self, rgb: np.ndarray, box: Box) -> None:
        """Picture ``(y, x, 3)`` uint8 into a box, pixels kept sharp where they are large."""
        left, top, right, bottom = (round(v * SCALE) for v in box)
        size = right - left, bottom - top
        large = rgb.shape[1] <= size[0] and rgb.shape[0] <= size[1]
        how = Image.Resampling.NEAREST if large else Image.Resampling.BOX
        self.sheet.paste(Image.fromarray(rgb).resize(size, how), (left, top))

    def png(self, scale: float = 1.0) -> bytes:
        """The sheet as PNG, at `scale` times its size."""
        size = round(self.sheet.width / SCALE * scale), round(self.sheet.height / SCALE * scale)
        small = self.sheet.resize(size, Image.Resampling.BOX)
        buffer = io.BytesIO()
        small.save(buffer, "PNG", compress_level=5)
        return buffer.getvalue()


class Axes:
    """A frame in a sketch with ticks and labels; data in its own coordinates.

    Parameters
    ----------
    sketch : Sketch
        Where it is drawn.
    box : (float, float, float, float)
        ``left, top, right, bottom`` of the frame in px.
    x_range, y_range : (float, float)
        What the frame spans.
    x_label, y_label : str
        With units.
    """

    def __init__(
        self, sketch: Sketch, box: Box, x_range: tuple[float, float],
        y_range: tuple[float, float], x_label: str, y_label: str,
    ) -> None:  # fmt: skip
        self.sketch, self.box = sketch, box
        self.x_range, self.y_range = x_range, y_range
        left, top, right, bottom = box
        for value, words in _ticks(*x_range, int((right - left) / 70)):
            at = float(self.place(np.array([value]), np.array([y_range[0]]))[0, 0])
            sketch.line(np.array([[at, top], [at, bottom]]), GRID, 0.5)
            sketch.text(at, bottom + 5, words, size=11, anchor="ma", color=SOFT)
        for value, words in _ticks(*y_range, int((bottom - top) / 40)):
            at = float(self.place(np.array([x_range[0]]), np.array([value]))[0, 1])
            sketch.line(np.array([[left, at], [right, at]]), GRID, 0.5)
            sketch.text(left - 5, at, words, size=11, anchor="rm", color=SOFT)
        sketch.text((left + right) / 2, bottom + 21, x_label, anchor="ma")
        sketch.upright(left - 48, (top + bottom) / 2, y_label)

    def place(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Data to px, ``(n, 2)``; inside the frame."""
        left, top, right, bottom = self.box
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        across = left + (np.asarray(x, float) - x0) / (x1 - x0) * (right - left)
        down = bottom - (np.asarray(y, float) - y0) / (y1 - y0) * (bottom - top)
        return np.stack([across.clip(left, right), down.clip(top, bottom)], axis=1)

    def line(self, x: np.ndarray, y: np.ndarray, color: str, width: float = 1.5) -> None:
        """Line through points of the data."""
        self.sketch.line(self.place(x, y), color, width)

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, color: str) -> None:
        """Light area between two lines."""
        there = self.place(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
        self.sketch.polygon(there, color, 0.2)

    def frame(self) -> None:
        """The frame itself, over what is inside."""
        self.sketch.rectangle(self.box, None, "#a7adb5")


def _ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    values, form = round_ticks(min(low, high), max(low, high), max(count, 2))
    digits = form.lstrip(".").rstrip("fgs")
    kind = form[-1] if form[-1] in "fg" else "g"
    return [(float(v), f"{float(v):.{digits or 3}{kind}}".replace("-", "\u2212")) for v in values]


def _runs(points: np.ndarray) -> list[np.ndarray]:
    good = np.isfinite(points).all(axis=1)
    cuts = np.flatnonzero(np.diff(good.astype(int))) + 1
    parts = np.split(points, cuts)
    return [part for part in parts if len(part) > 1 and np.isfinite(part).all()]


def _with_alpha(color: str, share: float) -> tuple[int, int, int, int]:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, round(255 * share)
