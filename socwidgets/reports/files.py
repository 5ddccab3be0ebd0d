"""Parameters of a report as a YAML file, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from socwidgets.model.errors import ParameterError


def read_parameters(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read parameters from a YAML (or JSON) file, as typed: they are checked by who uses them.

    Relative file names in it are left as they are: they start in the working folder.

    Raises
    ------
    ParameterError
        If the file cannot be read or holds something else than ``NAME: VALUE`` lines.
    """
    import yaml

    path = Path(path).expanduser()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParameterError(f"cannot read the parameters in {path}", found=str(error)) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ParameterError(
            f"{path} holds no parameters", expected="lines NAME: VALUE", found=type(values).__name__
        )
    return {str(name): value for name, value in values.items()}


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
