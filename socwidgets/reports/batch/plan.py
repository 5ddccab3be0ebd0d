"""Which reports a batch makes: one for each row of a table, or for each scan in a folder."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socwidgets.model.errors import ReadError, SocwidgetsError
from socwidgets.model.parameters import unknown_names
from socwidgets.model.provenance import jsonable, package_version
from socwidgets.phantoms.by_name import PHANTOM_PREFIX
from socwidgets.reports.inputs import absolute_values
from socwidgets.reports.registry import get_template

#: Column of a table that names the scans; every other column is a parameter.
NAME_COLUMN = "name"
#: Files that belong to a scan of another name: ALS frames beside their header.
_COMPANIONS = (".xim",)
_UNFIT = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True)
class Task:
    """One report of a batch.

    Attributes
    ----------
    name : str
        Unique in the batch; also the name of its folder.
    template : str
        Report template.
    parameters : dict
        Checked values, JSON-able, with absolute file names; as typed where `problem` is set.
    fingerprint : str
        Changes when the parameters, the size or date of an input, or the version changes.
    problem : str
        Why this report cannot even be started; empty where it can.
    """

    name: str
    template: str
    parameters: dict[str, Any]
    fingerprint: str
    problem: str = ""


def plan_batch(template: str, source: Path, common: Mapping[str, Any]) -> list[Task]:
    """List the reports of a batch.

    Parameters
    ----------
    template : str
        Report template.
    source : Path
        A table (CSV with a header; each column a parameter, ``name`` names the scan; an empty cell
        leaves the common or default value; relative file names start in the table's folder), or a
        folder of scans.
    common : mapping
        Values for every scan; a table's own win. Relative file names start in the working folder.

    Raises
    ------
    ReadError
        If the source is not there or holds no scan.
    ParameterError
        If a column or a common parameter does not exist. What is wrong with one scan only is kept
        in its `Task.problem`.
    """
    source = source.expanduser()
    if not source.exists():
        raise ReadError(
            f"there is no table or folder {source}",
            expected="a CSV file with one scan in each row, or a folder of scans",
            fix="check the spelling",
        )
    cls = get_template(template).parameters
    unknown_names(cls, common)
    shared = {**common, **absolute_values(cls, common)}
    rows = _from_folder(source) if source.is_dir() else _from_table(source, cls)
    if not rows:
        raise ReadError(f"there is no scan in {source}", expected="at least one")
    names = _unique(name or str(row.get("stack", "")) for name, row in rows)
    return [
        _task(name, template, {**shared, **row}) for name, (_, row) in zip(names, rows, strict=True)
    ]


def _from_table(path: Path, cls: Any) -> list[tuple[str, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [str(column).strip() for column in reader.fieldnames or []]
            reader.fieldnames = columns
            table = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(
            f"cannot read the table {path}", expected="a CSV file, UTF-8", found=str(error)
        ) from None
    unknown_names(cls, [column for column in columns if column != NAME_COLUMN])
    rows = []
    for number, cells in enumerate(table, start=2):
        if None in cells or None in cells.values():
            raise ReadError(
                f"line {number} of {path} has another number of cells than the header",
                expected=f"{len(columns)} cells",
                fix="put cells that hold a comma into quotes",
            )
        given = {key: cell.strip() for key, cell in cells.items() if cell.strip()}
        if given:
            name = given.pop(NAME_COLUMN, "")
            rows.append((name, {**given, **absolute_values(cls, given, path.resolve().parent)}))
    return rows


def _from_folder(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every file that a reader knows, and every folder of frames, sorted by name."""
    from socwidgets.io.registry import readers

    suffixes = {suffix for reader in readers() for suffix in reader.suffixes}
    suffixes -= set(_COMPANIONS)
    folder = folder.resolve()
    found = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    scans = [
        path
        for path in found
        if path.suffix.lower() in suffixes
        or (path.is_dir() and any(reader.sniff(path) for reader in readers()))
    ]
    return [(path.stem, {"stack": str(path)}) for path in scans]


def _unique(names: Iterable[str]) -> list[str]:
    """Names that are fit for a folder; a second one of the same name gets a number."""
    taken: set[str] = set()
    result = []
    for name in names:
        text = name.removeprefix(PHANTOM_PREFIX)
        stem = _UNFIT.sub("_", Path(text).stem if "/" in text else text).strip("._")[:80] or "scan"
        unique, count = stem, 1
        while unique.lower() in taken:
            count += 1
            unique = f"{stem}-{count}"
        taken.add(unique.lower())
        result.append(unique)
    return result


def _task(name: str, template: str, values: dict[str, Any]) -> Task:
    cls = get_template(template).parameters
    try:
        checked = jsonable(cls.from_mapping(values).to_dict())
    except SocwidgetsError as error:
        return Task(name, template, jsonable(values), "", str(error))
    return Task(name, template, checked, _fingerprint(template, checked, cls))


def _fingerprint(template: str, values: dict[str, Any], cls: Any) -> str:
    files = []
    for key in (*cls.PATHS, *cls.PATH_LISTS):
        for part in str(values.get(key) or "").split(","):
            path = Path(part.partition("=")[2] or part)
            if path.is_file():
                state = path.stat()
                files.append([str(path), state.st_size, state.st_mtime_ns])
    text = json.dumps([template, package_version(), values, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
