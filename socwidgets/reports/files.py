"""Parameters of a report as a YAML file, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from socwidgets.io.parameter_file import read_parameters

__all__ = ["read_parameters", "write_parameters"]


def write_parameters(path: str | os.PathLike[str], values: Mapping[str, Any]) -> Path:
    """Write parameters as YAML, for ``socwidgets report run NAME -f FILE``.

    Parameters
    ----------
    path : path-like
        The file; complete or not there at all.
    values : mapping
        Values by name; tuples become lists, paths text.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    import yaml

    from socwidgets.io.atomic import atomic_file
    from socwidgets.model.provenance import jsonable

    text = yaml.safe_dump(jsonable(dict(values)), sort_keys=False, allow_unicode=True)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)
