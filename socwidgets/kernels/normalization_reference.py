"""Pre- and post-edge normalization of one spectrum in plain numpy: slow, obvious, for tests."""

from __future__ import annotations

import numpy as np


def normalize_one(
    energies: np.ndarray,
    mu: np.ndarray,
    e0: float,
    pre_rows: np.ndarray,
    post_rows: np.ndarray,
    *,
    pre_degree: int = 1,
    post_degree: int = 1,
    nvict: int = 0,
    post_exponent: float = 0.0,
    std: np.ndarray | None = None,
) -> dict[str, np.ndarray | float]:
    """Normalize one spectrum by the textbook route.

    Parameters
    ----------
    energies, mu : ndarray
        ``(E,)``, eV and any unit.
    e0, pre_rows, post_rows, pre_degree, post_degree, nvict, post_exponent
        As for `socwidgets.kernels.normalization_plan.make_plan`.
    std : ndarray, optional
        ``(E,)``; the uncertainty of the jump is found by shifting one sample after the other.

    Returns
    -------
    dict
        ``pre`` and ``post`` ``(E,)`` curves, ``jump``, ``norm`` and ``flat`` ``(E,)``, ``noise``
        (residual standard deviation of both windows), ``slope`` (of the pre-edge at the edge,
        without the Victoreen factor) and, with `std`, ``jump_std``.
    """
    edge = int(np.argmin(np.abs(energies - e0)))
    offset = energies - energies[edge]
    factor = (energies / energies[edge]) ** nvict
    line = np.polyfit(offset[pre_rows], (mu * factor)[pre_rows], pre_degree)
    pre = np.polyval(line, offset) / factor
    fall = (energies / energies[edge]) ** -post_exponent
    rise = (mu - pre) / fall
    beyond = np.polyfit(offset[post_rows], rise[post_rows], post_degree, w=fall[post_rows])
    above = np.polyval(beyond, offset) * fall
    jump = float(above[edge])
    norm = (mu - pre) / jump
    residue = above / jump
    flat = np.where(np.arange(energies.size) >= edge, norm - residue + residue[edge], norm)
    rest = np.concatenate([(mu - pre)[pre_rows], (mu - pre - above)[post_rows]])
    freedom = rest.size - pre_degree - post_degree - 2
    result: dict[str, np.ndarray | float] = {
        "pre": pre,
        "post": pre + above,
        "jump": jump,
        "norm": norm,
        "flat": flat,
        "noise": float(np.sqrt(np.sum(rest**2) / freedom)) if freedom > 0 else np.nan,
        "slope": float(line[-2]) if pre_degree else 0.0,
    }
    if std is not None:
        variance = 0.0
        for sample in {*map(int, pre_rows), *map(int, post_rows)}:
            moved = mu.copy()
            moved[sample] += std[sample]
            again = normalize_one(
                energies, moved, e0, pre_rows, post_rows,
                pre_degree=pre_degree, post_degree=post_degree, nvict=nvict,
                post_exponent=post_exponent,
            )["jump"]  # fmt: skip
            variance += (float(again) - jump) ** 2
        result["jump_std"] = float(np.sqrt(variance))
    return result
