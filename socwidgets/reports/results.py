"""``results.json``: every number with its uncertainty, unit and method, in a flat schema.

======================  ==========================================================================
key                     meaning
======================  ==========================================================================
``schema``              ``"socwidgets.results/2"``
``report``, ``title``   template name; title as on the page
``created``             ISO 8601 time, UTC
``software``            name -> version, of the package and of what computes beneath it
``parameters``          the template's parameters, all of them
``inputs``              role -> ``{"source", "sha256", "dims"}`` of every object that was read
``numbers``             name -> ``{"value", "std", "low", "high", "unit", "label", "method"}``;
                        std is a standard uncertainty, low and high the ends of a 95 % interval;
                        null where there is none
``particles``           list of rows, one per particle
``factors``             checklist of the eight factors: ``{"name", "label", "value", "source"}``
``status``              status word -> number of pixels
``verdict``             one sentence that follows from the numbers
``warnings``            list of sentences that a reader must know
``provenance``          list of steps as in the bundle, oldest first
======================  ==========================================================================

The same as a JSON Schema (draft 2020-12): ``results.schema.json`` beside this module.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from socwidgets.model.errors import ReportError
from socwidgets.model.provenance import jsonable, package_version

SCHEMA = "socwidgets.results/2"
NUMBER_KEYS = ("value", "std", "low", "high", "unit", "label", "method")
_TYPES: dict[str, type] = {
    "schema": str, "report": str, "title": str, "created": str, "software": dict,
    "parameters": dict, "inputs": dict, "numbers": dict, "particles": list, "factors": list,
    "status": dict,
    "verdict": str, "warnings": list, "provenance": list,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a report.

    Attributes
    ----------
    value : float
        NaN where it cannot be given.
    std, low, high : float
        Standard uncertainty and ends of the 95 % interval; NaN where there is none.
    unit : str
        ``"1"`` if dimensionless.
    label, method : str
        Words for a table, and how it was made.
    is_chance : bool
        The value is a chance by accident (p), which is printed in another way.
    """

    value: float
    label: str
    unit: str = "1"
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    method: str = ""
    is_chance: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON form; NaN becomes null."""
        return {key: jsonable(getattr(self, key)) for key in NUMBER_KEYS}


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a report states as a number, in one object for the page and the file."""

    report: str
    title: str
    parameters: Mapping[str, Any]
    numbers: Mapping[str, Number]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    particles: list[dict[str, Any]] = field(default_factory=list)
    factors: list[dict[str, str]] = field(default_factory=list)
    status: Mapping[str, int] = field(default_factory=dict)
    verdict: str = ""
    warnings: tuple[str, ...] = ()
    provenance: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON form, in the schema of this module."""
        return {
            "schema": SCHEMA,
            "report": self.report,
            "title": self.title,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "software": software(),
            "parameters": jsonable(dict(self.parameters)),
            "inputs": jsonable(dict(self.inputs)),
            "numbers": {name: number.to_dict() for name, number in self.numbers.items()},
            "particles": jsonable(self.particles),
            "factors": list(self.factors),
            "status": dict(self.status),
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "provenance": jsonable(self.provenance),
        }


def software() -> dict[str, str]:
    """Versions of the package and of the libraries that its numbers depend on."""
    found = {"socwidgets": package_version(), "python": sys.version.split()[0]}
    for name in ("numpy", "scipy", "numba", "xarray", "scikit-image"):
        found[name] = metadata.version(name)
    return found


def validate_results(values: Mapping[str, Any]) -> None:
    """Check the JSON form of results against the schema.

    Raises
    ------
    ReportError
        Listing every problem.
    """
    problems = [f"{key} is missing" for key in _TYPES if key not in values]
    problems += [
        f"{key} is no {kind.__name__}"
        for key, kind in _TYPES.items()
        if key in values and not isinstance(values[key], kind)
    ]
    if values.get("schema") != SCHEMA:
        problems.append(f"schema is {values.get('schema')!r}, not {SCHEMA!r}")
    numbers = values.get("numbers")
    for name, number in numbers.items() if isinstance(numbers, dict) else ():
        problems += _number_problems(name, number)
    if problems:
        raise ReportError(
            "these are not the results of a report", expected=SCHEMA, found="; ".join(problems)
        )


def _number_problems(name: str, number: Any) -> list[str]:
    if not isinstance(number, dict) or set(number) != set(NUMBER_KEYS):
        return [f"numbers.{name} does not have exactly the keys {', '.join(NUMBER_KEYS)}"]
    problems = []
    for key in ("value", "std", "low", "high"):
        value = number[key]
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            problems.append(f"numbers.{name}.{key} is no number")
    problems += [
        f"numbers.{name}.{key} is no text"
        for key in ("unit", "label", "method")
        if not isinstance(number[key], str)
    ]
    low, high = number["low"], number["high"]
    if not problems and low is not None and high is not None and low > high:
        problems.append(f"numbers.{name}: low is above high")
    if not problems and number["std"] is not None and number["std"] < 0:
        problems.append(f"numbers.{name}.std is negative")
    return problems


def write_results(results: Results, path: str | os.PathLike[str]) -> None:
    """Write results as JSON (UTF-8, indented), checked against the schema first."""
    from socwidgets.io.atomic import atomic_file

    values = results.to_dict()
    validate_results(values)
    with atomic_file(path) as temporary:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_results(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check a ``results.json``.

    Raises
    ------
    ReportError
        If the file is absent, no JSON, or not in the schema.
    """
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except (OSError, ValueError) as error:
        raise ReportError(f"cannot read the results in {path}", found=str(error)) from None
    if not isinstance(values, dict):
        raise ReportError(f"{path} holds no results", expected="an object", found=str(type(values)))
    validate_results(values)
    return values
