"""What stands on a heterogeneity card: numbers with uncertainties, and checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from socwidgets.model.errors import DataError

PASSED, CAUTION, NOT_RUN = "passed", "caution", "not run"


@dataclass(frozen=True, slots=True)
class CardEntry:
    """One number of the card.

    Attributes
    ----------
    name, long_name : str
        Key and words.
    value : float
        The number; NaN where it cannot be given.
    std, low, high : float
        Standard uncertainty and 95 % interval; NaN where there is none.
    units : str
        Units, ``"1"`` if dimensionless.
    note : str
        How it was made, or what it assumes.
    group : str
        Heading under which it stands.
    """

    name: str
    long_name: str
    value: float
    std: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    units: str = "1"
    note: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class CardCheck:
    """One check of what could fool the reader.

    Attributes
    ----------
    name, long_name : str
        Key and words.
    outcome : str
        ``"passed"``, ``"caution"`` or ``"not run"``.
    detail : str
        What was found, or why it was not run.
    """

    name: str
    long_name: str
    outcome: str
    detail: str = ""


@runtime_checkable
class HasEntries(Protocol):
    """A result that can stand on a card."""

    def entries(self) -> Iterable[CardEntry]:
        """Numbers for the card."""


def entries_of(extras: Iterable[Any], group: str = "Further results") -> list[CardEntry]:
    """Flatten what may be added to a card into entries.

    Parameters
    ----------
    extras : iterable
        Entries, results with a method ``entries()``, or iterables of entries.
    group : str
        Heading of those that name none.

    Returns
    -------
    list of CardEntry
        In the order given.

    Raises
    ------
    DataError
        If something is none of these.
    """
    found: list[CardEntry] = []
    for extra in extras:
        if isinstance(extra, CardEntry):
            found.append(extra)
        elif isinstance(extra, HasEntries):
            found += list(extra.entries())
        elif isinstance(extra, Iterable) and not isinstance(extra, (str, bytes)):
            found += entries_of(extra, group)
        else:
            raise DataError(
                "this cannot stand on a card",
                expected="a CardEntry, a list of them, or a result with entries()",
                found=type(extra).__name__,
            )
    return [_in_group(entry, group) for entry in found]


def _in_group(entry: CardEntry, group: str) -> CardEntry:
    if entry.group:
        return entry
    numbers = (entry.value, entry.std, entry.low, entry.high)
    return CardEntry(entry.name, entry.long_name, *numbers, entry.units, entry.note, group)


def format_entry(entry: CardEntry) -> str:
    """Text such as ``0.512 ± 0.013 (95 %: 0.487 to 0.538)``, digits after the uncertainty."""
    if not np.isfinite(entry.value):
        return "not available"
    if float(entry.value).is_integer() and not np.isfinite(entry.std) and abs(entry.value) < 1e12:
        text = f"{entry.value:,.0f}".replace(",", " ")
        return text if entry.units == "1" else f"{text} {_unit(entry.units)}"
    digits = _decimals(entry)
    text = f"{entry.value:.{digits}f}" if digits is not None else f"{entry.value:.3g}"
    if np.isfinite(entry.std):
        text += f" ± {entry.std:.{digits}f}" if digits is not None else f" ± {entry.std:.2g}"
    if np.isfinite(entry.low) and np.isfinite(entry.high):
        shape = f".{digits}f" if digits is not None else ".3g"
        text += f" (95 %: {entry.low:{shape}} to {entry.high:{shape}})"
    return text if entry.units == "1" else f"{text} {_unit(entry.units)}"


def _decimals(entry: CardEntry) -> int | None:
    """Decimals that show two digits of the uncertainty; None for numbers of awkward size."""
    if not 1e-5 < abs(entry.value) < 1e6 and entry.value != 0:
        return None
    spread = entry.std
    if not (np.isfinite(spread) and spread > 0):
        spread = abs(entry.high - entry.low) / 4
    if not (np.isfinite(spread) and spread > 0):
        spread = abs(entry.value) / 10 if entry.value else 0.1
    return int(np.clip(1 - np.floor(np.log10(spread)), 0, 6))


def _unit(units: str) -> str:
    return units.replace("um", "µm").replace("cm-1", "cm⁻¹")
