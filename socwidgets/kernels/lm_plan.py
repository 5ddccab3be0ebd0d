"""What a batched fit needs beside the data: the model, which parameters are free, bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from socwidgets.kernels.lm_lanes import ROWS

#: Weights of the samples: all alike, by the inverse variance of `std`, or by that of counts.
WEIGHTINGS = ("none", "std", "poisson")


@dataclass(frozen=True, slots=True)
class Model:
    """A compiled model: values and derivatives of a chunk of samples for lanes of pixels.

    Attributes
    ----------
    block : callable
        ``dtype -> function(numbers, axis, e, q, work, jac, model)``, as `lineshapes.evaluate`, of a
        type that does not depend on the model.
    count : int
        Number of parameters M.
    numbers : ndarray
        uintp, for the block.
    axis : ndarray
        ``(rows, E)`` float64, for the block.
    last_numbers : ndarray, optional
        In the place of `numbers` for the last step, where that differs.
    equations : callable, optional
        ``(dtype, weighted, last) -> function(numbers, axis, points, y, root, q, work, jac, sums)``:
        all sums of the normal equations at once, as `lm_source.write_equations` writes them; of a
        type that does not depend on the model.
    """

    block: Callable[[type], Callable]
    count: int
    numbers: np.ndarray
    axis: np.ndarray
    last_numbers: np.ndarray | None = None
    equations: Callable[[type, bool, bool], Callable] | None = None

    def on(self, points: np.ndarray) -> Model:
        """The same model on some of the samples (bool mask)."""
        return replace(self, axis=np.ascontiguousarray(self.axis[:, points]))


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about a fit that does not depend on the pixel.

    Attributes
    ----------
    model : Model
        What is fitted.
    lower, upper : ndarray
        ``(M,)``, bounds of free parameters, possibly infinite.
    master : ndarray
        ``(M,)`` int: the parameter's own number where it is free, -1 where it keeps its starting
        value, else the number of the free parameter that it is tied to.
    factor, offset : ndarray
        ``(M,)``: a tied parameter is ``factor * master + offset``.
    weighting : str
        One of `WEIGHTINGS`.
    double : bool
        Iterate in float64; with False the iterations run in float32 and one step of float64
        finishes them.
    max_passes : int
        Evaluations of the model after which a fit counts as not converged.
    free : ndarray
        ``(P,)`` uintp, numbers of the free parameters.
    prepared : dict
        What the compiled loops take, made by the first fit: making it costs as much as 200 pixels.
    """

    model: Model
    lower: np.ndarray
    upper: np.ndarray
    master: np.ndarray
    factor: np.ndarray
    offset: np.ndarray
    weighting: str = "none"
    double: bool = False
    max_passes: int = 200
    free: np.ndarray = field(init=False)
    prepared: dict[Any, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        own = np.flatnonzero(self.master == np.arange(self.model.count))
        object.__setattr__(self, "free", own.astype(np.uintp))

    @property
    def unknowns(self) -> int:
        """Number of free parameters P."""
        return self.free.size

    def on(self, points: np.ndarray) -> Plan:
        """The same fit on some of the samples."""
        return replace(self, model=self.model.on(points))


def make_plan(
    model: Model,
    *,
    lower: np.ndarray | None = None,
    upper: np.ndarray | None = None,
    fixed: tuple[int, ...] = (),
    tied: dict[int, tuple[int, float, float]] | None = None,
    weighting: str = "none",
    double: bool = False,
    max_passes: int = 200,
) -> Plan:
    """Prepare a fit.

    Parameters
    ----------
    model : Model
        From `lm_composite.composite` or `lm_user.compile_model`.
    lower, upper : ndarray, optional
        ``(M,)``; infinite if left out.
    fixed : tuple of int
        Parameters that keep their starting value.
    tied : dict, optional
        ``{parameter: (master, factor, offset)}``; the master is free.
    weighting, double, max_passes
        See `Plan`.

    Raises
    ------
    ValueError
        If a master is not free, a lower bound is not below its upper one, or nothing is free.
    """
    count = model.count
    master, factor, offset = np.arange(count), np.ones(count), np.zeros(count)
    master[list(fixed)] = -1
    for slave, (other, scale, shift) in (tied or {}).items():
        master[slave], factor[slave], offset[slave] = other, scale, shift
    low = np.full(count, -np.inf) if lower is None else np.asarray(lower, float)
    high = np.full(count, np.inf) if upper is None else np.asarray(upper, float)
    used = master[master >= 0]
    if not used.size or (master[used] != used).any() or not (low < high)[used].all():
        raise ValueError("nothing is free, a master is not free, or bounds are not in order")
    return Plan(model, low, high, master, factor, offset, weighting, double, max_passes)


def padded(points: int) -> int:
    """Number of samples rounded up to whole chunks."""
    return -(-points // ROWS) * ROWS


def padded_axis(axis: np.ndarray, kind: type) -> np.ndarray:
    """Rows of `axis` one after the other, each padded with its last value to whole chunks."""
    extra = padded(axis.shape[1]) - axis.shape[1]
    return np.pad(axis, ((0, 0), (0, extra)), mode="edge").astype(kind).reshape(-1)
