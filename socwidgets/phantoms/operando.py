"""A layered oxide that is charged while its Ni K edge is measured at two places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.names import X
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.series import make_series
from socwidgets.phantoms.spectra import EDGES


@dataclass(frozen=True, slots=True, kw_only=True)
class OperandoParams(Parameters):
    """What the series looks like; the defaults resemble the first charge of LiNiO2 at C/10."""

    n_states: int = param(56, "Scans at each place.", low=8, high=2000)
    capacity_mah: float = param(1.61, "Charge at the end.", unit="mA h", low=1e-6)
    edge_shift_ev: float = param(
        1.24, "Shift of the edge over the charge.", unit="eV", low=0.0, high=5.0
    )
    bend: float = param(
        1.3, "Exponent of the shift against the state of charge: 1 is a straight line.", low=0.3
    )
    lag: float = param(
        0.03, "How far the second place lags behind the first in the middle, in SOC.", low=0.0
    )
    noise: float = param(0.002, "Standard deviation of one sample, edge jumps.", low=0.0)
    step_ev: float = param(0.5, "Energy step.", unit="eV", low=0.05, high=5.0)


def operando_series(params: OperandoParams | None = None, *, seed: int = 0) -> xr.Dataset:
    """Simulate an operando series with known truth.

    Parameters
    ----------
    params : OperandoParams, optional
        Defaults if left out.
    seed : int
        Of the noise. The same seed gives the same numbers.

    Returns
    -------
    xarray.Dataset
        As `socwidgets.io.operando.open_operando` reads a measured one: ``signal`` ``(state, energy,
        y=1, x=2)``, normalized, with ``charge_mah``, ``voltage_v`` and ``time_s``; and with the
        truth as the coordinate ``true_soc`` ``(state, x)``. ``signal_std`` is not given, as it is
        not with measured series.

    Notes
    -----
    The edge of LiNiO2 moves as a whole, ``shift = edge_shift soc^bend``, so a linear combination of
    the first and the last spectrum is a wrong model that still follows the charge, as on measured
    data. The lag is ``lag sin(pi soc)``.
    """
    chosen = params or OperandoParams()
    rng = np.random.default_rng(seed)
    energies = np.arange(8250.0, 8600.0, chosen.step_ev)
    charge = np.linspace(0.003, 1.0, chosen.n_states)
    # The second place is measured half a scan later.
    both = np.stack([charge, np.minimum(charge + 0.5 * (charge[1] - charge[0]), 1.0)], axis=1)
    soc = both.copy()
    soc[:, 1] -= chosen.lag * np.sin(np.pi * both[:, 1])
    shift = chosen.edge_shift_ev * np.maximum(soc, 0.0) ** chosen.bend
    spectra = EDGES["LiNiO2"](energies[None, None] - shift[..., None])
    spectra = spectra + rng.normal(0.0, chosen.noise, spectra.shape)
    beside = {
        "charge_mah": chosen.capacity_mah * both,
        "voltage_v": 3.64 + 0.65 * both**1.5,
        "time_s": 36000.0 * both,
    }
    series = make_series(spectra, energies, beside, sample="simulated LiNiO2", seed=seed)
    return series.assign_coords(true_soc=(("state", X), soc, {"units": "1"}))
