"""Fit a composite or a user's model to a range of pixels: start, fit, try again, derive."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from socwidgets.analysis.peak_models import PEAKS, ModelSpec
from socwidgets.analysis.peak_shape import DERIVED, propagate
from socwidgets.analysis.peak_start import data_start
from socwidgets.kernels.lm import MISSING, Result, fit_block
from socwidgets.kernels.lm_plan import Plan
from socwidgets.model.status import Status

#: A peak lower than this many sigma may be a bad start rather than a weak peak: it is tried again.
_SIGNIFICANT = 3.0
_USABLE = (int(Status.OK), int(Status.AT_BOUND))


@dataclass(frozen=True, slots=True)
class PeakFit:
    """A model made ready for one spectral axis; fills the maps of a range of pixels.

    Attributes
    ----------
    plan : Plan
        Of the compiled fit.
    names : tuple of str
        Parameters, in the plan's order.
    factor, offset : ndarray
        ``(M,)``, from the kernel's parameters to the user's; the maps are counted from the offset.
    spec : ModelSpec or None
        None for a user's model.
    axis : ndarray
        ``(E,)``, scaled.
    fall_axes : dict
        Axes of exponentials and power laws by the number of the term.
    windows : ndarray
        ``(K, 3)``, where to look for peaks.
    sort : bool
        Number peaks by position.
    initial : ndarray
        ``(M,)``, the user's starting values in the kernel's units, NaN where the data decide.
    """

    plan: Plan
    names: tuple[str, ...]
    factor: np.ndarray
    offset: np.ndarray
    spec: ModelSpec | None
    axis: np.ndarray
    fall_axes: dict[int, np.ndarray]
    windows: np.ndarray
    sort: bool
    initial: np.ndarray

    def on(self, points: np.ndarray) -> PeakFit | None:
        """The same fit on some of the samples; None where they are too few."""
        if np.count_nonzero(points) <= self.plan.unknowns:
            return None
        falls = {n: s[points] for n, s in self.fall_axes.items()}
        return replace(self, plan=self.plan.on(points), axis=self.axis[points], fall_axes=falls)

    def fill(
        self,
        signal: np.ndarray,
        std: np.ndarray | None,
        start: int,
        stop: int,
        out: np.ndarray,
        status: np.ndarray,
    ) -> None:
        """Fit pixels ``start:stop``; finite numbers that `out` already holds are starting values.

        Rows of `out`: value and sigma of every parameter, then of every derived quantity, reduced
        chi-square, evaluations of the model.
        """
        given = out[0 : 2 * len(self.names) : 2, start:stop] / self.factor[:, None]
        known = np.isfinite(given)
        found = self._from_data(signal, start, stop)
        guess = np.where(known, given, found)
        result = fit_block(self.plan, signal, std, start, stop, guess)
        if self.spec is not None:
            self._try_again(signal, std, start, found, bool(known.any()), result)
            self._refuse_rounding(result, float(np.finfo(signal.dtype).eps))
        self._write(result, out[:, start:stop])
        status[start:stop] = result.status

    def _from_data(self, signal: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Starting values inside the user's windows; what the user gave has the last word."""
        if self.spec is None:
            guess = np.zeros((len(self.names), stop - start))
        else:
            guess = self._search(signal, start, stop, self.windows, self.sort)
        given = np.isfinite(self.initial)
        guess[given] = self.initial[given, None]
        return guess

    def _search(
        self, signal: np.ndarray, start: int, stop: int, windows: np.ndarray, sort: bool
    ) -> np.ndarray:
        axes = (self.axis, self.fall_axes)
        return data_start(self._parts, windows, sort, *axes, signal, start, stop)

    @property
    def _parts(self) -> ModelSpec:
        """The parts; a user's model has none."""
        return self.spec if self.spec is not None else ModelSpec((), -1)

    def _anywhere(self, signal: np.ndarray) -> np.ndarray:
        """Starting values from all of the window, whatever the user gave but fixed parameters.

        Peaks are numbered in the order of the windows that the user gave.
        """
        windows = self.windows.copy()
        windows[:, 0], windows[:, 1] = -1.0, 1.0
        guess = self._search(signal, 0, signal.shape[1], windows, True)
        peaks = self._parts.of(PEAKS)
        rank = np.argsort(np.argsort(self.windows[:, :2].sum(axis=1), kind="stable"))
        if not self.sort and len({term.kind for term in peaks}) == 1:
            count = len(peaks[0].names)
            rows = [guess[term.first : term.first + count].copy() for term in peaks]
            for k, term in enumerate(peaks):
                guess[term.first : term.first + count] = rows[rank[k]]
        fixed = (self.plan.master < 0) & np.isfinite(self.initial)
        guess[fixed] = self.initial[fixed, None]
        return guess

    def _try_again(
        self,
        signal: np.ndarray,
        std: np.ndarray | None,
        start: int,
        found: np.ndarray,
        from_map: bool,
        result: Result,
    ) -> None:
        """Fit doubtful pixels from other starting values; keep the better fit.

        A start far from the data often ends in a minimum of its own, with nothing that gives it
        away. Pixels that started from a map are therefore all fitted from their data as well.
        """
        widths = [n for n, name in enumerate(self.names) if name.startswith("fwhm")]
        for scale in (*([1.0] if from_map else []), 0.0, 2.0, 0.5):
            doubtful = np.flatnonzero(self._doubtful(result) | (scale == 1.0))
            if not doubtful.size:
                return
            part = np.ascontiguousarray(signal[:, start + doubtful])
            noise = None if std is None else np.ascontiguousarray(std[:, start + doubtful])
            guess = found[:, doubtful].copy() if scale else self._anywhere(part)
            guess[widths] *= scale or 1.0
            other = fit_block(self.plan, part, noise, 0, doubtful.size, guess)
            _keep_better(result, other, doubtful)

    def _refuse_rounding(self, result: Result, precision: float) -> None:
        """A peak as low as the rounding of the background is none: constant and linear spectra."""
        first = len(self.names) - self._parts.degree - 1
        background = np.abs(result.values[first:]).max(axis=0, initial=0.0)
        for term in self._parts.of(PEAKS):
            none = np.abs(result.values[term.first]) <= 64.0 * precision * background
            result.status[none & np.isin(result.status, _USABLE)] = Status.SINGULAR

    def _doubtful(self, result: Result) -> np.ndarray:
        """Pixels without a minimum, with a peak at its bounds or not out of the noise."""
        plan = self.plan
        doubtful = np.isin(result.status, [Status.NOT_CONVERGED, Status.SINGULAR])
        held = result.status == Status.AT_BOUND
        for term in self._parts.of(PEAKS):
            variance = self._covariance(result, term.first, term.first)
            height = result.values[term.first]
            weak = ~(height**2 > _SIGNIFICANT**2 * variance)
            for i in (term.first + 1, term.first + 2):
                at = result.values[i]
                weak |= held & ((at <= plan.lower[i]) | (at >= plan.upper[i]))
            doubtful |= weak & (result.status != MISSING)
        return doubtful

    def _covariance(self, result: Result, i: int, j: int) -> np.ndarray | float:
        """Covariance of two parameters of the model, in the kernel's units."""
        plan = self.plan
        masters = (int(plan.master[i]), int(plan.master[j]))
        if min(masters) < 0:
            return 0.0
        low, high = sorted(int(np.searchsorted(plan.free, m)) for m in masters)
        return plan.factor[i] * plan.factor[j] * result.covariance[high * (high + 1) // 2 + low]

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def _write(self, result: Result, out: np.ndarray) -> None:
        """Rows of the maps; a fit that ran away may not fit into float32, its status says so."""
        values = result.values * self.factor[:, None]
        row = 0
        for i in range(len(self.names)):
            out[row] = values[i]
            variance = self._covariance(result, i, i)
            out[row + 1] = np.abs(self.factor[i]) * np.sqrt(np.maximum(variance, 0.0))
            row += 2
        for term in self._parts.of(PEAKS):
            here = list(range(term.first, term.first + len(term.names)))

            def covariance(i: int, j: int, here: list[int] = here) -> np.ndarray | float:
                scale = self.factor[here[i]] * self.factor[here[j]]
                return scale * self._covariance(result, here[i], here[j])

            for function in DERIVED[term.kind].values():
                out[row], out[row + 1] = propagate(function, list(values[here]), covariance)
                row += 2
        out[row] = result.redchi
        out[row + 1] = result.passes


def _keep_better(result: Result, other: Result, pixels: np.ndarray) -> None:
    """Replace the fits of some pixels by others that converged, or to a lower minimum."""
    usable = np.isin(other.status, _USABLE)
    before = np.isin(result.status[pixels], _USABLE)
    lower = other.redchi < result.redchi[pixels] * (1.0 - 1e-6)
    better = usable & (~before | lower)
    passes = result.passes[pixels] + other.passes
    result.passes[pixels] = passes
    chosen = pixels[better]
    result.values[:, chosen] = other.values[:, better]
    result.covariance[:, chosen] = other.covariance[:, better]
    result.redchi[chosen] = other.redchi[better]
    result.status[chosen] = other.status[better]
