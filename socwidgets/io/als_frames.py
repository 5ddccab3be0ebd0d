"""Frames of the ALS format: one text file for each energy."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from socwidgets.io.columns import unreadable
from socwidgets.io.lazy import FrameSource
from socwidgets.model.errors import DataError, ReadError

FRAME_NAME = re.compile(r"_([a-z])(\d+)\.xim$", re.IGNORECASE)


def find_frames(header_path: Path, channel: str) -> dict[int, Path]:
    """Frames of one scan and channel by number; `ReadError` if there are none."""
    stem = header_path.stem
    found: dict[int, Path] = {}
    for file in header_path.parent.glob("*.xim"):
        match = FRAME_NAME.search(file.name)
        if match and file.name[: match.start()] == stem and match.group(1).lower() == channel:
            found[int(match.group(2))] = file
    if not found:
        raise ReadError(
            f"there are no frames beside {header_path.name}",
            expected=f"files {stem}_{channel}000.xim, {stem}_{channel}001.xim, ...",
            found="none in " + str(header_path.parent),
            fix="copy the .xim files into the folder of the header, under their own names",
        )
    return found


def match_frames(frames: dict[int, Path], count: int, name: str, allow: bool) -> list[int]:
    """Numbers of the frames to read, after checking that there is one for each energy.

    Raises
    ------
    DataError
        More frames than energies.
    ReadError
        Missing frames, unless `allow` is true.
    """
    extra = sorted(set(frames) - set(range(count)))
    if extra:
        raise DataError(
            f"{name} lists fewer energies than there are frames",
            expected=f"{count} frames, numbered 0 to {count - 1}",
            found=f"{len(frames)} frames; beyond the list: {_numbers(extra)}",
            fix="remove the frames that do not belong to this scan, or complete the StackAxis",
        )
    missing = sorted(set(range(count)) - set(frames))
    if missing and not allow:
        raise ReadError(
            f"{len(missing)} of the {count} frames of {name} are missing",
            expected=f"one .xim file for each of the {count} energies",
            found=f"no file for frame {_numbers(missing)}",
            fix="copy the missing files, or pass allow_missing=True to leave these energies out",
        )
    return sorted(frames)


def als_source(files: list[Path], shape: tuple[int, int]) -> FrameSource:
    """Frames of a scan as one array on disk, ``(energy, y, x)`` float32."""
    return FrameSource(lambda index: read_xim(files[index], shape), len(files), shape, np.float32)


def _numbers(values: list[int]) -> str:
    return ", ".join(map(str, values[:8])) + (" ..." if len(values) > 8 else "")


def read_xim(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read one frame: rows of numbers separated by tabs or blanks.

    Parameters
    ----------
    path : Path
        The ``.xim`` file.
    shape : (int, int)
        Expected ``(y, x)``.

    Returns
    -------
    ndarray
        ``(y, x)``, float32, counts.

    Raises
    ------
    ReadError
        Unreadable, truncated, or text among the numbers.
    DataError
        A frame of another shape.
    """
    text, values = _numbers_of(path)
    rows, columns = shape
    lines = [line for line in text.splitlines() if line.strip()]
    width = len(lines[0].split()) if lines else 0
    if values.size == rows * columns and len(lines) == rows and width == columns:
        return values.reshape(shape)
    whole = bool(lines) and values.size == len(lines) * width and len(lines[-1].split()) == width
    if not lines or (width == columns and len(lines) <= rows):
        raise ReadError(
            f"the frame {path.name} is truncated",
            expected=f"{rows} rows of {columns} numbers, {rows * columns} in all",
            found=f"{len(lines)} rows, {values.size} numbers",
            fix="copy the frame again, or remove it and pass allow_missing=True",
        )
    raise DataError(
        f"the frame {path.name} has another shape than the header says",
        expected=f"{rows} rows of {columns} numbers",
        found=f"{len(lines)} rows of {width}" if whole else f"{values.size} numbers",
        fix="the frame belongs to another scan, or was cropped during alignment: use the header "
        "that goes with it",
    )


def read_text_frame(path: Path) -> np.ndarray:
    """Read one frame without knowing its shape, ``(y, x)`` float32.

    Raises
    ------
    ReadError
        Unreadable, or rows of different length (truncated).
    """
    text, values = _numbers_of(path)
    lines = [line for line in text.splitlines() if line.strip()]
    widths = [len(line.split()) for line in lines]
    if not lines or len(set(widths)) != 1:
        raise ReadError(
            f"the frame {path.name} is truncated or empty",
            expected="rows of numbers, all of one length",
            found=f"{len(lines)} rows of {min(widths, default=0)} to {max(widths, default=0)}",
            fix="copy the frame again",
        )
    return values.reshape(len(lines), widths[0])


def _numbers_of(path: Path) -> tuple[bytes, np.ndarray]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        return text, np.array(text.split(), dtype=np.float32)
    except ValueError as error:
        raise ReadError(
            f"the frame {path.name} does not hold numbers only",
            expected="a text file of numbers",
            found=str(error),
            fix="copy the frame again",
        ) from None
