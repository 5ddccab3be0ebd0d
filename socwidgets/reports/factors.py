"""The eight factors that make a charge heterogeneous (Fig. 30 of the review), as a checklist.

Y. Zhang, Z. Yang and C. Tian, J. Mater. Chem. A 2019, 7, 23628: size, morphology, carbon,
thickness, porosity, tortuosity, rate, temperature. A map without them cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.reports.parameters import SocMapReport

#: Parameter -> label, and names under which files state it.
FACTORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "particle_size": ("Size of the particles", ("particle_size", "particle_size_um", "d50_um")),
    "morphology": ("Morphology and facets", ("morphology", "facet", "facets")),
    "carbon": ("Carbon", ("carbon", "carbon_content", "carbon_wt")),
    "thickness": ("Thickness or loading of the electrode", (
        "electrode_thickness", "electrode_thickness_um", "loading", "loading_mg_cm2")),
    "porosity": ("Porosity", ("porosity",)),
    "tortuosity": ("Tortuosity", ("tortuosity",)),
    "rate": ("Rate, and rest since", ("rate", "c_rate", "c_rate_per_h", "rest_h")),
    "temperature": ("Temperature", ("temperature", "temperature_c", "temperature_k")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Factor:
    """One line of the checklist.

    Attributes
    ----------
    name, label : str
        Parameter, and words.
    value : str
        As stated or measured; empty if nobody said.
    source : str
        ``"parameter"``, ``"file"``, ``"measured here"`` or ``"not stated"``.
    """

    name: str
    label: str
    value: str
    source: str


def factors(
    params: SocMapReport, stack: xr.Dataset, table: pd.DataFrame | None = None
) -> list[Factor]:
    """Fill the checklist from the parameters, then the file's attributes, then the particles.

    Parameters
    ----------
    params : SocMapReport
        What the user stated wins.
    stack : xarray.Dataset
        Its attributes come next.
    table : pandas.DataFrame, optional
        Particles, whose diameters (um) are the size if nobody stated one.
    """
    return [
        _factor(name, label, keys, params, stack.attrs, table)
        for name, (label, keys) in FACTORS.items()
    ]


def _factor(
    name: str, label: str, keys: tuple[str, ...], params: SocMapReport, attrs: dict[Any, Any],
    table: pd.DataFrame | None,
) -> Factor:  # fmt: skip
    stated = str(getattr(params, name)).strip()
    if stated:
        return Factor(name, label, stated, "parameter")
    found = [f"{key} {attrs[key]}" for key in keys if str(attrs.get(key, "")).strip()]
    if found:
        return Factor(name, label, ", ".join(found), "file")
    if name == "particle_size" and table is not None and len(table):
        low, middle, high = np.nanpercentile(table["diameter_um"].astype(float), [10, 50, 90])
        text = f"median {middle:.2f} µm, 10 to 90 %: {low:.2f} to {high:.2f} µm"
        return Factor(name, label, f"{text} ({len(table)} particles)", "measured here")
    return Factor(name, label, "", "not stated")


def missing_words(found: list[Factor]) -> str:
    """A sentence about what nobody stated; empty if everything is known."""
    absent = [factor.label.lower() for factor in found if not factor.value]
    if not absent:
        return ""
    return (
        f"Not stated: {', '.join(absent)}. Without them this result cannot be compared with others "
        "(parameters of the report, or attributes of the file)."
    )
