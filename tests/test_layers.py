"""Imports go down only, files stay small: the house rules, read from the source.

Every import counts: at the top of a file, inside a function, under ``TYPE_CHECKING``, relative, or
by name in a string for ``import_module``. A lazy import is no way around the layers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "socwidgets"
ROOT = Path(__file__).parents[1] / PACKAGE

# Layer of each room. A room may import rooms of lower layers and itself, nothing else.
LAYERS = (
    ("model", "kernels"),
    ("analysis", "heterogeneity", "phantoms"),
    ("techniques", "io", "electrode"),
    ("session", "jobs", "plotting"),
    ("widgets", "reports"),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
# The one door between rooms of the same layer: a session starts jobs, jobs know no session.
# `__main__` is the two lines that let ``python -m socwidgets`` call the command line.
SIDE_DOORS = {("session", "jobs"), ("__main__", "cli")}
# The lazy public face names rooms of every layer; nothing below may go through it.
FACE = "__init__"
MAX_LINES = 300
MODULE_NAME = re.compile(rf"({PACKAGE}\.(\w+)[\w.]*)(:\w+)?\Z")


def room_of(path: Path, root: Path) -> str:
    """First part of a module's path inside the package: ``model``, ``cli``, ``__init__``."""
    return path.relative_to(root).parts[0].removesuffix(".py")


def imported_modules(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Yield ``(line, dotted module)`` for each import of the package's own modules."""
    inside = [PACKAGE, *path.relative_to(root).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            # ``from socwidgets import io`` names a room only through its alias.
            found = [f"{stem}.{a.name}" for a in node.names] if stem == PACKAGE else [stem]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A table of modules to import later, or an ``import_module`` with a plain name.
            named = MODULE_NAME.match(node.value)
            found = [named[1]] if named and named[2] in LEVEL else []
        for name in found:
            if name == PACKAGE or name.startswith(PACKAGE + "."):
                yield node.lineno, name


def violations(root: Path) -> list[str]:
    """All imports below `root` that do not go down, in words."""
    problems = []
    for path in sorted(root.rglob("*.py")):
        room = room_of(path, root)
        if room == FACE:
            continue
        if room not in LEVEL:
            problems.append(f"{path.relative_to(root)}: room {room!r} has no layer; add it here")
            continue
        for line, name in imported_modules(path, root):
            target = name.split(".")[1] if "." in name else FACE
            if target in (room, "__version__") or (room, target) in SIDE_DOORS:
                continue
            level = LEVEL.get(target)
            if level is None or level >= LEVEL[room]:
                way = "sideways" if level == LEVEL[room] else "up"
                problems.append(f"{path.relative_to(root)}:{line}: {room} imports {name} ({way})")
    return problems


def test_imports_go_down_only():
    assert violations(ROOT) == []


def test_every_room_of_the_table_is_walked():
    """The walk sees the package: an empty tree would pass the test above."""
    rooms = {room_of(path, ROOT) for path in ROOT.rglob("*.py")}
    assert {"model", "kernels", "analysis", "io", "widgets", "reports", "cli"} <= rooms


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("model/a.py", "from socwidgets.analysis.fit import fit_map", "(up)"),
        ("model/a.py", "def f():\n    import socwidgets.io.tiff", "(up)"),
        ("analysis/a.py", "from socwidgets.heterogeneity import card", "(sideways)"),
        ("analysis/a.py", "from ..techniques import stxm", "(up)"),
        ("analysis/a.py", "from .. import io", "(up)"),
        ("analysis/deep/a.py", "from ... import io", "(up)"),
        ("io/a.py", "from socwidgets import session", "(up)"),
        ("io/a.py", "from socwidgets import open_stack", "(up)"),
        ("io/a.py", "import socwidgets", "(up)"),
        ("widgets/a.py", "from socwidgets.reports.render import page", "(sideways)"),
        ("reports/a.py", "m = importlib.import_module('socwidgets.widgets')", "(sideways)"),
        ("analysis/a.py", "METHODS = {'xanes': 'socwidgets.techniques.xanes'}", "(up)"),
        ("analysis/a.py", "READERS = ('socwidgets.io.als:read_als',)", "(up)"),
        ("jobs.py", "from socwidgets.session import Session", "(sideways)"),
        ("plotting/a.py", "if TYPE_CHECKING:\n    from socwidgets.jobs import Job", "(sideways)"),
        ("attic/a.py", "x = 1", "has no layer"),
    ],
)
def test_a_wrong_import_is_found(tmp_path, where, code, said):
    path = tmp_path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    found = violations(tmp_path)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (
            "analysis/a.py",
            "from socwidgets.model import names\nfrom socwidgets.kernels.lcf import x",
        ),
        ("analysis/a.py", "from . import fit\nfrom .fit import fit_map"),
        ("session/a.py", "from socwidgets.jobs import Job"),
        ("io/a.py", "from socwidgets import __version__\nimport numpy, h5py"),
        ("io/a.py", "import socwidgets_elsewhere"),
        ("io/a.py", "GROUP = 'socwidgets.readers'"),
        ("model/a.py", "'Prose about socwidgets.widgets and how it draws.'"),
        ("cli.py", "from socwidgets.reports import render_report"),
        ("__init__.py", "from socwidgets.widgets.explorer import explore"),
    ],
)
def test_a_right_import_passes(tmp_path, where, code):
    path = tmp_path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    assert violations(tmp_path) == []


def long_files(root: Path) -> list[str]:
    """Source files beyond the alarm, with their length."""
    paths = sorted(root.rglob("*.py"))
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return [f"{p.relative_to(root)}: {n} lines" for p, n in lengths.items() if n > MAX_LINES]


def test_no_file_is_two_concepts():
    assert long_files(ROOT) == []


def test_a_long_file_is_found(tmp_path):
    (tmp_path / "short.py").write_text("x = 1\n" * MAX_LINES, encoding="utf-8")
    (tmp_path / "long.py").write_text("x = 1\n" * (MAX_LINES + 1), encoding="utf-8")
    assert long_files(tmp_path) == ["long.py: 301 lines"]


def circle(root: Path) -> list[str]:
    """Files that import each other in a circle, also where only for the type checker."""
    files = {
        ".".join([PACKAGE, *path.relative_to(root).with_suffix("").parts]): path
        for path in root.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        graph[name] = found & set(files)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_files_import_each_other_in_a_circle():
    assert circle(ROOT) == []


def test_a_circle_is_found(tmp_path):
    (tmp_path / "one.py").write_text(f"from {PACKAGE} import two\n")
    (tmp_path / "two.py").write_text(
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {PACKAGE}.one import x\n"
    )
    assert {name.rpartition(".")[2] for name in circle(tmp_path)} == {"one", "two"}
