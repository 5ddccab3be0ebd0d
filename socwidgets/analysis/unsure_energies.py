"""Maps of energies in which noise has taken the uncertainty of many pixels."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from socwidgets.model.names import std_name

#: Share of pixels without an uncertainty from which on the others are a selection: their pulls
#: exceed 1.1 from there on (docs/sigma_of_measures.md).
_MANY = 0.1
DOUBT = "sigma_doubt"


def warn_if_unsure(maps: xr.Dataset) -> None:
    """Warn, and note in the attributes, where many pixels have an energy but no uncertainty.

    An energy has an uncertainty where noise leaves slope or bend of the spectrum. Of an image in
    which that is lost for many pixels, those that still have one are the lucky ones: their
    uncertainties are too small by a tenth and more. The largest slope is left out: it hardly ever
    has one.
    """
    shares = {}
    for name in map(str, maps.data_vars):
        slope = "derivative" in (name.split("_")[0], maps.attrs.get("definition"))
        if not name.endswith("_energy") or std_name(name) not in maps or slope:
            continue
        known = np.isfinite(maps[name].values)
        lost = known & ~np.isfinite(maps[std_name(name)].values)
        share = float(lost.sum() / max(known.sum(), 1))
        # None at all is another matter: without signal_std or points to spare no noise is known.
        if _MANY < share < 1.0:
            shares[name] = share
    if not shares:
        return
    words = ", ".join(f"{100 * share:.0f} % of {name}" for name, share in shares.items())
    text = (
        f"noise is too large for an uncertainty in {words}; those of the other pixels come out too "
        "small by a tenth or more, because noise has chosen the pixels. Bin pixels or average "
        "frames, or use definition='integral' or 'centroid', or a linear combination fit"
    )
    maps.attrs[DOUBT] = text
    warnings.warn(text, UserWarning, stacklevel=3)
