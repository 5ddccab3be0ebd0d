"""What the normal equations of one model consist of, and the order of their sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

#: Two columns of the Jacobian (the last is the residual), whose products are summed over samples.
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stage:
    """A loop over lanes that computes some columns of the Jacobian.

    Attributes
    ----------
    head : tuple of str
        Lines before the samples: parameters of the pixel.
    sample : callable
        ``position of the sample (text) -> lines`` that set ``j<column>``, and ``now`` (the value of
        the model) in the first stage.
    columns : tuple of int
        What it sets: derivatives, but for their factors (`Recipe.factors`).
    """

    head: tuple[str, ...]
    sample: Callable[[str], list[str]]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the normal equations of a model consist of.

    Attributes
    ----------
    count : int
        Parameters M.
    setup : tuple of str
        Lines that fill ``work`` before the first sample.
    stages : tuple of Stage
        All columns but those of `plain`.
    plain : dict
        Column and its text in terms of ``axis`` and the sample ``AT``: derivatives that all pixels
        share, which need no memory.
    ending : tuple of str
        Lines after the samples: what `factors` and `derived` need.
    factors : dict
        Column and the text of what it is to be multiplied by.
    derived : dict
        Pair of columns, and what the sum of their products consists of: texts of factors, each
        with the pair of columns whose sum it multiplies. That pair comes later in the triangle, or
        earlier in the same row.
    """

    count: int
    setup: tuple[str, ...]
    stages: tuple[Stage, ...]
    plain: dict[int, str] = field(default_factory=dict)
    ending: tuple[str, ...] = ()
    factors: dict[int, str] = field(default_factory=dict)
    derived: dict[Pair, tuple[tuple[str, Pair], ...]] = field(default_factory=dict)


def triangle_row(i: int, j: int, columns: int) -> int:
    """Row of the sums that holds the product of columns i <= j."""
    return i * columns - i * (i - 1) // 2 + j - i


def triangle_rows(columns: int) -> int:
    """Number of sums."""
    return columns * (columns + 1) // 2


def triangle_positions(free: np.ndarray, columns: int) -> np.ndarray:
    """``(n, n)`` uintp, symmetric: row of the sums for each pair of some of the columns."""
    low, high = np.minimum.outer(free, free).astype(int), np.maximum.outer(free, free).astype(int)
    return (low * columns - low * (low - 1) // 2 + high - low).astype(np.uintp)
