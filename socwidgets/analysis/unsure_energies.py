"""Maps of energies to doubt: selected by noise or a narrow window, or of a scan that ends early."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from socwidgets.analysis.window_rules import SHELL_EXPONENT
from socwidgets.model.mapset import E0_DOUBT, RANGE_DOUBT, SIGMA_DOUBT, WINDOW_DOUBT
from socwidgets.model.names import STATUS, X, Y, std_name
from socwidgets.model.status import Status

#: Share of pixels without an uncertainty from which on the others are a selection: their pulls
#: exceed 1.1 from there on (docs/sigma_of_measures.md).
_MANY = 0.1
#: Share of pixels whose peak lies outside of a fixed window from which on a spread is cut.
_CUT = 0.02
#: Degrees of freedom from which on a residual tells the noise.
_TELLING = 3
#: An edge this far from E0 lies outside of what the windows were placed for, eV. E0 of a foil with
#: oxides is 13 eV off.
_FAR = 20.0
#: Definitions whose energies hang on the curve beyond the edge.
_ON_THE_CURVE = ("half", "integral", "all")
#: How far a polynomial through a post-edge up to here moves half height, eV beyond E0; and the fall
#: of a shell, which no longer counts from 100 eV on.
_MOVES = (
    (75.0, "0.5 eV, one in ten by 1.2"),
    (120.0, "0.3 eV, one in ten by 0.9"),
    (150.0, "0.2 eV, one in ten by 0.5"),
)
_MOVES_FALL, _FALL_HOLDS = "0.1 eV, one in ten by 0.2 (half) and 0.5 (integral)", 100.0


def warn_if_unsure(maps: xr.Dataset) -> None:
    """Warn, and note in the attributes, where many pixels have an energy but no uncertainty.

    An energy has an uncertainty where noise leaves slope or bend of the spectrum. Of an image in
    which that is lost for many pixels, those that still have one are the lucky ones: their
    uncertainties are too small by a tenth and more. Where all have lost it, the energies are those
    of noise. The largest slope is left out: it hardly ever has one (`withhold_slope_sigma`).
    """
    shares, noise = {}, _noise_is_known(maps)
    for name in map(str, maps.data_vars):
        if not name.endswith("_energy") or std_name(name) not in maps or _is_slope(name, maps):
            continue
        known = np.isfinite(maps[name].values)
        lost = known & ~np.isfinite(maps[std_name(name)].values)
        share = float(lost.sum() / max(known.sum(), 1))
        # None at all is another matter without signal_std or points to spare: no noise is known.
        if _MANY < share < 1.0 or (noise and share == 1.0):
            shares[name] = share
    if not shares:
        return
    words = ", ".join(f"{100 * share:.0f} % of {name}" for name, share in shares.items())
    others = "those of the other pixels come out too small by a tenth or more, because noise has "
    others += "chosen the pixels"
    if min(shares.values()) > 1.0 - _MANY:
        others = "such energies are off by some eV, because noise reaches a level before the edge"
    text = (
        f"noise is too large for an uncertainty in {words}; {others}. Bin pixels or average "
        "frames, or use definition='integral' or 'centroid', or a linear combination fit"
    )
    _say(maps, SIGMA_DOUBT, text)


def withhold_slope_sigma(maps: xr.Dataset) -> None:
    """Take the uncertainties of the largest slope away where noise has chosen who has one.

    Noise decides which of two slopes is the largest, and in whose spectrum it stands out. Where
    more than a tenth of the pixels have lost theirs, the pulls of the others reach 1.5 and their
    means are off by up to one sigma (docs/sigma_of_measures.md); where fewer have, they are right.
    """
    for name in map(str, maps.data_vars):
        if not _is_slope(name, maps) or std_name(name) not in maps:
            continue
        std, known = maps[std_name(name)], np.isfinite(maps[name].values)
        share = np.count_nonzero(known & ~np.isfinite(std.values)) / max(known.sum(), 1)
        if share > _MANY:
            std[...] = np.nan
            std.attrs["withheld"] = (
                f"noise is too large for it in {100 * share:.0f} % of the pixels, and has chosen "
                "the others"
            )


def _is_slope(name: str, maps: xr.Dataset) -> bool:
    slope = "derivative" in (name.split("_")[0], maps.attrs.get("definition"))
    return slope and name.endswith("_energy")


def _noise_is_known(maps: xr.Dataset) -> bool:
    free = maps.attrs.get("noise_degrees_of_freedom")
    return free >= _TELLING if free is not None else "sigma_source" in maps.attrs


def warn_if_far(maps: xr.Dataset) -> None:
    """Warn, and note in the attributes, where the edge of an image lies far from the common E0.

    E0 and the windows are one for all states and slices. That is what makes them comparable, and
    wrong where one of them was measured on another energy scale, or E0 was mistaken.
    """
    peak = maps.attrs.get("definition") in ("white_line", "centroid")
    name = next((n for n in ("edge_energy", "half_energy") if n in maps), "")
    if not name or peak or "e0" not in maps.attrs:
        return
    values = maps[name].transpose(..., Y, X)
    images = values.values.reshape(-1, values.shape[-2] * values.shape[-1])
    known = np.isfinite(images).any(axis=1)
    middle = np.nanmedian(images[known], axis=1)
    away = np.abs(middle - maps.attrs["e0"]) > _FAR
    if not away.any():
        return
    several = f"{int(away.sum())} of {away.size} images" if away.size > 1 else "the image"
    text = (
        f"the edge of {several} lies more than {_FAR:g} eV from E0 ({maps.attrs['e0']:g} eV), for "
        f"which the windows were placed (at {middle[away][0]:.1f} eV, for instance): energies and "
        "jumps there may be wrong by some eV. Bring the states onto one energy scale, or fit them "
        "one by one, or give e0="
    )
    _say(maps, E0_DOUBT, text)


def warn_if_cut(maps: xr.Dataset) -> None:
    """Warn, and note in the attributes, where a fixed white-line window leaves peaks outside.

    The pixels that lie farthest from the others are the ones that get no value then, and the spread
    of the map is too small.
    """
    of_peak = maps.attrs.get("definition") == "white_line" and "edge_energy" in maps
    name = "edge_energy" if of_peak else "white_line_energy"
    if name not in maps or maps.attrs.get("white_line_recentered", True):
        return
    known = np.isfinite(maps[name].values)
    outside = ~known & (maps[STATUS].values == Status.AT_BOUND)
    share = float(outside.sum() / max((known | outside).sum(), 1))
    if not _CUT < share < 1.0:
        return
    text = (
        f"{100 * share:.0f} % of the pixels have no maximum inside the white-line window: the "
        "largest shifts are missing from this map, and its spread is too small. Use recenter=True "
        "or a larger half_width; where it is noise, bin pixels"
    )
    _say(maps, WINDOW_DOUBT, text)


def warn_if_short(maps: xr.Dataset) -> None:
    """Warn, and note in the attributes, where the scan ends too early for its edge energies.

    The numbers are those of 32 spectra of Mn, Fe, Co and Ni compounds that were cut
    (docs/quantities/half_height.md).
    """
    e0, definition = maps.attrs.get("e0", 0.0), maps.attrs.get("definition")
    end = maps.attrs.get("post_window", [np.inf])[-1] - e0
    if definition not in _ON_THE_CURVE or not end < _MOVES[-1][0]:
        return
    falls = maps.attrs.get("post_exponent", 0.0) > 0 and maps.attrs["post_degree"] == 0
    if falls and end >= _FALL_HOLDS:
        return
    which = "'half' and 'integral' hang" if definition == "all" else f"'{definition}' hangs"
    moves = _MOVES_FALL if falls else next(m for limit, m in _MOVES if end < limit)
    fall = (
        ""
        if falls
        else f" post_exponent={SHELL_EXPONENT:g} (the fall of a shell's absorption) with a "
        f"post-edge from +25 eV on moves by {_MOVES_FALL}, and hardly with E0."
    )
    text = (
        f"the post-edge ends {end:.0f} eV beyond E0, and {which} on the curve through it: K edges "
        f"of measured compounds that were cut there move by {moves} against the whole scan.{fall} "
        f"Compare them with energies of the same E0 and windows only (e0={e0:.2f} for all states); "
        "definition='half_wl' or 'white_line' needs no curve beyond the edge"
    )
    _say(maps, RANGE_DOUBT, text)


def _say(maps: xr.Dataset, attribute: str, text: str) -> None:
    """Note in the maps, and warn where `fit_map` was called."""
    maps.attrs[attribute] = text
    warnings.warn(text, UserWarning, stacklevel=4)
