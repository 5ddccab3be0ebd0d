"""From a phantom's raw data to its maps, by the functions that a user calls."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import binary_erosion

from socwidgets.analysis.calibration import soc_map
from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.registration import register
from socwidgets.analysis.stray_light import without_stray_light
from socwidgets.phantoms import Phantom, StxmInstrument, default_instrument, simulate
from socwidgets.phantoms.catalog import edge_of
from socwidgets.phantoms.expected import registered_truth
from socwidgets.phantoms.xanes_references import EDGE_EV, xanes_energies
from socwidgets.plotting.review.analyzed import BACKGROUND_LAW, Analyzed

#: Random error of each photon energy: that of a good encoder.
JITTER_EV = 0.02
#: Pixels at a particle's rim that blur and what is left of the drift spoil for a spread.
RIM_PX = 3


def short_scan(element: str) -> tuple[float, ...]:
    """Energies of a shorter scan: every step over the edge, every third before and after it."""
    full = np.asarray(xanes_energies(element))
    edge = EDGE_EV[element]
    near = (full > edge - 5.0) & (full < edge + 25.0)
    outer = np.flatnonzero(~near)[::3]
    return tuple(full[np.sort(np.append(np.flatnonzero(near), outer))].tolist())


def by_lcf(
    phantom: Phantom, seed: int, technique: str | None = None, *, floor: float = 0.1, **changes: Any
) -> Analyzed:
    """Counts -> optical density -> registration -> linear combination fit -> SOC.

    Pixels below the part `floor` of the largest edge jump get no value: at a particle's rim there
    is too little material for a spectrum.
    """
    fields = used_instrument(phantom, technique, changes)
    od, counts = measured(phantom, seed, technique, **changes)
    fit = fit_map(
        od, "lcf", references=phantom.references, mask=_mask(od, phantom, floor),
        weighting="noise", background_law=BACKGROUND_LAW,
    )  # fmt: skip
    soc = soc_map(fit) if len(phantom.components) == 2 else fit
    return Analyzed(phantom, counts, od, fit, soc, _truth_of(phantom, counts, od), fields)


def measured(
    phantom: Phantom, seed: int, technique: str | None = None, **changes: Any
) -> tuple[xr.Dataset, xr.Dataset]:
    """Registered optical density and the counts behind it, from a scan of the usual energies.

    K edges are scanned at the energies of `short_scan` unless `changes` say otherwise.
    """
    fields = used_instrument(phantom, technique, changes)
    counts = simulate(phantom, default_instrument(phantom, technique), seed, **fields)
    od = optical_density(counts)
    if fields.get("stray_light"):
        od = without_stray_light(od, fields["stray_light"])
    # A stage that does not move is not registered: full fields have no edge to hold on to.
    return (od if fields["drift_px"] == 0.0 else register(od, **_registration(phantom))), counts


def _registration(phantom: Phantom) -> dict[str, Any]:
    """What is asked of the registration.

    Small drift is taken out, too: with fronts that face one way in all particles a tenth of a pixel
    moves their charge by four times its noise. Between the two lines of iron such particles turn
    from one side to the other; their outlines stay.
    """
    image = "signal" if windows_of(phantom) else "gradient"
    return {"passes": 1, "upsample": 20, "threshold_px": 0.02, "image": image}


def used_instrument(
    phantom: Phantom,
    technique: str | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """All fields of the microscope that measures a phantom: its defaults with `changes` over them.

    Where they do not say otherwise the energies are known as by a good encoder, the resolution is
    that of `resolution_um`, and K edges are scanned at the energies of `short_scan`.
    """
    fields: dict[str, Any] = dict(default_instrument(phantom, technique).to_dict())
    fields.update(jitter_ev=JITTER_EV, psf_fwhm_um=resolution_um(phantom, technique))
    if windows_of(phantom):
        fields["energies_ev"] = short_scan(edge_of(phantom))
    return fields | dict(changes)


def by_energy(
    phantom: Phantom, seed: int, method: str, technique: str | None = None, *,
    floor: float = 0.2, options: dict[str, Any] | None = None, **changes: Any,
) -> Analyzed:  # fmt: skip
    """Counts -> optical density -> registration -> map of an energy (white line or edge).

    `options` are those of the method; ``soc`` of the result is the map set of the fit.
    """
    fields = used_instrument(phantom, technique, changes)
    od, counts = measured(phantom, seed, technique, **changes)
    mask = _mask(od, phantom, floor)
    fit = fit_map(od, method, mask=mask, **(options or {}))
    return Analyzed(phantom, counts, od, fit, fit, _truth_of(phantom, counts, od), fields)


def _mask(od: xr.Dataset, phantom: Phantom, floor: float) -> xr.DataArray:
    """Where there is enough material for a spectrum, ``(y, x)`` bool."""
    jump = edge_jump(od, min_jump=0.005, **windows_of(phantom))
    enough = jump["edge_jump"] > floor * float(jump["edge_jump"].quantile(0.98))
    return (jump["mask"] & enough).assign_attrs(jump["mask"].attrs)


def resolution_um(phantom: Phantom, technique: str | None = None) -> float:
    """Width of the focal spot, um: one and a half pixels, as a well sampled image has it.

    A sharper image of coarse pixels cannot be moved by parts of a pixel without ringing.
    """
    fields = default_instrument(phantom, technique).to_dict()
    return max(float(fields.get("psf_fwhm_um", 0.0)), 1.5 * phantom.pixel_um)


def windows_of(phantom: Phantom) -> dict[str, Any]:
    """Windows before and after a K edge, eV; empty at the Fe L edges: found by themselves."""
    if float(phantom.references["energy"][0]) < 2000.0:
        return {}
    edge = EDGE_EV[edge_of(phantom)]
    return {"pre": (edge - 140.0, edge - 12.0), "post": (edge + 60.0, edge + 300.0)}


def _truth_of(phantom: Phantom, counts: xr.Dataset, od: xr.Dataset) -> xr.Dataset:
    """Truth as the instrument's resolution leaves it, on the pixels of the registered stack."""
    # Only the width of the spot matters here, and that is the same for all microscopes.
    spot = StxmInstrument(psf_fwhm_um=resolution_um(phantom))
    return registered_truth(phantom, counts, od if "dy" in od else None, spot)


def inner(labels: xr.DataArray, pixels: int = 1) -> xr.DataArray:
    """Labels without the outermost pixels of each particle, ``(y, x)``."""
    values = labels.values
    kept = np.zeros_like(values)
    for label in np.unique(values[values > 0]):
        inside = binary_erosion(values == label, iterations=pixels) if pixels else values == label
        kept[inside] = label
    return labels.copy(data=kept)
