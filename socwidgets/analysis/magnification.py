"""The magnification of a zone-plate microscope changes with the photon energy."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from socwidgets.model.errors import ParameterError


def magnifications(
    energies: np.ndarray, reference_ev: float | None, power: float = 1.0
) -> np.ndarray:
    """Size of the image of each frame relative to the one at a reference energy.

    ``(E / E_ref)^power``. The focal length of a zone plate grows like E, so the size changes like
    E (power 1) or 1/E (power -1), depending on which distance the beamline keeps.

    Parameters
    ----------
    energies : ndarray
        ``(energy,)``, eV.
    reference_ev : float or None
        Energy whose frame keeps its size; the middle of the axis if None.
    power : float
        0 for a microscope that corrects itself.

    Returns
    -------
    ndarray
        ``(energy,)``, dimensionless.

    Raises
    ------
    ParameterError
        If the reference is no energy.
    """
    middle = 0.5 * (energies[0] + energies[-1]) if reference_ev is None else reference_ev
    if not middle > 0:
        raise ParameterError("the reference energy must be positive", found=f"{middle:g} eV")
    return (np.asarray(energies, np.float64) / middle) ** power


def rescaled(image: np.ndarray, scale: float) -> np.ndarray:
    """Image brought to the reference's size by linear interpolation, to measure its drift.

    Only the measurement uses it; the frame itself is interpolated once, at the end.

    Parameters
    ----------
    image : ndarray
        ``(y, x)``; NaN spreads to its neighbors.
    scale : float
        Of `magnifications`.

    Returns
    -------
    ndarray
        ``(y, x)``; NaN where the image has nothing.
    """
    if scale == 1.0:
        return image
    middle = 0.5 * (np.array(image.shape) - 1.0)
    return np.asarray(
        ndimage.affine_transform(
            np.asarray(image, np.float32), [scale, scale], middle - scale * middle,
            order=1, mode="constant", cval=np.nan,
        )
    )  # fmt: skip
