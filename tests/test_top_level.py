"""The public face: complete, lazy and fast."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import socwidgets

HEAVY = {"numba", "bqplot", "matplotlib", "skimage", "h5py", "xarray", "pandas", "scipy", "IPython"}


def _fresh(code: str) -> dict:
    """Run `code` in a new interpreter and return the JSON it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_import_is_light():
    code = "import sys, json; import socwidgets; print(json.dumps(sorted(sys.modules)))"
    loaded = _fresh(code)
    assert not HEAVY & set(loaded)
    assert [name for name in loaded if name.startswith("socwidgets")] == ["socwidgets"]


@pytest.mark.parametrize("name", [n for n in socwidgets.__all__ if n != "__version__"])
def test_every_name_loads_and_is_documented(name):
    value = getattr(socwidgets, name)
    assert callable(value) or inspect.ismodule(value)
    assert inspect.getdoc(value)
    assert name in dir(socwidgets)


def test_names_come_from_where_the_table_says():
    for name, home in socwidgets._HOMES.items():
        assert getattr(socwidgets, name) is getattr(importlib.import_module(home), name)


def test_type_checkers_see_the_same_names_as_users():
    tree = ast.parse(Path(socwidgets.__file__).read_text(encoding="utf-8"))
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    typed = {
        alias.name: statement.module
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert typed == {**socwidgets._HOMES, "phantoms": "socwidgets"}
    assert set(socwidgets.__all__) == {*typed, "__version__"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'open_stak'"):
        socwidgets.open_stak  # noqa: B018
    assert not hasattr(socwidgets, "open_stak")


def test_version_is_the_installed_one():
    assert metadata.version("socwidgets") == socwidgets.__version__
