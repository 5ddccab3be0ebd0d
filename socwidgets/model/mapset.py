"""Schema of a map set: one variable per fitted quantity, its sigma, and a status."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, SchemaError
from socwidgets.model.kinds import KIND, KINDS
from socwidgets.model.names import STATUS, STD_SUFFIX, X, Y
from socwidgets.model.status import status_attrs

#: Attributes in which maps say why not to trust them: energies with many pixels without an
#: uncertainty, peaks outside of a fixed window, a scan that ends early, weights that were forced to
#: add up to one, an edge far from E0.
DOUBTS = SIGMA_DOUBT, WINDOW_DOUBT, RANGE_DOUBT, SUM_DOUBT, E0_DOUBT = (
    "sigma_doubt", "window_doubt", "range_doubt", "sum_doubt", "e0_doubt",
)  # fmt: skip
_NOTES = ("calibration_doubts", *DOUBTS, "caveat", "caveats")


@dataclass(frozen=True, slots=True)
class MapSpec:
    """Description of one map that a fit produces.

    Attributes
    ----------
    name : str
        Variable name, for instance ``"fraction_FP"``.
    long_name : str
        For plots and reports.
    units : str
        ``"1"`` where dimensionless.
    kind : str
        One of `KINDS`, or empty for auxiliary maps (coefficients, residuals).
    origin : float
        What a fit's numbers are counted from, in `units`. A position of thousands of eV has no
        more than half a meV in float32; counted from near by it has all that the data have.
    """

    name: str
    long_name: str
    units: str = "1"
    kind: str = ""
    origin: float = 0.0

    def attrs(self) -> dict[str, str]:
        """Attributes of the variable."""
        found = {"long_name": self.long_name, "units": self.units}
        return {**found, KIND: self.kind} if self.kind else found


def validate_maps(maps: xr.Dataset) -> None:
    """Check a map set.

    Raises
    ------
    SchemaError
        Listing every ``(location, message)``: a map without y or x, a sigma without its map, an
        unknown kind, a status that is not uint8.
    DataError
        If it is no Dataset.
    """
    if not isinstance(maps, xr.Dataset):
        raise DataError(
            "a map set is a Dataset of maps",
            expected="an xarray.Dataset, such as fit_map returns",
            found=type(maps).__name__,
            fix="reference spectra go to references=",
        )
    problems = []
    for name, variable in maps.data_vars.items():
        text = str(name)
        if not {Y, X} <= set(variable.dims):
            problems.append((text, f"dims {variable.dims} lack y or x"))
        if text.endswith(STD_SUFFIX) and text.removesuffix(STD_SUFFIX) not in maps:
            problems.append((text, "is a standard uncertainty without its map"))
        if KIND in variable.attrs and variable.attrs[KIND] not in KINDS:
            problems.append((text, f"unknown kind {variable.attrs[KIND]!r}"))
    if STATUS in maps and maps[STATUS].dtype != np.uint8:
        problems.append((STATUS, f"dtype {maps[STATUS].dtype} is not uint8"))
    if not maps.data_vars:
        problems.append(("variables", "there are none"))
    if problems:
        raise SchemaError("map set", problems)


def status_variable(codes: np.ndarray, dims: tuple[str, ...]) -> xr.Variable:
    """Status codes as a CF flag variable."""
    return xr.Variable(dims, np.asarray(codes, dtype=np.uint8), status_attrs())


def display_maps(maps: xr.Dataset) -> list[str]:
    """Names of the maps that a person would look at: quantities first, then sigma, then status."""
    names = [str(n) for n in maps.data_vars if {Y, X} <= set(maps[n].dims)]
    quantity = [n for n in names if maps[n].attrs.get(KIND) and not n.endswith(STD_SUFFIX)]
    sigma = [n for n in names if n.endswith(STD_SUFFIX)]
    other = [n for n in names if n not in quantity and n not in sigma and n != STATUS]
    rest = [*sigma, *other] if quantity else [*other, *sigma]
    return [*quantity, *rest, *([STATUS] if STATUS in names else [])]


def notes_of(maps: xr.Dataset) -> list[str]:
    """Doubts and caveats that maps carry in their attributes."""
    found = [maps.attrs.get(name) for name in _NOTES]
    return [str(text) for part in found if part is not None for text in np.atleast_1d(part)]
