"""Kinds of map quantity: what a number means decides which statistics make sense (0.1)."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from socwidgets.model.errors import KindError

KIND = "kind"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of map quantity.

    Attributes
    ----------
    name : str
        Value of the ``kind`` attribute of a map.
    units : str
        Default units.
    has_zero : bool
        Whether zero is physical, so that a coefficient of variation means something.
    low_words, high_words : str
        What the two ends of a color bar mean, in words (color alone never carries direction).
    """

    name: str
    units: str
    has_zero: bool
    low_words: str
    high_words: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("x_li", "1", True, "Li-poor / charged", "Li-rich / discharged"),
        Kind("x_removed", "1", True, "Li-rich / discharged", "Li-poor / charged"),
        Kind("soc", "1", True, "Li-rich / discharged", "Li-poor / charged"),
        Kind("oxidation_state", "1", False, "reduced", "oxidized"),
        Kind("energy", "eV", False, "lower energy", "higher energy"),
        Kind("d_spacing", "angstrom", False, "smaller spacing", "larger spacing"),
        Kind("shift", "cm-1", False, "lower shift", "higher shift"),
        Kind("ratio", "1", True, "lower ratio", "higher ratio"),
        Kind("fraction", "1", True, "none of this component", "only this component"),
    )
}


def kind_of(values: xr.DataArray) -> Kind:
    """Return the kind of a map from its ``kind`` attribute.

    Raises
    ------
    KindError
        If the attribute is missing or unknown.
    """
    name = values.attrs.get(KIND)
    if name not in KINDS:
        raise KindError(
            f"map {values.name!r} does not say what kind of quantity it holds",
            expected=f"attrs['kind'] to be one of {', '.join(KINDS)}",
            found=repr(name),
            fix="set the attribute, for instance values.attrs['kind'] = 'soc'",
        )
    return KINDS[name]


def require_kind(values: xr.DataArray, allowed: tuple[str, ...], purpose: str) -> Kind:
    """Return the kind of `values` if it is one of `allowed`, else say why `purpose` is refused."""
    kind = kind_of(values)
    if kind.name not in allowed:
        raise KindError(
            f"{purpose} makes no sense for a map of kind {kind.name!r}",
            expected=f"one of {', '.join(allowed)}",
            found=kind.name,
            fix="calibrate the map first (for instance with soc_map) or choose another measure",
        )
    return kind


def end_words(values: xr.DataArray) -> tuple[str, str]:
    """Words for the low and the high end of the color bar of a map (empty where unknown).

    A map may override its kind's words with the attributes ``low_words`` and ``high_words``.
    """
    kind = KINDS.get(str(values.attrs.get(KIND)))
    low = values.attrs.get("low_words", kind.low_words if kind else "")
    high = values.attrs.get("high_words", kind.high_words if kind else "")
    return str(low), str(high)
