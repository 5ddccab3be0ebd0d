"""Profiles of what a session shows, for the profile view: which numbers, and what to call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.kinds import KIND
from socwidgets.model.names import X, Y, std_name
from socwidgets.model.stack import pixel_size_um
from socwidgets.session.derived import usable_mask
from socwidgets.session.session import Session

LINE, SURFACE, ROW_DEPTH = "line", "surface", "depth"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile and what it is of.

    Attributes
    ----------
    kind : str
        `LINE`, `SURFACE` or `ROW_DEPTH`.
    table : xarray.Dataset
        ``mean``, ``sd``, ``sem`` and ``count`` over ``distance`` in um.
    words : str
        Label of the distance axis.
    subject, note : str
        Whose profile it is, and what a reader should know.
    """

    kind: str
    table: xr.Dataset
    words: str
    subject: str
    note: str = ""


def profile_of(
    session: Session, kind: str, *, line: tuple[float, float, float, float],
    width_um: float = 0.0, bins: int = 20, axis: str = Y,
) -> Profile:  # fmt: skip
    """Profile of the map (or frame) that a session shows; only usable pixels count.

    Parameters
    ----------
    session : Session
        Its shown values, their sigma, labels, and the chosen particle.
    kind : {"line", "surface", "depth"}
        Along `line`; over the distance from the surface of the chosen particle, or of all of them;
        over `axis`, each row or column averaged.
    line : (float, float, float, float)
        ``x0, y0, x1, y1``, um.
    width_um : float
        Width of the line, um.
    bins : int
        Bins of the distance from the surface.
    axis : {"y", "x"}
        Direction of the depth.

    Raises
    ------
    DataError, ParameterError
        If there is nothing to take a profile of.
    """
    shown, std = _values(session)
    if kind == LINE:
        from socwidgets.analysis.profiles import line_profile

        table = line_profile(shown, line, width_um=width_um, std=std)
        if not bool(np.isfinite(table["mean"]).any()):
            raise DataError("No pixel with a value lies on the line.")
        across = f"averaged over {width_um:g} µm" if width_um else "one pixel wide"
        return Profile(kind, table, "Distance along the line (µm)", f"the pixels, {across}")
    if kind == SURFACE:
        return _over_surface_distance(session, shown, std, bins)
    return _over_depth(shown, std, axis)


def _values(session: Session) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Shown values where they may be used, and their sigma."""
    state, shown = session.state, session.displayed()
    key = ("profile", state.map_name, state.show_frame, state.energy_index)
    values = session.cached(key, lambda: shown.astype(float).where(usable_mask(state, shown)))
    sigma = std_name(str(shown.name))
    known = state.maps is not None and not state.show_frame and sigma in state.maps
    return values, state.maps[sigma] if known and state.maps is not None else None


def _weights(session: Session) -> np.ndarray | None:
    maps = session.state.maps
    if maps is None or session.state.show_frame or "thickness" not in maps:
        return None
    return np.nan_to_num(maps["thickness"].transpose(Y, X).values.astype(np.float64)).clip(min=0.0)


def _over_surface_distance(
    session: Session, shown: xr.DataArray, std: xr.DataArray | None, bins: int
) -> Profile:
    from socwidgets.analysis.label_table import surface_depth
    from socwidgets.analysis.profiles import binned_profile

    state = session.state
    if state.labels is None:
        raise DataError("Segment the particles first: their surface is not known.")
    labels, chosen = state.labels, state.particle
    depth = session.cached(("surface depth",), lambda: surface_depth(labels)).values
    # Pixels at the surface are one pixel deep there; their centers lie half a pixel deep.
    depth = depth - 0.5 * float(np.nanmin(np.nan_to_num(pixel_size_um(labels), nan=1.0)))
    inside = labels.values > 0 if chosen is None else labels.values == chosen
    weights = _weights(session)
    table = binned_profile(
        shown.values[inside],
        depth[inside],
        bins=bins,
        weights=None if weights is None else weights[inside],
        noise_variance=None if std is None else std.transpose(Y, X).values[inside] ** 2.0,
    )
    count = np.unique(labels.values[inside]).size
    subject = f"particle {chosen}" if chosen is not None else f"all {count} particles"
    weighted = ", weighted by thickness" if weights is not None else ""
    note = f"Bins of equal numbers of pixels{weighted}. {_core_shell_words(session, shown)}"
    return Profile(SURFACE, table, "Distance from the surface (µm)", subject, note.strip())


def _core_shell_words(session: Session, shown: xr.DataArray) -> str:
    """Rim against core in one sentence; nothing for a map without a kind or without a core."""
    state, name = session.state, str(shown.name)
    maps, labels = state.maps, state.labels
    if maps is None or labels is None or name not in maps or not maps[name].attrs.get(KIND):
        return ""

    def compare() -> Any:
        from socwidgets.heterogeneity.space.radial import core_shell_contrast

        return core_shell_contrast(maps, labels, variable=name)

    found = session.cached(("core shell", name), compare)
    if state.particle is None:
        if not np.isfinite(found.contrast):
            return ""
        return (
            f"Rim minus core: {found.contrast:.3f} ± {found.std:.3f} over {found.n_particles} "
            f"particles, p = {found.p:.2g}."
        ).replace(" -", " −")
    if state.particle not in found.particles.index:
        return ""
    own = found.particles.loc[state.particle]
    if not np.isfinite(own["contrast"]):
        return ""
    sigma = f" ± {own['contrast_std']:.3f}" if np.isfinite(own["contrast_std"]) else ""
    return f"Rim minus core: {own['contrast']:.3f}{sigma} (noise alone).".replace(" -", " −")


def _over_depth(shown: xr.DataArray, std: xr.DataArray | None, axis: str) -> Profile:
    other = X if axis == Y else Y
    count = shown.notnull().sum(other)
    if not bool(count.any()):
        raise DataError("No pixel has a value.")
    sem = xr.full_like(count, np.nan, dtype=float)
    if std is not None:
        sem = (std.where(shown.notnull()) ** 2).sum(other) ** 0.5 / count
    at = shown[axis].values - float(shown[axis].min())
    columns = {
        "mean": shown.mean(other), "sd": shown.std(other), "sem": sem, "count": count
    }  # fmt: skip
    table = xr.Dataset(
        {name: ("distance", np.asarray(v.values, float)) for name, v in columns.items()},
        {"distance": at},
    ).sortby("distance")
    words = "rows" if axis == Y else "columns"
    return Profile(ROW_DEPTH, table, f"Depth along {axis} (µm)", f"the {words} of the image")
