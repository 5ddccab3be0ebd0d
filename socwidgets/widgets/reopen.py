"""From a report back to the explorer: the stack, the maps and the regions that it was made of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from socwidgets.io.parameter_file import read_parameters
from socwidgets.io.region_file import read_regions
from socwidgets.model.errors import ReadError
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.session.workflow.from_parameters import ViewParameters, shown_by
from socwidgets.widgets.explorer import Explorer, explore

RESULTS = "results.json"


def explore_report(path: str | os.PathLike[str]) -> Explorer:
    """Open the explorer in the state that a report shows, or would show.

    Parameters
    ----------
    path : path-like
        Folder of a report, its ``results.json``, or a YAML or JSON file with parameters, as for
        ``socwidgets report run -f``. Without the bundle of a report the steps are done anew.

    Returns
    -------
    Explorer
        On the prepared stack of the report, with its map, references and regions.

    Raises
    ------
    ReadError
        If this is no report and no such file, or a file that it names is not there.
    ParameterError
        If the parameters name no stack, or its regions cannot be read.
    """
    path = Path(path).expanduser()
    if path.is_file() and path.name != RESULTS:
        return _open(read_parameters(path), None)
    folder = path.parent if path.name == RESULTS else path
    results = _results(folder / RESULTS)
    bundle = folder / f"{results['report']}.nc"
    return _open(results["parameters"], bundle if bundle.is_file() else None)


def _open(parameters: dict[str, Any], bundle: Path | None) -> Explorer:
    """Explorer of a bundle, or of what the parameters lead to."""
    from socwidgets.io import open_bundle

    rois = read_regions(str(parameters.get("rois") or ""))
    if bundle is None:
        shown = shown_by(parameters)
        stack, maps, references = shown.stack, shown.maps, shown.references
    else:
        tree = open_bundle(bundle)
        stack, maps = tree["stack"].to_dataset(), tree["soc"].to_dataset()
        references = None
        if "references" in tree:
            references = next(iter(tree["references"].to_dataset().data_vars.values()))
    charged = parameters.get("charged") or None
    explorer = explore(stack, maps, references, rois=rois, map="soc", charged=charged)
    _restore_view(explorer, parameters)
    return explorer


def _restore_view(explorer: Explorer, parameters: dict[str, Any]) -> None:
    """Give the map its color scale and the frames their place, as they were."""
    session, view = explorer.session, ViewParameters.of(parameters)
    if view.color_limits is not None:
        session.set_limits(*view.color_limits)
    if view.energy_shown is not None:
        axis = session.state.stack[spectral_dim(session.state.stack[SIGNAL])].values
        session.set_energy(int(np.abs(axis - view.energy_shown).argmin()))


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
