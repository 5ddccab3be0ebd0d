"""Reference spectra at the K edges of Mn, Fe, Co and Ni for simulated XANES."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from socwidgets.model.references import make_references
from socwidgets.phantoms.spectra import EDGES, EdgeModel, reference_spectrum

#: Tabulated edge energies, eV (xraydb 4.5.8).
EDGE_EV = {"Mn": 6539.0, "Fe": 7112.0, "Co": 7709.0, "Ni": 8333.0}

#: Edge steps per thickness, um-1 (xraydb, densities of the ideal compounds; golden G-17).
JUMP_PER_UM = {
    "LFP": 0.0450, "LCO": 0.0936, "NMC333": 0.0272, "NMC442": 0.0327, "NMC622": 0.0490,
    "NMC811": 0.0656, "NCA": 0.0667, "LMO": 0.1022, "LNMO": 0.0202,
}  # fmt: skip


def xanes_energies(element: str, *, sparse: bool = False) -> tuple[float, ...]:
    """Photon energies of a typical scan of a K edge.

    Parameters
    ----------
    element : {"Mn", "Fe", "Co", "Ni"}
        Absorber.
    sparse : bool
        Ten energies instead of 67 (golden G-18 has such a scan).

    Returns
    -------
    tuple of float
        eV. 1 eV steps over the edge, 10 eV before and after it, as in the protocol of golden G-12:
        for Ni 8200 to 8320, 8330 to 8355, 8360 to 8630.
    """
    shift = EDGE_EV[element] - EDGE_EV["Ni"]
    if sparse:
        grid = np.array([8250, 8310, 8338, 8341, 8344, 8347, 8350, 8353, 8365, 8420], dtype=float)
    else:
        grid = np.concatenate(
            [np.arange(8200, 8321, 10), np.arange(8330, 8356), np.arange(8360, 8631, 10)]
        ).astype(float)
    return tuple((grid + shift).tolist())


def xanes_references(components: Mapping[str, str | Mapping[str, float]]) -> xr.DataArray:
    """Reference spectra of an edge on a common dense grid.

    Parameters
    ----------
    components : mapping of str to (str or mapping)
        Name of each component -> name of its model in `EDGES`, with ``+1.5 eV`` behind it to shift
        it (``"LiNiO2 +1.5 eV"``), or a mixture as ``{model: share}``. Of two components the
        second is the charged one.

    Returns
    -------
    xarray.DataArray
        ``(component, energy)``, dimensionless, every 0.1 eV near the edge and every 1 eV from
        150 eV below to 320 eV above.

    Raises
    ------
    ParameterError
        If a model is unknown.
    """
    spectra: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    grid: np.ndarray | None = None
    for name, recipe in components.items():
        parts = {recipe: 1.0} if isinstance(recipe, str) else dict(recipe)
        models = {text: edge_model(text) for text in parts}
        if grid is None:
            middle = next(iter(models.values())).edge_ev
            grid = _dense(middle)
        values = np.sum([share * models[text](grid) for text, share in parts.items()], axis=0)
        spectra[name] = (grid, values)
    references = make_references(spectra)
    references.attrs.update(
        long_name="Normalized absorption", units="1",
        source="models of K edges fitted to public spectra; for simulation only",
    )  # fmt: skip
    return references


def edge_model(text: str) -> EdgeModel:
    """Model of an edge by name, with an optional shift: ``"LiNiO2"``, ``"LiNiO2 +1.5 eV"``."""
    name, _, shift = text.partition(" ")
    # An unknown name raises the error that suggests the nearest known one.
    reference_spectrum(name, np.zeros(1))
    if not shift:
        return EDGES[name]
    step = float(shift.removesuffix("eV"))
    return EDGES[name].shifted(step, f"{EDGES[name].source}, moved by {step:+g} eV")


def _dense(edge_ev: float) -> np.ndarray:
    near = np.arange(-40.0, 100.0, 0.1)
    far = np.concatenate([np.arange(-150.0, -40.0, 1.0), np.arange(100.0, 321.0, 1.0)])
    return np.round(edge_ev) + np.sort(np.concatenate([near, far])).round(3)
