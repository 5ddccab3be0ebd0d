"""Instruments without optics: spectra of voxels after reconstruction, and maps with known noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import LABELS, QUANTITY, SIGNAL, SIGNAL_STD, STATUS, X, Y
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import align_references
from socwidgets.model.stack import parse_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.phantom import FRACTION, Phantom
from socwidgets.phantoms.xanes_references import xanes_energies


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelInstrument(Parameters):
    """XANES tomography after reconstruction: attenuation of each voxel at each energy."""

    energies_ev: tuple[float, ...] = param(
        xanes_energies("Ni"), "Photon energies.", unit="eV", low=50, high=2e5
    )
    noise: float = param(
        0.05, "Noise of one voxel at one energy, in units of the edge jump of solid material.",
        low=1e-6, high=2,
    )  # fmt: skip
    background: float = param(
        0.6, "Absorption below the edge, in units of the edge jump.", low=0, high=20
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MapInstrument(Parameters):
    """Any measurement that ends in a map of state of charge with known noise."""

    noise: float = param(0.03, "Standard deviation of the noise of a pixel, SOC.", low=0, high=1)
    noise_uneven: float = param(
        0.0, "Relative change of the noise from the left to the right of the field.", low=0, high=1
    )


def simulate_voxels(
    phantom: Phantom, instrument: VoxelInstrument | None = None, seed: int = 0, **changes: Any
) -> xr.Dataset:
    """Spectra of all voxels of a phantom's volume, as reconstruction leaves them.

    The noise is Gaussian and independent from voxel to voxel, which real reconstructions only
    come near to.

    Parameters
    ----------
    phantom : Phantom
        With a ``volume``.
    instrument : VoxelInstrument, optional
        Defaults if left out; `changes` are laid over it.
    seed : int
        Seed of the noise.
    **changes
        Fields of `VoxelInstrument` to change.

    Returns
    -------
    xarray.Dataset
        Stack ``(z, energy, y, x)`` of optical density per voxel thickness in units of the edge
        jump, float32, with ``signal_std`` and ``labels``.

    Raises
    ------
    DataError
        If the phantom has no volume.
    """
    instrument = (instrument or VoxelInstrument()).replace(**changes)
    volume = _volume_of(phantom)
    rng = np.random.default_rng(seed)
    energies = np.asarray(instrument.energies_ev)
    axis = xr.DataArray(energies, dims="energy", coords={"energy": energies}, name="energy")
    spectra = align_references(phantom.references, axis["energy"]).values
    solid = volume[LABELS].values > 0
    parts = _voxel_fractions(phantom, volume)
    fraction = np.where(solid, parts, 0.0)
    rest = instrument.background * (energies / energies[0]) ** -3.0
    clean = np.einsum("kzyx,ke->zeyx", fraction, spectra)
    clean += solid[:, None] * rest[None, :, None, None]
    noisy = clean + instrument.noise * rng.standard_normal(clean.shape)
    dims = ("z", "energy", Y, X)
    stack = volume[[LABELS]].assign_coords(energy=("energy", energies, {"units": "eV"}))
    stack[SIGNAL] = (dims, noisy.astype(np.float32))
    stack[SIGNAL_STD] = (dims, np.full(clean.shape, instrument.noise, np.float32))
    stack.attrs.update(
        {QUANTITY: "optical_density"}, technique="XANES tomography",
        sample=f"phantom: {phantom.kind}",
        note="simulated: the sample is a phantom with known truth",
    )  # fmt: skip
    stack = parse_stack(stack)
    called = {"instrument": instrument, "seed": seed, "phantom_seed": phantom.seed}
    return provenance.record(stack, "socwidgets.phantoms.simulate_voxels", called)


def simulate_map(
    phantom: Phantom,
    instrument: MapInstrument | None = None,
    seed: int = 0,
    *,
    volume: bool = False,
    **changes: Any,
) -> xr.Dataset:
    """Map of state of charge with known noise, for what comes after the technique.

    Parameters
    ----------
    phantom : Phantom
        Any.
    instrument : MapInstrument, optional
        Defaults if left out; `changes` are laid over it.
    seed : int
        Seed of the noise.
    volume : bool
        Take the three-dimensional truth instead of the map.
    **changes
        Fields of `MapInstrument` to change.

    Returns
    -------
    xarray.Dataset
        Map set: ``soc``, ``soc_std``, ``status``, ``labels`` and (of a map) ``thickness``. NaN and
        ``masked`` where there is no material.

    Raises
    ------
    DataError
        If there is no volume.
    """
    instrument = (instrument or MapInstrument()).replace(**changes)
    source = _volume_of(phantom) if volume else phantom.truth
    rng = np.random.default_rng(seed)
    soc = source["soc"]
    across = np.linspace(-0.5, 0.5, soc.sizes[X])
    sigma = instrument.noise * (1.0 + instrument.noise_uneven * across)
    solid = np.isfinite(soc.values) & (source[LABELS].values > 0)
    noisy = soc.values + sigma * rng.standard_normal(soc.shape)
    maps = xr.Dataset(coords=soc.coords)
    maps["soc"] = (soc.dims, np.where(solid, noisy, np.nan), soc.attrs)
    words = {"long_name": "Standard uncertainty: state of charge", "units": "1"}
    std = np.where(solid, np.broadcast_to(sigma, soc.shape), np.nan)
    maps["soc_std"] = (soc.dims, std, words)
    codes = np.where(solid, np.uint8(Status.OK), np.uint8(Status.MASKED))
    maps[STATUS] = status_variable(codes, tuple(str(d) for d in soc.dims))
    maps[LABELS] = source[LABELS]
    if "thickness" in source:
        maps["thickness"] = source["thickness"]
    maps.attrs.update(sample=f"phantom: {phantom.kind}", sigma_source="known noise of a phantom")
    called = {"instrument": instrument, "seed": seed, "phantom_seed": phantom.seed}
    return provenance.record(maps, "socwidgets.phantoms.simulate_map", called)


def _volume_of(phantom: Phantom) -> xr.Dataset:
    if phantom.volume is None:
        raise DataError(
            f"the phantom {phantom.kind!r} has no volume",
            expected="a phantom with a three-dimensional truth",
            found="maps only",
            fix="choose such a phantom, for instance make_phantom('shrinking_core')",
        )
    return phantom.volume


def _voxel_fractions(phantom: Phantom, volume: xr.Dataset) -> np.ndarray:
    """``(component, z, y, x)``, fraction of each component."""
    names = [f"{FRACTION}{name}" for name in phantom.components]
    if all(name in volume for name in names):
        return np.stack([volume[name].values for name in names])
    soc = np.nan_to_num(volume["soc"].values)
    return np.stack([1.0 - soc, soc]) if len(names) == 2 else np.ones((1, *soc.shape))
