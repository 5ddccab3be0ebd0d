"""Series of spectra at a few places of one electrode while it is charged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import xarray as xr

from socwidgets.io.datasets import DATA_VARIABLE
from socwidgets.model.errors import ReadError
from socwidgets.model.series import SERIES_COORDS, make_series

_FILE = "first_charge.npz"
_SET = "lno_operando"


def find_operando() -> Path | None:
    """File of the operando series of LiNiO2, where ``SOCWIDGETS_DATA`` leads to one; else None.

    116 normalized Ni K spectra at two positions of one electrode over its first charge at C/10,
    SOLEIL ROCK (GhostDeini/perex, BSD-3-Clause), packed as ``lno_operando/first_charge.npz``.
    """
    local = os.environ.get(DATA_VARIABLE, "").strip()
    if not local:
        return None
    folder = Path(local).expanduser()
    tried = (folder / _SET / _FILE, folder / _FILE)
    return next((path for path in tried if path.is_file()), None)


def open_operando(path: str | Path) -> xr.Dataset:
    """Read a series of spectra at several positions.

    Parameters
    ----------
    path : str or Path
        ``.npz`` with ``energy_ev`` (E,), ``mu_norm`` (n, E), ``position`` (n,), and ``charge_mah``,
        ``voltage_v``, ``time_s`` (n,).

    Returns
    -------
    xarray.Dataset
        A normalized stack ``(state, energy, y=1, x=positions)`` with `SERIES_COORDS` as coordinates
        ``(state, x)``; every method for stacks works on it. Positions with more scans than others
        are cut to the shortest.

    Raises
    ------
    ReadError
        If the file is not there or does not hold these arrays.
    """
    path = Path(path)
    wanted = ("energy_ev", "mu_norm", "position", *SERIES_COORDS)
    try:
        with np.load(path, allow_pickle=False) as stored:
            held = {name: stored[name] for name in stored.files if name in wanted}
    except (OSError, ValueError, EOFError) as error:
        raise ReadError(
            f"{path} is no series of spectra", expected="an .npz file", found=str(error)
        ) from error
    missing = [name for name in wanted if name not in held]
    if missing or held["mu_norm"].shape != (held["position"].size, held["energy_ev"].size):
        raise ReadError(
            f"{path} is no series of spectra",
            expected=f"arrays {', '.join(wanted)}, mu_norm of shape (scan, energy)",
            found=f"without {', '.join(missing)}" if missing else str(held["mu_norm"].shape),
        )
    places = np.unique(held["position"])
    rows = [np.flatnonzero(held["position"] == place) for place in places]
    rows = [row[: min(map(len, rows))] for row in rows]
    # (state, position, energy) -> (state, energy, y, x)
    cube = np.stack([held["mu_norm"][row] for row in rows], axis=1)
    beside = {name: np.stack([held[name][row] for row in rows], axis=1) for name in SERIES_COORDS}
    return make_series(cube, held["energy_ev"], beside, sample=path.parent.name)
