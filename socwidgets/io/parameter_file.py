"""Parameters of a report in a YAML or JSON file."""

from __future__ import annotations

import os
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
