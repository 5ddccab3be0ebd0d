"""Windows and degrees that Larch chooses by itself, for results that must agree with it."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.xanes_parameters import StackNormalizationParameters
from socwidgets.model.errors import DataError


def larch_defaults(energies: np.ndarray, e0: float) -> StackNormalizationParameters:
    """Parameters of a normalization as ``larch.xafs.pre_edge`` chooses them.

    The rules that the code of Larch 2026.3.1 follows (its documentation states others): the
    pre-edge window starts at the second energy, rounded to 5 eV (2 eV with twenty points or fewer
    before the edge), and ends halfway to E0; the post-edge window ends at the last energy, rounded
    to 5 eV, and starts a fifteenth of that (in steps of 5 eV, at most 25 eV) above E0; the
    polynomial is quadratic over 300 eV or more, a line over 30 eV or more, else a constant.

    Parameters
    ----------
    energies : ndarray
        ``(energy,)``, rising, eV.
    e0 : float
        Edge energy, eV.

    Returns
    -------
    StackNormalizationParameters
        With ``window_rule="larch"``; `replace` what should differ.

    Raises
    ------
    DataError
        If E0 is not inside the axis, or leaves no windows.
    """
    energies = np.asarray(energies, np.float64)
    if energies.size < 4 or not energies[1] < e0 < energies[-2]:
        raise DataError(
            "Larch's rules need energies on both sides of the edge",
            expected="at least two on each side",
            found=f"E0 {e0:g} in {energies[0]:g} to {energies[-1]:g} eV",
        )
    before = int(np.argmin(np.abs(energies - e0)))
    unit = 5.0 if before > 20 else 2.0
    start = max(unit * round((energies[1] - e0) / unit), energies[0] - e0)
    stop = min(5.0 * round((energies[-1] - e0) / 5.0), energies[-1] - e0)
    first = min(25.0, 5.0 * round(stop / 15.0), stop - 2.0)
    span = stop - first
    below = np.searchsorted(energies, e0 + np.array([start, 0.5 * start]), side="right") - 1
    few = below[1] - below[0] < 3
    return StackNormalizationParameters(
        e0=e0,
        pre=(start, 0.5 * start),
        post=(first, stop),
        pre_degree=0 if few else 1,
        post_degree=2 if span >= 300.0 else 1 if span >= 30.0 else 0,
        post_exponent=0.0,
        window_rule="larch",
    )
