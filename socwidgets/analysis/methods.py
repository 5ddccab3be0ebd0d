"""What a fitting method is, and the table of those that `fit_map` knows.

A method turns a stack's spectral axis, its parameters and its inputs into a `BlockFit`: a list of
the maps it makes and one function that fills them for a range of pixels. It never sees the image:
blocks, threads, masks, progress and xarray are the driver's, so that a new technique only brings
its own kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import xarray as xr

from socwidgets.analysis.frame_sums import FrameStream
from socwidgets.model.errors import ParameterError
from socwidgets.model.loading import collection_paused, tools_put_off
from socwidgets.model.mapset import MapSpec
from socwidgets.model.parameters import Parameters

#: Modules that register a method when they are imported, by the method's name.
_BUILT_IN = {
    "lcf": "socwidgets.analysis.lcf",
    "peaks": "socwidgets.analysis.peaks",
    "pre_edge": "socwidgets.analysis.pre_edge",
    "edge_energy": "socwidgets.analysis.edge_energy",
    "white_line": "socwidgets.analysis.edge_energy",
}


class FillBlock(Protocol):
    """Fill results of a range of pixels."""

    def __call__(
        self,
        signal: np.ndarray,
        std: np.ndarray | None,
        start: int,
        stop: int,
        out: np.ndarray,
        status: np.ndarray,
    ) -> None:
        """Signal and std are ``(E, N)``, out is ``(maps, N)``, status is ``(N,)``."""


@dataclass(frozen=True, slots=True)
class BlockFit:
    """A method made ready for one spectral axis.

    Attributes
    ----------
    specs : tuple of MapSpec
        One per row of the result block, in order; rows are counted from the origin of theirs.
    fill : FillBlock
        The compiled work; releases the GIL and takes less than 100 ms for a block.
    points : ndarray
        ``(E,)`` bool, the spectral points that the fit uses.
    narrow : callable
        ``points (E,) bool -> FillBlock or None``: the same fit on some of the points, for spectra
        with gaps; None where they are too few.
    curves : callable
        ``result column -> {name: (E,) curve}`` to draw a fit: ``fit``, ``background``, parts.
    attrs : dict
        What a reader of the maps must know: condition number, windows, meaning of redchi.
    trace : callable, optional
        ``spectrum (E,) -> curves`` as `curves`, for methods whose maps do not tell the curves.
    stream : callable, optional
        ``has_std -> FrameStream`` (see `socwidgets.analysis.frame_sums`), for methods that are
        linear in the spectrum: stacks stored by frame are then read once.
    costly : bool
        Whether a pixel takes so long that leaving out masked ones pays for copying the others.
    doubt : callable, optional
        ``spectra (E, n) -> sentence or None``: why the fit is none for such spectra.
    """

    specs: tuple[MapSpec, ...]
    fill: FillBlock
    points: np.ndarray
    narrow: Callable[[np.ndarray], FillBlock | None]
    curves: Callable[[np.ndarray], dict[str, np.ndarray]]
    attrs: dict[str, Any]
    trace: Callable[[np.ndarray], dict[str, np.ndarray]] | None = None
    stream: Callable[[bool], FrameStream] | None = None
    costly: bool = False
    doubt: Callable[[np.ndarray], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One way of fitting a spectrum, generic over the spectral axis.

    Attributes
    ----------
    name : str
        What users write in ``fit_map(stack, name)``.
    parameters : type
        Its `Parameters` dataclass.
    prepare : callable
        ``(coord, parameters, references, typical_std) -> BlockFit``; raises if the inputs cannot
        work. ``coord`` is the spectral coordinate, ``typical_std`` ``(E,)`` or None without
        noise; it is NaN unless the parameters have ``weighting="noise"``.
    needs_references : bool
        Whether reference spectra are an input.
    complete : callable, optional
        ``(parameters, coord, mean_spectrum) -> parameters`` with what was left open filled in, once
        for the whole image; ``mean_spectrum() -> (E,)`` is computed only if it is called.
    """

    name: str
    parameters: type[Parameters]
    prepare: Callable[[xr.DataArray, Any, xr.DataArray | None, np.ndarray | None], BlockFit]
    needs_references: bool = False
    complete: Callable[[Any, xr.DataArray, Callable[[], np.ndarray]], Any] | None = None


_METHODS: dict[str, Method] = {}


def register_method(method: Method) -> Method:
    """Add a method to the table; a later one of the same name replaces it."""
    _METHODS[method.name] = method
    return method


def method_names() -> tuple[str, ...]:
    """Return the names that `get_method` accepts."""
    return tuple(sorted({*_BUILT_IN, *_METHODS}))


@cache
def _load_compiler() -> None:
    """Load numba, and what it loads itself with the first call of a compiled function."""
    with collection_paused(), tools_put_off():
        from socwidgets.kernels.first_call import call_nothing

        call_nothing()


def get_method(name: str) -> Method:
    """Look a method up, importing it if need be.

    Raises
    ------
    ParameterError
        If no method has this name.
    """
    if name not in _METHODS and name in _BUILT_IN:
        _load_compiler()
        import_module(_BUILT_IN[name])
    if name not in _METHODS:
        raise ParameterError(
            f"there is no method {name!r}", expected=f"one of {', '.join(method_names())}"
        )
    return _METHODS[name]
