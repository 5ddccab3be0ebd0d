"""Wall time and peak memory of notebooks: python tests/studies/notebook_cost.py [NOTEBOOK ...].

Runs each notebook in a kernel of this interpreter, in a throw-away folder, and prints one row of a
Markdown table each. Memory is the largest sum over the kernel and its children, as the system
counts it. ``--json`` prints one line of JSON each instead, with the seconds from the start of the
kernel to the end of the first cell that shows a map, and the processor seconds of the kernel in it
(what the wall clock would say on an idle machine, or less).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
MAP_CELL = "explore("
#: Limits of the project for a notebook, see CONTRIBUTING.md.
SECONDS, MEGABYTES = 60.0, 1000.0
_SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What one notebook takes."""

    name: str
    seconds: float
    cpu_s: float
    peak_mb: float
    first_map_s: float | None
    first_map_cpu_s: float | None


class _Memory:
    """Largest memory of a process and its children, looked at from a thread."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_S):
            total = 0
            try:
                for process in [self._process, *self._process.children(recursive=True)]:
                    total += process.memory_info().rss
            except psutil.Error:
                continue
            self.peak = max(self.peak, total)

    def stop(self) -> float:
        """Stop looking; the peak in MB."""
        self._stop.set()
        self._thread.join()
        return self.peak / 1e6


def _cpu(client: NotebookClient) -> float:
    """Processor seconds that the kernel has taken."""
    spent = psutil.Process(client.km.provisioner.pid).cpu_times()
    return spent.user + spent.system


def measure(path: Path) -> Cost:
    """Run one notebook from top to bottom.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    shows = next((i for i in code if MAP_CELL in notebook.cells[i].source), None)
    first_map = first_map_cpu = None
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        began = time.perf_counter()
        with client.setup_kernel():
            memory = _Memory(client.km.provisioner.pid)
            try:
                for index in code:
                    client.execute_cell(notebook.cells[index], index)
                    if index == shows:
                        first_map = time.perf_counter() - began
                        first_map_cpu = _cpu(client)
                seconds, cpu = time.perf_counter() - began, _cpu(client)
            finally:
                peak = memory.stop()
    return Cost(path.name, seconds, cpu, peak, first_map, first_map_cpu)


def main() -> int:
    """Measure and print; 1 if a notebook takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true", help="one line of JSON for each notebook")
    chosen = parser.parse_args()
    paths = chosen.notebooks or sorted([*FOLDER.glob("*.ipynb"), *FOLDER.glob("*/*.ipynb")])
    too_much = False
    if not chosen.json:
        print(
            "| notebook | seconds | of processor | peak memory (MB) |\n|---|---|---|---|",
            flush=True,
        )
    for path in paths:
        cost = measure(path)
        too_much |= cost.seconds > SECONDS or cost.peak_mb > MEGABYTES
        if chosen.json:
            print(json.dumps(asdict(cost)), flush=True)
        else:
            numbers = (cost.seconds, cost.cpu_s, cost.peak_mb)
            row = (f"`{cost.name}`", *(f"{value:.0f}" for value in numbers))
            print(f"| {' | '.join(row)} |", flush=True)
    return int(too_much)


if __name__ == "__main__":
    raise SystemExit(main())
