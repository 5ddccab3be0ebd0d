"""Simulated scans that are asked for by a text, in place of a file: ``phantom:lfp:size_px 96``."""

from __future__ import annotations

from typing import Any

import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.phantoms.phantom import Phantom

#: A stack of this form is simulated, with a known truth, instead of read from a file.
PHANTOM_PREFIX = "phantom:"


def simulated_scan(
    text: str, *, seed: int = 0, pixel_um: float | None = None
) -> tuple[Phantom, xr.Dataset]:
    """Sample and scan of a text such as ``phantom:lfp`` or ``phantom:lfp:size_px 96``.

    Parameters
    ----------
    text : str
        See `phantom_options`.
    seed : int
        Of the sample and of the noise.
    pixel_um : float, optional
        Pixel size in place of the phantom's own.

    Returns
    -------
    phantom : Phantom
        The sample, with its truth and its references.
    stack : xarray.Dataset
        Counts of an STXM.

    Raises
    ------
    ParameterError
        If there is no such phantom with an STXM.
    """
    from socwidgets.phantoms.catalog import KINDS, make_phantom, simulate

    name, changes = phantom_options(text)
    kind = "lfp_ensemble" if name == "lfp" else name
    known = [key for key, entry in KINDS.items() if entry.technique == "stxm"]
    if kind not in known:
        raise ParameterError(
            f"there is no phantom {name!r} for this report",
            expected=f"{PHANTOM_PREFIX}lfp, or one of {', '.join(known)}",
            found=text,
        )
    if pixel_um is not None:
        changes["pixel_um"] = pixel_um
    phantom = make_phantom(kind, changes, seed=seed)
    return phantom, simulate(phantom, seed=seed)


def phantom_options(text: str) -> tuple[str, dict[str, Any]]:
    """Name and changed parameters of ``phantom:NAME:key value,key value``.

    An equals sign may stand between key and value, except in the default of a template, where
    papermill would stumble over it.

    Raises
    ------
    ParameterError
        If what follows the name is no list of ``key=value``.
    """
    name, _, options = text.removeprefix(PHANTOM_PREFIX).partition(":")
    pairs = [item.replace("=", " ", 1).split(None, 1) for item in options.split(",")]
    pairs = [pair for pair in pairs if pair]
    if any(len(pair) != 2 for pair in pairs):
        raise ParameterError(
            f"the phantom {text!r} cannot be understood",
            expected="phantom:NAME or phantom:NAME:key value,key value",
        )
    return name.strip(), {key: value.strip() for key, value in pairs}
