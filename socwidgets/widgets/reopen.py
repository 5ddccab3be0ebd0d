"""From a report back to the explorer: the stack, the maps and the regions that it was made of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from socwidgets.model.errors import ReadError
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.roi import ROI, roi_from_dict
from socwidgets.widgets.explorer import Explorer, explore

RESULTS = "results.json"


def explore_report(path: str | os.PathLike[str]) -> Explorer:
    """Open the explorer in the state that a report shows.

    Parameters
    ----------
    path : path-like
        Folder of a report, or its ``results.json``.

    Returns
    -------
    Explorer
        On the prepared stack of the report, with its map, references and regions.

    Raises
    ------
    ReadError
        If this is no report, or it was made without its bundle.
    ParameterError
        If its regions cannot be read.
    """
    from socwidgets.io import open_bundle

    path = Path(path).expanduser()
    folder = path.parent if path.name == RESULTS else path
    results = _results(folder / RESULTS)
    bundle = folder / f"{results['report']}.nc"
    if not bundle.is_file():
        raise ReadError(
            f"the report in {folder} has no bundle",
            expected=bundle.name,
            found="nothing of this name",
            fix="make the report with bundle=true, which writes its stack and maps",
        )
    tree = open_bundle(bundle)
    references = tree["references"].to_dataset() if "references" in tree else None
    parameters = results["parameters"]
    explorer = explore(
        tree["stack"].to_dataset(),
        tree["soc"].to_dataset(),
        None if references is None else next(iter(references.data_vars.values())),
        rois=_rois(str(parameters.get("rois") or "")),
        map="soc",
        charged=parameters.get("charged"),
    )
    _restore_view(explorer, parameters)
    return explorer


def _restore_view(explorer: Explorer, parameters: dict[str, Any]) -> None:
    """Give the map its color scale and the frames their place, as they were."""
    session = explorer.session
    if parameters.get("color_limits"):
        session.set_limits(*parameters["color_limits"])
    if parameters.get("energy_shown") is not None:
        axis = session.state.stack[spectral_dim(session.state.stack[SIGNAL])].values
        session.set_energy(int(np.abs(axis - parameters["energy_shown"]).argmin()))


def _results(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["report"], values["parameters"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{path.parent} holds no report",
            expected=f"a folder with {RESULTS}, as a report leaves it",
            found=str(error),
        ) from None
    return values


def _rois(text: str) -> list[ROI]:
    text = text.strip()
    if not text:
        return []
    if not text.startswith(("[", "{")):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except OSError as error:
            raise ReadError(f"cannot read the regions in {text}", found=str(error)) from None
    values = json.loads(text)
    return [roi_from_dict(item) for item in (values if isinstance(values, list) else [values])]
