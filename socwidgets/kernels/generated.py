"""Compile source that was written at run time, once per machine.

numba keeps compiled code on disk only for functions that stand in a file. The source is therefore
written to one, named after its content and that of the modules it is made of.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any


def load_source(source: str, ingredients: tuple[ModuleType, ...]) -> dict[str, Any]:
    """Names that a source defines, from a file where one can be written.

    Parameters
    ----------
    source : str
        A module.
    ingredients : tuple of module
        Modules whose code becomes a part of what is compiled: a change in them must not meet old
        compiled code.

    Returns
    -------
    dict
        The module's names; ``__file__`` is missing if nothing could be written.
    """
    digest = hashlib.sha256(source.encode())
    for module in ingredients:
        digest.update(Path(str(module.__file__)).read_bytes())
    name = f"model_{digest.hexdigest()[:20]}"
    path = _folder() / f"{name}.py"
    if _write(path, source):
        spec = importlib.util.spec_from_file_location(f"socwidgets_{name}", path)
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            # Compiled code on disk names the module that it belongs to.
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
            return vars(module)
    scope: dict[str, Any] = {}
    exec(compile(source, f"<{name}>", "exec"), scope)
    return scope


def _folder() -> Path:
    """Where to keep sources: where numba keeps compiled code if told so, else the user's cache."""
    import platformdirs

    given = os.environ.get("NUMBA_CACHE_DIR")
    return Path(given or platformdirs.user_cache_dir("socwidgets")) / "models"


def _write(path: Path, source: str) -> bool:
    """Write a file in one step if it is not there yet; whether it is there."""
    if path.exists():
        return True
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    except OSError:
        return False
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        return False
    return True
