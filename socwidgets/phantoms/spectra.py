"""Reference spectra as formulas, for simulated data with known truth.

The K-edge models were fitted to public spectra; the Fe L3 model was tuned to the polar angles that
Yu et al. (2018, Nat. Commun. 9, 921) found for lithiated and delithiated LiFePO4. They serve
simulation and tutorials; a publication needs references measured at the same beamline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy.special import erf

from socwidgets.model.parameters import unknown_name
from socwidgets.model.references import make_references

Peak = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class EdgeModel:
    """A normalized absorption edge: an error-function step and Gaussian peaks.

    ``N(E) = (1 + erf((E - edge_ev) / (sqrt(2) width_ev))) / 2 + sum_k A_k G(E; c_k, s_k)``

    Attributes
    ----------
    edge_ev, width_ev : float
        Position and standard deviation of the step, eV.
    peaks : tuple of (float, float, float)
        Height (in units of the edge step), center and standard deviation (eV) of each Gaussian.
    source : str
        Where the numbers come from.
    """

    edge_ev: float
    width_ev: float
    peaks: tuple[Peak, ...]
    source: str

    def __call__(self, energies: np.ndarray) -> np.ndarray:
        """Normalized absorption at `energies` (eV), same shape, dimensionless."""
        energies = np.asarray(energies, dtype=np.float64)
        step = 0.5 * (1.0 + erf((energies - self.edge_ev) / (np.sqrt(2.0) * self.width_ev)))
        return step + _gaussians(energies, self.peaks)

    def shifted(self, shift_ev: float, source: str) -> EdgeModel:
        """Return the same shape at another energy (eV), with a source of its own."""
        peaks = tuple((a, c + shift_ev, s) for a, c, s in self.peaks)
        return replace(self, edge_ev=self.edge_ev + shift_ev, peaks=peaks, source=source)


def _gaussians(energies: np.ndarray, peaks: tuple[Peak, ...]) -> np.ndarray:
    terms = (a * np.exp(-0.5 * ((energies - c) / s) ** 2) for a, c, s in peaks)
    return np.sum(list(terms), axis=0)


# The pyxas files put the Ni foil 2.5 eV below the usual scale; the models below stand on the
# literature's scale (white line of NiO near 8350.3 eV).
_PYXAS_SHIFT_EV = 2.5

_NIO_FILE = EdgeModel(
    8342.40,
    1.31,
    (
        (0.052, 8333.268, 3.000),
        (0.482, 8340.606, 2.510),
        (0.706, 8347.951, 2.204),
        (0.177, 8353.049, 1.502),
        (-0.125, 8361.000, 10.000),
        (-0.141, 8378.000, 5.357),
        (0.201, 8397.032, 5.963),
    ),
    "fit to the NiO reference of pyxas, RMS 0.026",
)
_LINIO2_FILE = EdgeModel(
    8341.94,
    3.58,
    (
        (0.041, 8332.040, 3.000),
        (0.050, 8340.083, 1.062),
        (0.559, 8349.375, 2.231),
        (0.141, 8353.253, 2.723),
        (0.128, 8367.566, 2.948),
        (-0.171, 8376.500, 10.000),
        (0.077, 8398.500, 3.572),
    ),
    "fit to the LiNiO2 reference of pyxas, RMS 0.010",
)
_LINIO2 = _LINIO2_FILE.shifted(_PYXAS_SHIFT_EV, f"{_LINIO2_FILE.source}, moved by +2.5 eV")
_LICOO2 = _LINIO2.shifted(-624.0, "model: shape of LiNiO2 at the Co K edge, no measurement")

#: Normalized edges by name. Energies in eV, about 24 eV below to 60 eV above the edge (Mn: 50).
EDGES: dict[str, EdgeModel] = {
    "NiO": _NIO_FILE.shifted(_PYXAS_SHIFT_EV, f"{_NIO_FILE.source}, moved by +2.5 eV"),
    "LiNiO2": _LINIO2,
    "Ni4+": _LINIO2.shifted(1.5, "model: LiNiO2 moved by another 1.5 eV, no measurement"),
    "LiCoO2": _LICOO2,
    "Li0.5CoO2": _LICOO2.shifted(0.8, "model: LiCoO2 moved by 0.8 eV, no measurement"),
    "MnO": EdgeModel(
        6548.50,
        1.41,
        (
            (0.091, 6539.928, 1.412),
            (0.753, 6546.093, 2.243),
            (0.330, 6554.352, 2.827),
            (-0.069, 6558.111, 1.395),
            (0.115, 6568.522, 1.896),
            (-0.041, 6574.500, 10.0),
            (0.114, 6594.399, 3.046),
        ),
        "fit to MnO of the XAS Data Library, RMS 0.008",
    ),
    "Mn2O3": EdgeModel(
        6547.78,
        2.40,
        (
            (0.232, 6543.264, 2.998),
            (-0.232, 6547.006, 5.406),
            (0.373, 6555.717, 2.330),
            (0.155, 6559.447, 1.639),
            (0.310, 6562.984, 4.036),
            (0.225, 6573.666, 4.945),
            (-0.064, 6588.500, 4.140),
        ),
        "fit to Mn2O3 of the XAS Data Library, RMS 0.007",
    ),
    "MnO2": EdgeModel(
        6551.88,
        1.94,
        (
            (0.221, 6542.670, 1.809),
            (-0.700, 6554.000, 7.947),
            (0.706, 6552.500, 6.118),
            (0.376, 6559.549, 2.084),
            (0.523, 6564.184, 3.950),
            (0.333, 6576.868, 6.669),
            (-0.076, 6588.000, 10.0),
        ),
        "fit to MnO2 of the XAS Data Library, RMS 0.014",
    ),
    "vivianite": EdgeModel(
        7123.54,
        4.85,
        (
            (0.043, 7112.427, 3.000),
            (0.251, 7120.472, 1.650),
            (0.502, 7124.699, 3.169),
            (0.070, 7131.045, 1.507),
            (0.084, 7139.550, 6.093),
            (-0.144, 7149.684, 10.0),
            (0.036, 7170.000, 10.0),
        ),
        "fit to vivianite, an Fe(II) phosphate, stand-in for LiFePO4; RMS 0.003",
    ),
    "ferrihydrite": EdgeModel(
        7125.15,
        2.88,
        (
            (0.069, 7113.351, 1.491),
            (0.119, 7123.150, 1.643),
            (0.304, 7129.600, 7.876),
            (0.012, 7139.597, 0.792),
            (0.045, 7146.940, 2.079),
            (-0.110, 7160.109, 5.571),
            (-0.032, 7168.000, 2.991),
        ),
        "fit to 2-line ferrihydrite, Fe(III), stand-in for FePO4; RMS 0.009",
    ),
}

#: Gaussians of the Fe L3 edge: optical density per unit thickness, eV, eV.
FE_L3_PEAKS: dict[str, tuple[Peak, ...]] = {
    "LFP": ((0.88748, 708.2, 0.7), (0.40459, 710.2, 0.8), (0.22187, 706.4, 0.6)),
    "FP": ((0.37207, 708.2, 0.7), (0.87652, 710.2, 0.8), (0.26296, 712.3, 1.0)),
}
FE_STEP = 0.15
FE_STEP_EV = 712.0
#: Standard deviation of the step. Ours: that of the widest peak, so that no line is sharper.
FE_STEP_WIDTH_EV = 1.0
FE_L2_SHIFT_EV = 13.1
FE_L2_SCALE = 0.5


def reference_spectrum(name: str, energies: np.ndarray) -> np.ndarray:
    """Normalized absorption of one compound at its K edge.

    Parameters
    ----------
    name : str
        One of `EDGES`: NiO, LiNiO2, Ni4+, LiCoO2, Li0.5CoO2, MnO, Mn2O3, MnO2, vivianite,
        ferrihydrite.
    energies : array_like
        ``(energy,)``, eV.

    Returns
    -------
    ndarray
        ``(energy,)``, dimensionless; 0 well below and 1 well above the edge. Far outside the
        fitted range (24 eV below to 60 eV above the edge) only these limits mean anything.

    Raises
    ------
    ParameterError
        If the name is unknown.
    """
    if name not in EDGES:
        raise unknown_name(f"there is no model spectrum called {name!r}", name, EDGES)
    return EDGES[name](energies)


def fe_l3_spectrum(
    name: str, energies: np.ndarray, *, step: bool = True, l2: bool = True
) -> np.ndarray:
    """Optical density of LiFePO4 ("LFP") or FePO4 ("FP") at the Fe L3 edge, unit thickness.

    Parameters
    ----------
    name : {"LFP", "FP"}
        Component.
    energies : array_like
        ``(energy,)``, eV.
    step : bool
        Add the edge step of 0.15 at 712 eV.
    l2 : bool
        Add the L2 edge: a copy of everything, 13.1 eV higher and half as strong.

    Returns
    -------
    ndarray
        ``(energy,)``, dimensionless. Without step and L2, ``|(OD(708.2), OD(710.2))| = 1``.
    """
    energies = np.asarray(energies, dtype=np.float64)

    def l3(at: np.ndarray) -> np.ndarray:
        peaks = _gaussians(at, FE_L3_PEAKS[name])
        if not step:
            return peaks
        edge = 0.5 * (1.0 + erf((at - FE_STEP_EV) / (np.sqrt(2.0) * FE_STEP_WIDTH_EV)))
        return peaks + FE_STEP * edge

    return l3(energies) + (FE_L2_SCALE * l3(energies - FE_L2_SHIFT_EV) if l2 else 0.0)


def fe_l3_references(energies: np.ndarray, step: bool = True, l2: bool = True) -> xr.DataArray:
    """Reference spectra of LiFePO4 and FePO4 at the Fe L3 edge.

    Parameters
    ----------
    energies : array_like
        ``(energy,)``, eV, strictly monotonic.
    step, l2 : bool
        As in `fe_l3_spectrum`.

    Returns
    -------
    xarray.DataArray
        ``(component, energy)`` with components LFP (discharged) and FP (charged); optical density
        per unit thickness.

    Raises
    ------
    ReferenceSpectraError
        If the energies are not finite and monotonic.
    """
    energies = np.asarray(energies, dtype=np.float64)
    spectra = {
        name: (energies, fe_l3_spectrum(name, energies, step=step, l2=l2)) for name in FE_L3_PEAKS
    }
    references = make_references(spectra)
    references.attrs.update(
        long_name="Optical density per unit thickness",
        units="1",
        source="model of the Fe L3 edge, tuned to the polar angles of Yu et al. 2018",
    )
    return references
