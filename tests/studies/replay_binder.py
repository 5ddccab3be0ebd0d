"""Replay what Binder does with this repository: python tests/studies/replay_binder.py [-k FOLDER].

A clean copy of the tracked files, a new environment of the Python in ``binder/runtime.txt``, the
pinned packages, ``binder/postBuild``, then JupyterLab's server and the first notebook, twice: the
second time is what a visitor meets (the kernels are compiled). Prints what it measured and fails if
the server and the kernel together need more than 800 MB, or the first map more than 10 s.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "00_start_here.ipynb"
MEGABYTES, FIRST_MAP_S = 800.0, 10.0
_SERVER_S = 60


def copy_tracked(target: Path) -> None:
    """Copy the files that git tracks, as they are in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def find_python(version: str) -> str:
    """Interpreter of the version that Binder takes.

    Raises
    ------
    SystemExit
        If there is none.
    """
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    for name in (os.environ.get("PYTHON"), f"python{version}", "python3", sys.executable):
        if not name or not shutil.which(name):
            continue
        done = subprocess.run([name, "-c", probe], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return name
    raise SystemExit(f"no Python {version} was found; name one: PYTHON=/path/to/python{version}")


def build(tree: Path, venv: Path) -> dict[str, str]:
    """Install as repo2docker does; returns the environment of a shell in the image."""
    version = (tree / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    subprocess.run([find_python(version), "-m", "venv", str(venv)], check=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JUPYTER"))}
    home = venv.parent / "home"
    home.mkdir()
    path = f"{venv / 'bin'}{os.pathsep}{kept['PATH']}"
    inside = {**kept, "PATH": path, "HOME": str(home), "VIRTUAL_ENV": str(venv)}
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    subprocess.run([*pip, "-r", "binder/requirements.txt"], cwd=tree, env=inside, check=True)
    subprocess.run(["bash", "binder/postBuild"], cwd=tree, env=inside, check=True)
    return inside


def server_mb(tree: Path, inside: dict[str, str]) -> float:
    """Memory of JupyterLab's server once it answers, MB."""
    command = ["jupyter", "lab", "--no-browser", "--allow-root", "--port=0", "--ServerApp.token="]
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(command, cwd=tree, env=inside, stdout=log, stderr=log)
        try:
            until = time.monotonic() + _SERVER_S
            while time.monotonic() < until:
                log.seek(0)
                if "is running at" in log.read():
                    time.sleep(3)
                    return psutil.Process(server.pid).memory_info().rss / 1e6
                if server.poll() is not None:
                    break
                time.sleep(0.5)
            log.seek(0)
            raise SystemExit(f"JupyterLab's server did not start:\n{log.read()}")
        finally:
            server.terminate()
            server.wait(timeout=30)


def main() -> int:
    """Build, run, measure; 1 if a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", "--keep", type=Path, help="build in this new folder and keep it")
    chosen = parser.parse_args()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="binder-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tree = folder / "tree"
        copy_tracked(tree)
        began = time.monotonic()
        inside = build(tree, folder / "venv")
        print(f"built in {time.monotonic() - began:.0f} s", flush=True)
        server = server_mb(tree, inside)
        command = ["python", "tests/studies/notebook_cost.py", "--json", f"notebooks/{NOTEBOOK}"]
        costs = [
            json.loads(
                subprocess.run(
                    command, cwd=tree, env=inside, check=True, capture_output=True, text=True
                ).stdout
            )
            for _ in range(2)
        ]
    finally:
        if chosen.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    peak = server + max(cost["peak_mb"] for cost in costs)
    first, warm = (cost["first_map_s"] for cost in costs)
    print(f"server {server:.0f} MB; server and kernel at their peak {peak:.0f} MB")
    print(f"first map {first:.1f} s in the first kernel, {warm:.1f} s in the second")
    print(f"of these {costs[1]['first_map_cpu_s']:.1f} s of processor in the second")
    print(f"whole notebook {costs[1]['seconds']:.0f} s")
    return int(peak > MEGABYTES or warm > FIRST_MAP_S)


if __name__ == "__main__":
    raise SystemExit(main())
