"""Everything about a pre- and post-edge normalization that does not depend on the pixel.

Fitting a polynomial by least squares is linear in the data: each coefficient is a fixed weighted
sum of the samples in its window (a row of a pseudo-inverse). These weights are made here, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

#: Which samples a window holds: all with low <= E <= high, or the slice that Larch takes.
WINDOW_RULES = ("inclusive", "larch")


class Windows(NamedTuple):
    """What the kernels need of a plan; fields as in `NormalizationPlan`, curves in the windows."""

    pre: np.ndarray
    post: np.ndarray
    pre_weights: np.ndarray
    post_weights: np.ndarray
    post_from_pre: np.ndarray
    pre_basis: np.ndarray
    basis: np.ndarray
    merge: np.ndarray


@dataclass(frozen=True, slots=True)
class NormalizationPlan:
    """Weights of the coefficients, and the curves that the coefficients multiply.

    The pre-edge curve is ``sum_k c_k pre_basis[k]`` and the post-edge curve is the pre-edge curve
    plus ``sum_k d_k post_basis[k]``; ``d_0`` is the edge jump, because ``post_basis[0]`` is 1 at
    `edge` and the others vanish there.

    Attributes
    ----------
    edge : int
        Index of the grid point nearest to E0; offsets are from it.
    offset : ndarray
        ``(E,)``, energies from that point, eV.
    scale : float
        eV; the post-edge basis is ``(offset / scale)^k``, times ``(E / E_edge)^-post_exponent``,
        the pre-edge basis the same for ``k`` of 0 and 1, times ``(E / E_edge)^-nvict``.
    pre_rows, post_rows : ndarray
        ``(n_pre,)`` and ``(n_post,)`` int, samples of the two windows.
    pre_weights : ndarray
        ``(2, n_pre)``; the second row is zero where the pre-edge curve is a constant.
    post_weights : ndarray
        ``(d + 1, n_post)``; gives ``d_k`` from the samples once the pre-edge curve is taken off.
    post_from_pre : ndarray
        ``(d + 1, 2)``; what that pre-edge curve contributes: ``d = P y - T c``.
    pre_basis, post_basis : ndarray
        ``(2, E)`` and ``(d + 1, E)``.
    basis, merge : ndarray
        ``(T, E)`` and ``(T, 2 + d + 1)``: pre-edge plus post-edge curve with as few terms as
        possible, ``sum_t (merge @ [c, d])_t basis[t]``.
    freedom : int
        Samples minus coefficients of both windows together.
    post_exponent : float
        With which the post-edge curve falls.
    """

    edge: int
    offset: np.ndarray
    scale: float
    pre_rows: np.ndarray
    post_rows: np.ndarray
    pre_weights: np.ndarray
    post_weights: np.ndarray
    post_from_pre: np.ndarray
    pre_basis: np.ndarray
    post_basis: np.ndarray
    basis: np.ndarray
    merge: np.ndarray
    freedom: int
    post_exponent: float = 0.0
    _prepared: dict[np.dtype, Windows] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> np.ndarray:
        """All samples that the coefficients need, pre-edge first."""
        return np.concatenate([self.pre_rows, self.post_rows])

    def windows(self, kind: np.dtype) -> Windows:
        """Tables of the windows in the precision of the data, made once."""
        if kind not in self._prepared:
            tables = Windows(
                self.pre_rows,
                self.post_rows,
                self.pre_weights,
                self.post_weights,
                self.post_from_pre,
                self.pre_basis[:, self.pre_rows],
                self.basis[:, self.post_rows],
                self.merge,
            )
            self._prepared[kind] = cast(tables, kind)
        return self._prepared[kind]

    def on(self, kept: np.ndarray) -> NormalizationPlan:
        """The same plan for a stack of which only the rows `kept` (sorted) are left."""
        return replace(
            self,
            edge=int(np.searchsorted(kept, self.edge)),
            offset=self.offset[kept],
            pre_rows=np.searchsorted(kept, self.pre_rows),
            post_rows=np.searchsorted(kept, self.post_rows),
            pre_basis=self.pre_basis[:, kept],
            post_basis=self.post_basis[:, kept],
            basis=self.basis[:, kept],
            _prepared={},
        )

    def functionals(self) -> np.ndarray:
        """``(2 + d + 1, n_pre + n_post)``: every coefficient as weights of the raw samples."""
        top = np.hstack([self.pre_weights, np.zeros((2, self.post_rows.size))])
        bottom = np.hstack([-self.post_from_pre @ self.pre_weights, self.post_weights])
        return np.vstack([top, bottom])


def cast(tables: Any, kind: np.dtype) -> Any:
    """A named tuple of tables with its floats in the precision of the data."""
    return type(tables)(
        *(np.ascontiguousarray(a, dtype=kind if a.dtype.kind == "f" else np.intp) for a in tables)
    )


def window_rows(
    energies: np.ndarray, low: float, high: float, rule: str = "inclusive"
) -> np.ndarray:
    """Return the indices of the samples in a window.

    Parameters
    ----------
    energies : ndarray
        ``(E,)``, increasing, eV.
    low, high : float
        Ends of the window, eV; may be infinite.
    rule : {"inclusive", "larch"}
        ``"larch"`` takes the samples from the last one not above `low` up to, but without, the one
        nearest to `high`, and at least two, as ``larch.xafs.pre_edge`` does.

    Returns
    -------
    ndarray
        ``(n,)`` int, possibly empty.
    """
    if rule == "inclusive":
        # Beamline axes come with rounding noise: a bound given as 8380 means 8379.9999 too.
        slack = 1e-6 * max(1.0, float(np.abs(energies).max()) * 1e-3)
        return np.flatnonzero((energies >= low - slack) & (energies <= high + slack))
    below = np.flatnonzero(energies <= low)
    first = int(below[-1]) if below.size else 0
    last = int(np.argmin(np.abs(energies - np.clip(high, energies[0], energies[-1]))))
    if last - first < 2:
        last = min(energies.size, first + 2)
    return np.arange(first, last)


def make_plan(
    energies: np.ndarray,
    e0: float,
    pre_rows: np.ndarray,
    post_rows: np.ndarray,
    *,
    pre_degree: int = 1,
    post_degree: int = 1,
    nvict: int = 0,
    post_exponent: float = 0.0,
) -> NormalizationPlan:
    """Prepare a normalization.

    Parameters
    ----------
    energies : ndarray
        ``(E,)``, increasing, eV.
    e0 : float
        Edge energy, eV; the jump is taken at the grid point nearest to it.
    pre_rows, post_rows : ndarray
        Samples of the two windows, more than the degree of each polynomial.
    pre_degree : {0, 1}
        Degree of the polynomial fitted to ``mu E^nvict`` before the edge.
    post_degree : int
        Degree of the polynomial fitted to ``mu - pre`` beyond the edge.
    nvict : int
        Victoreen exponent.
    post_exponent : float
        The polynomial beyond the edge is multiplied by ``(E / E_edge)^-post_exponent``.

    Raises
    ------
    ValueError
        If a window holds too few samples for its polynomial.

    Notes
    -----
    Conventions of Larch's ``pre_edge`` (Newville 2013, J. Phys. Conf. Ser. 430, 012007).
    """
    if pre_rows.size <= pre_degree or post_rows.size <= post_degree:
        raise ValueError("a window holds too few samples for its polynomial")
    edge = int(np.argmin(np.abs(energies - e0)))
    offset = energies - energies[edge]
    scale = float(np.abs(offset[np.concatenate([pre_rows, post_rows])]).max()) or 1.0
    victoreen = (energies / energies[edge]) ** nvict if nvict else np.ones_like(energies)
    line = np.stack([np.ones_like(offset), offset / scale])
    pre_weights = np.zeros((2, pre_rows.size))
    fitted = np.linalg.pinv(line[: pre_degree + 1, pre_rows].T)
    pre_weights[: pre_degree + 1] = fitted * victoreen[pre_rows]
    fall = (energies / energies[edge]) ** -post_exponent if post_exponent else 1.0
    post_basis = np.stack([(offset / scale) ** k * fall for k in range(post_degree + 1)])
    post_weights = np.linalg.pinv(post_basis[:, post_rows].T)
    pre_basis = line / victoreen
    if pre_degree == 0:
        pre_basis[1] = 0.0
    return NormalizationPlan(
        edge,
        offset,
        scale,
        np.ascontiguousarray(pre_rows, dtype=np.intp),
        np.ascontiguousarray(post_rows, dtype=np.intp),
        pre_weights,
        post_weights,
        post_weights @ pre_basis[:, post_rows].T,
        pre_basis,
        post_basis,
        *_merged(pre_basis, post_basis, plain=not nvict and not post_exponent),
        pre_rows.size + post_rows.size - pre_degree - post_degree - 2,
        post_exponent,
    )


def _merged(
    pre_basis: np.ndarray, post_basis: np.ndarray, *, plain: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Basis of the sum of both curves, and how their coefficients go into it."""
    powers = post_basis.shape[0]
    if not plain:
        return np.vstack([pre_basis, post_basis]), np.eye(2 + powers)
    basis = np.vstack([post_basis, pre_basis[powers:]])
    merge = np.zeros((basis.shape[0], 2 + powers))
    merge[:2, :2] = np.eye(2)
    merge[:powers, 2:] = np.eye(powers)
    return basis, merge
