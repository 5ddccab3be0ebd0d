"""Text files of numbers in columns: comments, header lines, separators, decimal commas."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from socwidgets.model.errors import ReadError

_COMMENT = ("#", "%", "!", "*", "//", ";")
_XDI_COLUMN = re.compile(r"^\W*column\.(\d+)\s*:\s*(\S+)(?:\s+(\S+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers in columns.

    Attributes
    ----------
    values : ndarray
        ``(row, column)``.
    names : tuple of str
        Column names from the header, or empty where the file has none.
    units : tuple of str
        Units as far as the header states them, else empty texts; as long as `names`.
    """

    values: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a text file of numbers.

    Lines that begin with ``#``, ``%``, ``!``, ``*``, ``;`` or ``//`` and all lines before the
    first line of numbers are header. Columns are separated by blanks, tabs, semicolons or commas;
    a comma is a decimal comma where another separator stands beside it (``7112,5 0,031``).

    Raises
    ------
    ReadError
        No such file, no permission, a binary file, no numbers, text among the numbers, rows of
        different length.
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    split: Callable[[str], list[str]] | None = None
    header: list[str] = []
    rows: list[list[float]] = []
    used: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(_COMMENT):
            header.extend([text] if text and not rows else [])
            continue
        if split is None:
            split = _splitter(text)
            if split is None:
                header.append(text)
                continue
        used.append(text)
        rows.append(_row(path, number, text, split, len(rows[0]) if rows else None))
    if not rows:
        raise ReadError(
            f"{path.name} holds no numbers",
            expected="a text file with numbers in columns",
            found=f"{len(lines)} lines, none of which begins with a number",
            fix="check that this is the right file",
        )
    _require_clear_commas(path, used)
    values = np.array(rows, dtype=np.float64)
    names, units = _header_names(header, values.shape[1])
    return Table(values, names, units)


def read_text(path: Path) -> str:
    """Text of a file, with clear errors for what cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if b"\0" in raw[:4096]:
        raise ReadError(
            f"{path.name} is not a text file",
            expected="text",
            found="binary data",
            fix="check that this is the right file",
        )
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def unreadable(path: Path, error: OSError) -> ReadError:
    """Turn an `OSError` about an input into an error that says what to do."""
    if isinstance(error, FileNotFoundError):
        around = path.parent
        note = "" if around.is_dir() else f"; the folder {around} does not exist either"
        return ReadError(
            f"there is no file or folder {path}",
            expected="the path of an existing file or folder",
            found=f"nothing of this name{note}",
            fix=f"check the spelling; relative paths start at {Path.cwd()}",
        )
    if isinstance(error, PermissionError):
        return ReadError(
            f"no permission to read {path}",
            expected="a file or folder that you may read",
            found=error.strerror or str(error),
            fix="ask its owner for read permission, or copy it",
        )
    if isinstance(error, IsADirectoryError):
        return ReadError(
            f"{path} is a folder", expected="a file", found="a folder", fix="name a file inside it"
        )
    return ReadError(
        f"{path} cannot be read",
        expected="a readable file",
        found=error.strerror or str(error),
        fix="check the disk or the network drive",
    )


def _number(token: str) -> float:
    # Fortran writes 1.5D+02.
    return float(re.sub(r"(?<=\d)[dD](?=[+-]?\d)", "e", token))


def _by(pattern: str, decimal_comma: bool) -> Callable[[str], list[str]]:
    def split(line: str) -> list[str]:
        tokens = [t.strip() for t in re.split(pattern, line.strip())]
        if tokens and not tokens[-1]:
            tokens.pop()
        return [t.replace(",", ".") for t in tokens] if decimal_comma else tokens

    return split


def _splitter(line: str) -> Callable[[str], list[str]] | None:
    """Rule that turns this line into numbers, or None if it is no line of numbers."""
    comma = "," in line
    decimal = comma and "." not in line
    if ";" in line:
        rule = _by(r"\s*;\s*", decimal)
    elif comma and not re.search(r",\s", line) and re.search(r"\d\s+[-+\d.,]", line):
        rule = _by(r"\s+", True)
    elif comma:
        rule = _by(r"\s*,\s*", False)
    else:
        rule = _by(r"\s+", False)
    try:
        for token in rule(line):
            _number(token)
    except ValueError:
        return None
    return rule


def _require_clear_commas(path: Path, lines: list[str]) -> None:
    """Refuse ``7112,5``, which is one number with a decimal comma or two numbers."""
    if all("," in line and not re.search(r"[.;eE\s]", line) for line in lines):
        raise ReadError(
            f"in {path.name} a comma may be a decimal comma or a separator",
            expected="decimal points, or columns separated by blanks, tabs or semicolons",
            found=repr(lines[0][:60]),
            fix="write the numbers with decimal points, or change the separator",
        )


def _row(
    path: Path, number: int, text: str, split: Callable[[str], list[str]], width: int | None
) -> list[float]:
    try:
        values = [_number(token) for token in split(text)]
    except ValueError:
        raise ReadError(
            f"{path.name}, line {number} is not a line of numbers",
            expected="numbers only, after the header",
            found=repr(text[:60]),
            fix="remove the line, or begin it with # to make it a comment",
        ) from None
    if width is not None and len(values) != width:
        raise ReadError(
            f"{path.name}, line {number} has another number of columns",
            expected=f"{width} columns as in the first row",
            found=f"{len(values)}: {text[:60]!r}",
            fix="the file may be truncated: copy it again or complete the line",
        )
    return values


def _header_names(header: list[str], width: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names from XDI fields, else from the last header line of the right length."""
    fields = {
        int(m.group(1)): (m.group(2), m.group(3) or "") for m in map(_XDI_COLUMN.match, header) if m
    }
    if set(range(1, width + 1)) <= set(fields):
        pairs = [fields[i] for i in range(1, width + 1)]
        return tuple(name for name, _ in pairs), tuple(unit for _, unit in pairs)
    for line in reversed(header[-2:]):
        bare = line.strip("#%!*/; \t")
        for pattern in (r"\s*[;\t]\s*", r"\s*,\s*", r"\s+"):
            tokens = [token.strip("\"' ") for token in re.split(pattern, bare)]
            if len(tokens) == width and not any(set(t) <= set("-=") for t in tokens):
                found = [re.match(r"(.*?)\s*[\[(]\s*(\w+)\s*[\])]$", t) for t in tokens]
                units = tuple(
                    m.group(2) if m and m.group(2).lower() in ("ev", "kev") else "" for m in found
                )
                return tuple(
                    m.group(1) if m and u else t
                    for m, t, u in zip(found, tokens, units, strict=True)
                ), units
    return (), ()
