"""What a person chooses beside regions: a particle, a box of values, a line, a state, a stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError, SchemaError
from socwidgets.model.kinds import KIND
from socwidgets.model.mapset import display_maps, validate_maps
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim
from socwidgets.session import display
from socwidgets.session.derived import Derived
from socwidgets.session.fitting import NO_MAPS, new_maps
from socwidgets.session.state import Series, State, ValueBox
from socwidgets.session.viewing import Viewing

T = TypeVar("T")


class Choosing(Viewing):
    """Particles, boxes of two values, lines, states of a series, and another stack."""

    _derived: Derived

    # -- particles -----------------------------------------------------------------------------

    def set_labels(self, labels: xr.DataArray | None) -> None:
        """Take other particles, ``(y, x)`` integer with 0 = background; the choice is dropped.

        Raises
        ------
        DataError
            If they are not whole numbers on the pixels of the stack.
        """
        self._update(labels=checked_labels(self._state.stack, labels), particle=None)

    def select_particle(self, label: int | None) -> None:
        """Choose a particle by its label, or none; it is highlighted on the map.

        Raises
        ------
        ParameterError
            If there is no such particle.
        """
        if label is None:
            self._update(particle=None)
            return
        labels = self._state.labels
        number = int(label)
        if labels is None or number <= 0 or not bool((labels.values == number).any()):
            raise ParameterError(
                f"there is no particle {label}",
                found="no particles at all" if labels is None else "",
                fix="segment the particles first" if labels is None else None,
            )
        self._update(particle=number, brush=None, box=None)

    def particle_mask(self) -> np.ndarray | None:
        """Pixels ``(y, x)`` of the chosen particle; None without one."""
        state = self._state
        if state.labels is None or state.particle is None:
            return None
        return state.labels.transpose(Y, X).values == state.particle

    @property
    def quantity(self) -> str | None:
        """Map that numbers of particles are of: the chosen one if it has a kind, else ``soc``."""
        maps, name = self._state.maps, self._state.map_name
        if maps is None:
            return None
        if name is not None and maps[name].attrs.get(KIND) and not name.endswith("_std"):
            return name
        known = [n for n in display_maps(maps) if maps[n].attrs.get(KIND)]
        return "soc" if "soc" in maps else next(iter(known), None)

    def particle_table(self) -> pd.DataFrame | None:
        """Numbers of every particle, see `socwidgets.heterogeneity.particles.particle_table`.

        None without labels, or without a map of a known kind. Of the map `quantity`.
        """
        state, name = self._state, self.quantity
        if state.labels is None or state.maps is None or name is None:
            return None
        maps, labels = state.maps, state.labels

        def compute() -> pd.DataFrame:
            from socwidgets.heterogeneity.particles import particle_table

            return particle_table(maps, labels, variable=name)

        return self._derived.of(state, ("particles", name), compute)

    def cached(self, key: tuple[object, ...], compute: Callable[[], T]) -> T:
        """Result of `compute`, kept while stack, maps, references and labels stay the same."""
        return self._derived.of(self._state, ("cached", *key), compute)

    # -- boxes and lines -----------------------------------------------------------------------

    def select_box(self, box: ValueBox | None) -> None:
        """Highlight the pixels whose two values lie in a box, or nothing.

        Raises
        ------
        ParameterError
            If it names a map that is not there, or a range is no range.
        """
        if box is None:
            self._update(box=None)
            return
        for name, (low, high) in ((box.x, box.x_range), (box.y, box.y_range)):
            if name not in self.map_names:
                raise ParameterError(
                    f"there is no map {name!r}", expected=", ".join(self.map_names) or "none yet"
                )
            if not low <= high:
                raise ParameterError(
                    "a range of values starts with its lower end", found=f"{low:g} to {high:g}"
                )
        self._update(box=box, brush=None)

    def box_mask(self) -> np.ndarray | None:
        """Pixels ``(y, x)`` in the chosen box; None without one."""
        state = self._state
        if state.box is None or state.maps is None:
            return None
        return display.box_mask(state.maps, state.box)

    def set_line(self, line: tuple[float, float, float, float] | None) -> None:
        """Choose the line ``x0, y0, x1, y1`` (um) that a profile is taken along, or none."""
        if line is None:
            self._update(line=None)
            return
        x0, y0, x1, y1 = (float(value) for value in line)
        if not np.isfinite([x0, y0, x1, y1]).all() or (x0 == x1 and y0 == y1):
            raise ParameterError(
                "a line needs two different ends", found=f"({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) um"
            )
        self._update(line=(x0, y0, x1, y1))

    # -- series and stacks ---------------------------------------------------------------------

    def set_series(self, maps: xr.Dataset | None, stack: xr.Dataset | None = None) -> None:
        """Take maps of several states (and their stacks); the first state is shown.

        Parameters
        ----------
        maps : xarray.Dataset or None
            Map set with one dim beside ``(y, x)``, on the pixels of the stack; None ends the
            series and leaves the maps there are.
        stack : xarray.Dataset, optional
            ``signal`` with the same dim; spectra then follow the state, too.

        Raises
        ------
        SchemaError, DataError
            If they have no such dim, or do not fit the stack.
        """
        if maps is None:
            self._update(series=None, state_index=0)
            return
        series = Series(maps, series_dim(maps), stack)
        check_pixels(self._state.stack, maps)
        if stack is not None and stack.sizes.get(series.dim) != series.size:
            raise DataError(
                "maps and stacks are not of the same states",
                expected=f"{series.dim} of length {series.size}",
                found=f"{dict(stack.sizes)}",
            )
        self._update(
            lambda state: {
                "series": series, **new_maps(state, _at(series, 0)), **_frames(series, 0),
                "state_index": 0,
            }
        )  # fmt: skip

    def set_state(self, index: int) -> None:
        """Show the state at a position of the series; what is highlighted stays so."""

        def change(state: State) -> dict[str, Any]:
            series = state.series
            count = 0 if series is None else series.size
            if series is None or not 0 <= int(index) < count:
                raise ParameterError(
                    "there is no such state",
                    expected=f"0 to {count - 1}" if count else "a series, see set_series",
                    found=str(index),
                )
            at = int(index)
            return {"maps": _at(series, at), "state_index": at, **_frames(series, at)}

        self._update(change)

    def set_stack(self, stack: xr.Dataset, before: xr.Dataset | None = None) -> None:
        """Go on with another stack on the same pixels: regions stay, maps of the old one go.

        Parameters
        ----------
        stack : xarray.Dataset
            ``signal`` ``(<spectral>, y, x)``.
        before : xarray.Dataset, optional
            The stack it was registered from, for the registration view.

        Raises
        ------
        SchemaError, DataError
            If it is no stack, or on other pixels.
        """
        check_pixels(self._state.stack, stack)
        if stack[SIGNAL].ndim != 3:
            raise DataError("a session shows one stack", expected="3 dims", found=str(stack.sizes))
        count = stack.sizes[spectral_dim(stack[SIGNAL])]
        self._update(
            lambda state: {
                **NO_MAPS, "stack": stack, "before": before,
                "energy_index": min(state.energy_index, count - 1),
            }
        )  # fmt: skip

    def set_references(self, references: xr.DataArray | None) -> None:
        """Take other reference spectra, ``(component, <spectral>)``."""
        self._update(references=references)


def series_dim(maps: xr.Dataset) -> str:
    """Name of the one dim of a map set beside y and x.

    Raises
    ------
    SchemaError
        If there is none, or more than one.
    """
    validate_maps(maps)
    lead = [str(d) for d in maps.dims if d not in (Y, X)]
    if len(lead) != 1:
        raise SchemaError(
            "series of maps",
            [("dims", f"{tuple(map(str, maps.dims))} are not one dim and y, x")],
            fix="concatenate the maps of the states, for instance xr.concat(maps, 'state')",
        )
    return lead[0]


def checked_labels(like: xr.Dataset, labels: xr.DataArray | None) -> xr.DataArray | None:
    """Return labels ``(y, x)`` if they are whole numbers on the pixels of `like`."""
    if labels is None:
        return None
    if set(labels.dims) != {Y, X} or labels.dtype.kind not in "iu":
        raise DataError(
            "these are no particles",
            expected="whole numbers with the dims y and x",
            found=f"{labels.dtype} with {tuple(map(str, labels.dims))}",
            fix="take what segment_particles returns",
        )
    check_pixels(like, labels)
    return labels.transpose(Y, X)


def check_pixels(like: xr.Dataset, other: xr.Dataset | xr.DataArray) -> None:
    """Raise `DataError` unless both have the same number of pixels along y and x."""
    for dim in (Y, X):
        if other.sizes.get(dim) != like.sizes[dim]:
            raise DataError(
                "maps, labels and stack are not on the same pixels",
                expected=f"{like.sizes[Y]} x {like.sizes[X]} (y, x)",
                found=f"{other.sizes.get(Y)} x {other.sizes.get(X)}",
            )


def _at(series: Series, index: int) -> xr.Dataset:
    return series.maps.isel({series.dim: index})


def _frames(series: Series, index: int) -> dict[str, Any]:
    return {} if series.stack is None else {"stack": series.stack.isel({series.dim: index})}
