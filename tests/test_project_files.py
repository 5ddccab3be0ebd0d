"""Files around the package that must agree with each other: pins, hooks, notebooks."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
BINDER_PYTHON = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()


def _pins() -> dict[str, str]:
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in named}


def test_binder_python_is_one_that_the_project_supports():
    name, version = BINDER_PYTHON.split("-")
    assert name == "python"
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


@pytest.mark.parametrize("wanted", RUNTIME, ids=lambda requirement: requirement.name)
def test_binder_pins_satisfy_the_project(wanted):
    pins = _pins()
    assert canonicalize_name(wanted.name) in pins
    assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)])


def test_binder_pins_are_complete_and_consistent():
    """What a pinned package itself asks for is pinned, too, to a version that it accepts.

    Metadata come from the installed packages; one that is installed in another version than the
    pinned one may ask for other things and is passed over.
    """
    pins = _pins()
    environment = {
        "python_version": BINDER_PYTHON.removeprefix("python-"),
        "python_full_version": BINDER_PYTHON.removeprefix("python-") + ".0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    checked, problems = 0, []
    queue = [(wanted.name, frozenset(wanted.extras)) for wanted in RUNTIME]
    seen = set(queue)
    while queue:
        name, extras = queue.pop()
        try:
            dist = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # one that only the Python of the image needs
        if dist.version != pins.get(canonicalize_name(name)):
            continue
        checked += 1
        for line in dist.requires or ():
            wanted = Requirement(line)
            applies = [{**environment, "extra": extra} for extra in (*extras, "")]
            if wanted.marker and not any(map(wanted.marker.evaluate, applies)):
                continue
            pin = pins.get(canonicalize_name(wanted.name))
            if pin is None or not wanted.specifier.contains(pin, prereleases=True):
                problems.append(f"{name} wants {line}; pinned: {pin}")
            key = (wanted.name, frozenset(wanted.extras))
            if key not in seen:
                seen.add(key)
                queue.append(key)
    if not checked:
        pytest.skip("no package is installed in the version that the Binder image pins")
    assert problems == []


def test_hooks_use_the_tools_of_the_test_extra():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    extras = PROJECT["optional-dependencies"]
    wanted = {r.name: r for r in map(Requirement, [*extras["test"], *extras["docs"]])}
    for hook, tool in (("ruff", "ruff"), ("ruff-format", "ruff"), ("nbstripout", "nbstripout")):
        (pinned,) = map(Requirement, hooks[hook]["additional_dependencies"])
        (pin,) = pinned.specifier
        assert pinned.name == tool
        assert wanted[tool].specifier.contains(pin.version)
    assert re.search(r"^types:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert hooks["mypy"]["entry"].split() == ["make", "--no-print-directory", "types"]


def test_ci_runs_what_the_readme_says():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == "exec make test"
    assert re.search(r"^make demo\b", readme, re.MULTILINE)
    assert re.search(r"^make test\b", readme, re.MULTILINE)


def test_scripts_are_sound_shell():
    for script in (".ci/run", "binder/postBuild", "tests/ensure_chromium.sh"):
        path = ROOT / script
        shell = "bash" if "bash" in path.read_text(encoding="utf-8").splitlines()[0] else "sh"
        done = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    for script in (".ci/run", "binder/postBuild"):
        assert (ROOT / script).stat().st_mode & 0o111, f"{script} must be executable"


def _notebooks() -> list[Path]:
    folders = ("notebooks", "socwidgets", "docs")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def unstripped(path: Path) -> list[str]:
    """Cells of a notebook that hold what a run left: outputs, counters, times."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [(n, cell) for n, cell in enumerate(cells) if cell["cell_type"] == "code"]
    return [
        f"{path.name} cell {n}"
        for n, cell in code
        if cell["outputs"] or cell["execution_count"] is not None or "execution" in cell["metadata"]
    ]


def test_notebooks_are_stripped():
    notebooks = _notebooks()
    assert notebooks
    assert [problem for path in notebooks for problem in unstripped(path)] == []


def test_an_executed_notebook_is_found(tmp_path):
    cell = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [{**cell, "execution_count": 1}]}), encoding="utf-8")
    assert unstripped(path) == ["a.ipynb cell 0"]


def test_binder_badge_opens_a_notebook_that_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (opened,) = re.findall(r"mybinder\.org/v2/gh/[\w/-]+/HEAD\?labpath=([\w%.]+)", readme)
    assert (ROOT / opened.replace("%2F", "/")).is_file()
