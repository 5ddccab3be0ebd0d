"""The wheel: complete, and working in an environment that has nothing but the wheel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import socwidgets

ROOT = Path(__file__).parents[1]
# Taken from notebooks/ for users who have no checkout.
START = "socwidgets/reports/templates/00_start_here.ipynb"
# What interpreters and tools leave beside the source.
LEFTOVERS = {".pyc", ".nbi", ".nbc"}


def _run(command: list[str | Path], **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        **options,
    )


def _said(done: subprocess.CompletedProcess) -> str:
    return f"{done.args}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, built with the hatchling of the test environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = _run([*pip_wheel, "--wheel-dir", folder, ROOT])
    assert done.returncode == 0, _said(done)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_whole_package_and_nothing_else(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "socwidgets").rglob("*")
        if path.is_file() and path.suffix not in LEFTOVERS and path.name != ".DS_Store"
    }
    source = {name for name in source if ".ipynb_checkpoints" not in name}
    assert inside == {*source, START}


@pytest.mark.parametrize("kind", [".py", ".js", ".css", ".ipynb", ".j2", ".json"])
def test_wheel_holds_every_kind_of_package_data(wheel, kind):
    """Code in the browser, styles, report templates, pages and registries travel along."""
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("socwidgets/") and name.endswith(kind)]


def test_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {n.split("/")[0] for n in archive.namelist() if ".dist-info/" in n}
        meta = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
        scripts = archive.read(f"{info}/entry_points.txt").decode()
    assert meta["Version"] == socwidgets.__version__
    assert meta["License-Expression"] == "BSD-3-Clause"
    assert meta["Requires-Python"] == "<3.14,>=3.11"
    assert "two commands" in meta.get_payload().lower()  # the README is the long description
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert re.search(r"^socwidgets *= *socwidgets\.cli:main$", scripts, re.MULTILINE)


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory) -> Path:
    """Python of a new environment with the wheel and what it asks for, from the package index."""
    folder = tmp_path_factory.mktemp("clean")
    python = folder / "bin" / "python"
    done = _run([sys.executable, "-m", "venv", folder])
    assert done.returncode == 0, _said(done)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    probe = _run([*pip, "download", "--no-deps", "--dest", folder / "probe", "traitlets"])
    if probe.returncode:
        pytest.skip(f"no package index within reach: {probe.stderr.strip().splitlines()[-1]}")
    done = _run([*pip, "install", "--quiet", "--retries", "10", wheel])
    assert done.returncode == 0, _said(done)
    return python


@pytest.fixture(scope="module")
def clean_run(clean_python, tmp_path_factory):
    """Run a command in the clean environment, with a home and a working folder of its own."""
    home = tmp_path_factory.mktemp("home")
    kept = ("LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
    environment = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        "PATH": f"{clean_python.parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
    }

    def run(*command):
        done = _run([clean_python.parent / command[0], *command[1:]], cwd=home, env=environment)
        assert done.returncode == 0, _said(done)
        return done.stdout

    run.home = home
    return run


@pytest.fixture(scope="module")
def demo(clean_run) -> Path:
    """Output of ``socwidgets demo`` in the clean environment."""
    said = clean_run("socwidgets", "demo", "-o", "out")
    for name in ("report.html", "results.json"):
        assert name in said
    return clean_run.home / "out"


@pytest.mark.slow
def test_the_clean_environment_is_consistent(clean_run, clean_python):
    clean_run("python", "-m", "pip", "check")
    where = clean_run("python", "-c", "import socwidgets; print(socwidgets.__file__)").strip()
    assert Path(where).is_relative_to(clean_python.parents[1])


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel(demo):
    json.loads((demo / "results.json").read_text(encoding="utf-8"))
    assert "<html" in (demo / "report.html").read_text(encoding="utf-8")[:500].lower()


@pytest.mark.slow
def test_the_first_notebook_comes_with_the_wheel(clean_run):
    """``socwidgets lab`` gives users without a checkout a copy; ``--version`` starts no server."""
    clean_run("socwidgets", "lab", "-o", "copies", "--", "--version")
    copied = clean_run.home / "copies" / Path(START).name
    assert copied.read_bytes() == (ROOT / "notebooks" / Path(START).name).read_bytes()


@pytest.mark.slow
def test_the_explorer_opens_from_the_wheel(demo, clean_run):
    """The bundle that the demo left is explored: the browser code comes out of the wheel."""
    (bundle,) = demo.glob("*.nc")
    code = f"""
import json
import socwidgets as soc
from socwidgets.model.roi import Rectangle
tree = soc.open_bundle({str(bundle)!r})
stack, maps = tree["stack"].to_dataset(), tree["soc"].to_dataset()
explorer = soc.explore(stack, maps)
x, y = (float(stack[dim].mean()) for dim in ("x", "y"))
explorer.session.add_roi(Rectangle(x - 1, y - 1, x + 1, y + 1))
print(json.dumps({{
    "esm": len(str(explorer.map_view.map._esm)),
    "mime": sorted(explorer._repr_mimebundle_()),
    "error": str(explorer.session.state.error or ""),
}}))
explorer.close()
"""
    found = json.loads(clean_run("python", "-c", code).splitlines()[-1])
    assert found["esm"] > 1000
    assert "application/vnd.jupyter.widget-view+json" in found["mime"]
    assert found["error"] == ""
