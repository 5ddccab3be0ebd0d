"""Optimal designs of a linear fit: greedy growth and exchange, by rank-one updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Exchanges go on while they lower the criterion by more than this, relative.
_GAIN = 1e-9


@dataclass(frozen=True, slots=True)
class Design:
    """Candidates of a linear fit.

    Attributes
    ----------
    rows : ndarray
        ``(m, n, p)``: for each of m situations the weighted row of each of n candidates.
    wanted : ndarray
        ``(m, p)``, gradient of the number that is wanted.
    determinant : bool
        Minimize the volume of all parameters rather than the variance of that number.
    """

    rows: np.ndarray
    wanted: np.ndarray
    determinant: bool


def sigma_of(design: Design, picked: Sequence[int]) -> np.ndarray:
    """``(m,)`` standard uncertainty of the wanted number with the picked rows; NaN if singular."""
    result = np.full(design.wanted.shape[0], np.nan)
    for m, (rows, wanted) in enumerate(zip(design.rows, design.wanted, strict=True)):
        part = rows[list(picked)]
        if len(picked) >= part.shape[1] and np.linalg.cond(part) < 1e10:
            result[m] = np.linalg.norm(np.linalg.lstsq(part.T, wanted, rcond=None)[0])
    return result


def grow(design: Design, count: int, fixed: Sequence[int]) -> list[int]:
    """Add candidates one by one, each where it helps most, to those that are fixed."""
    picked = list(fixed)
    while len(picked) < count:
        score = _scores(design, picked)
        score[picked] = np.inf
        picked.append(int(np.argmin(score)))
    return picked


def exchange(design: Design, picked: Sequence[int], fixed: Sequence[int]) -> list[int]:
    """Exchange picked candidates for others as long as that lowers the criterion."""
    current = list(picked)
    best = _criterion(design, current)
    improved = True
    while improved:
        improved = False
        for place in range(len(current)):
            if current[place] in fixed:
                continue
            rest = current[:place] + current[place + 1 :]
            score = _scores(design, rest)
            score[rest] = np.inf
            candidate = int(np.argmin(score))
            trial = [*rest[:place], candidate, *rest[place:]]
            value = _criterion(design, trial)
            if value < best - _GAIN * abs(best):
                current, best, improved = trial, value, True
    return current


def _information(design: Design, picked: Sequence[int]) -> np.ndarray:
    """``(m, p, p)``, with a trace of every parameter so that few rows can be compared."""
    part = design.rows[:, list(picked)]
    size = np.einsum("mnp,mnp->p", design.rows, design.rows) / design.rows.shape[0]
    return np.einsum("mnp,mnq->mpq", part, part) + 1e-10 * np.diag(size)


def _criterion(design: Design, picked: Sequence[int]) -> float:
    information = _information(design, picked)
    if design.determinant:
        return -float(np.linalg.slogdet(information)[1].mean())
    solved = np.linalg.solve(information, design.wanted[:, :, None])[:, :, 0]
    return float(np.mean(np.sum(design.wanted * solved, axis=1)))


def _scores(design: Design, picked: Sequence[int]) -> np.ndarray:
    """``(n,)`` criterion with each candidate added to the picked ones (Sherman and Morrison)."""
    inverse = np.linalg.inv(_information(design, picked))
    reach = np.einsum("mnp,mpq,mnq->mn", design.rows, inverse, design.rows)
    if design.determinant:
        # log det(F + a a') = log det F + log(1 + a' F^-1 a)
        return -np.log1p(reach).mean(axis=0)
    held = np.einsum("mpq,mq->mp", inverse, design.wanted)
    along = np.einsum("mnp,mp->mn", design.rows, held)
    before = np.sum(design.wanted * held, axis=1)[:, None]
    return (before - along**2 / (1.0 + reach)).mean(axis=0)
