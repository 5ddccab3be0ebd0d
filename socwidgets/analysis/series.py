"""Two places of one electrode followed through a charge, and whether they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.errors import DataError

#: Quantile of a one-sided test at 5 %.
_ONE_SIDED = 1.645


@dataclass(frozen=True, slots=True)
class SeriesDifference:
    """Difference of two series at the same charge.

    Attributes
    ----------
    charge, difference : ndarray
        ``(n,)``: common charge, and first minus second series there.
    noise : (float, float)
        Standard deviation of one point of each series, from its second differences.
    mean, mean_std : float
        Mean difference and its standard uncertainty.
    rms : float
        Root mean square of the difference with the noise taken out; 0 where noise explains all.
    detection_limit : float
        Root mean square that noise alone reaches in 5 % of the cases.
    spread : float
        ``rms / 2``: population standard deviation between the two places.
    above_detection : bool
        Whether the places differ.
    """

    charge: np.ndarray
    difference: np.ndarray
    noise: tuple[float, float]
    mean: float
    mean_std: float
    rms: float
    detection_limit: float
    spread: float
    above_detection: bool


def series_noise(values: np.ndarray) -> float:
    """Standard deviation of one point of a smooth series, without a model of the series.

    Parameters
    ----------
    values : ndarray
        ``(n,)``, evenly sampled; NaN is left out. What is smooth over three points cancels in the
        second difference, whose variance is six times that of the noise.

    Raises
    ------
    DataError
        If fewer than six second differences are left.
    """
    second = np.diff(np.asarray(values, float), 2)
    second = second[np.isfinite(second)]
    if second.size < 6:
        raise DataError(
            "the series is too short to tell its noise",
            expected="eight points or more in a row",
            found=f"{second.size} second differences",
        )
    return float(np.sqrt(np.mean(second**2) / 6.0))


def series_difference(
    first: np.ndarray, second: np.ndarray, first_charge: np.ndarray, second_charge: np.ndarray
) -> SeriesDifference:
    """Compare two series at the same charge.

    Parameters
    ----------
    first, second : ndarray
        ``(n,)`` and ``(m,)``, any quantity (a state of charge, an edge energy); NaN is left out.
    first_charge, second_charge : ndarray
        ``(n,)`` and ``(m,)``. Only the part where it rises is used; nothing is extrapolated.

    Returns
    -------
    SeriesDifference
        The second series is read at the charges of the first by straight lines, whose smaller
        noise is allowed for.

    Raises
    ------
    DataError
        If fewer than eight common charges are left.
    """
    q1, v1 = _rising(first_charge, first)
    q2, v2 = _rising(second_charge, second)
    noise = (series_noise(v1), series_noise(v2))
    common = (q1 >= q2[0]) & (q1 <= q2[-1])
    if np.count_nonzero(common) < 8:
        raise DataError(
            "the two series hardly share a charge",
            expected="eight common points or more",
            found=str(np.count_nonzero(common)),
        )
    at = q1[common]
    difference = v1[common] - np.interp(at, q2, v2)
    place = np.interp(at, q2, np.arange(q2.size, dtype=float))
    part = place - np.floor(place)
    # A point between two others has the noise of their weighted mean.
    variance = noise[0] ** 2 + noise[1] ** 2 * ((1 - part) ** 2 + part**2)
    n, typical = at.size, float(variance.mean())
    square = float(np.mean(difference**2)) - typical
    limit = typical * _ONE_SIDED * np.sqrt(2.0 / n)
    rms = float(np.sqrt(max(square, 0.0)))
    return SeriesDifference(
        charge=at,
        difference=difference,
        noise=noise,
        mean=float(difference.mean()),
        mean_std=float(np.sqrt(typical / n)),
        rms=rms,
        detection_limit=float(np.sqrt(limit)),
        spread=0.5 * rms,
        above_detection=bool(square > limit),
    )


def one_to_one(found: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Squared correlation of two series, and the coefficient of determination about ``y = x``.

    The first asks whether they are proportional, the second whether they are the same; ``(n,)``
    each, NaN left out.
    """
    good = np.isfinite(found) & np.isfinite(expected)
    x, y = np.asarray(expected, float)[good], np.asarray(found, float)[good]
    rest = float(np.sum((y - x) ** 2)) / float(np.sum((x - x.mean()) ** 2))
    return float(np.corrcoef(x, y)[0, 1] ** 2), 1.0 - rest


def _rising(charge: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a series before its charge is largest, without gaps."""
    charge, values = np.asarray(charge, float), np.asarray(values, float)
    last = int(np.nanargmax(charge)) + 1
    good = np.isfinite(charge[:last]) & np.isfinite(values[:last])
    q, v = charge[:last][good], values[:last][good]
    if (np.diff(q) <= 0).any():
        raise DataError(
            "the charge of a series does not rise throughout",
            expected="one charge, without a rest or a discharge inside",
            found=f"{np.count_nonzero(np.diff(q) <= 0)} steps back",
        )
    return q, v
