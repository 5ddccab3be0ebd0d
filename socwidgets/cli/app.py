"""The command line: reports, the demo, and JupyterLab on a copy of the first notebook.

Exit codes: 0 done, 2 an error that the message explains, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from socwidgets.cli.output import print_paths, show_progress
from socwidgets.cli.report import add_report
from socwidgets.model.errors import OutputError, SocwidgetsError
from socwidgets.model.provenance import package_version

ERROR, INTERRUPTED = 2, 130
START_NOTEBOOK = "00_start_here.ipynb"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    if not hasattr(chosen, "run"):
        parser.print_help()
        return ERROR
    try:
        return chosen.run(chosen) or 0
    except SocwidgetsError as error:
        if chosen.debug:
            raise
        print(f"socwidgets: {error}", file=sys.stderr)
        return ERROR
    except BrokenPipeError:
        # Whoever read our output has enough (``| head``); Python must not flush to them at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("socwidgets: interrupted, nothing was left half-written", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="socwidgets", description="State-of-charge maps, and how heterogeneous they are."
    )
    parser.add_argument("--version", action="version", version=f"socwidgets {package_version()}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_report(commands.add_parser("report", help="list, describe, run or copy a report"))
    demo = commands.add_parser("demo", help="run the main report on a phantom with known truth")
    demo.add_argument("-o", "--out", default="demo-output", help="output folder (%(default)s)")
    demo.set_defaults(run=_demo)
    lab = commands.add_parser("lab", help="open JupyterLab on a copy of the first notebook")
    lab.add_argument("-o", "--out", default="my-notebooks", help="folder of the copy (%(default)s)")
    lab.add_argument("jupyter", nargs="*", help="options for jupyter lab, after --")
    lab.set_defaults(run=_lab)
    return parser


def _demo(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import run_report

    print("Simulating an STXM stack of LiFePO4/FePO4 particles and mapping its state of charge ...")
    done = run_report("soc_map", {}, chosen.out, progress=show_progress)
    values = {name: number["value"] for name, number in done.results["numbers"].items()}
    print(f"\n{done.results['verdict']}\n")
    print(f"Recovered against the known truth, {values['n_usable']:.0f} pixels:")
    print(f"  mean error of the SOC      {values['truth_bias']:+.4f}   (wanted: below 0.01)")
    print(f"  rms error over predicted   {values['truth_ratio']:.3f}     (wanted: below 1.3)")
    print(f"  sd of (found - true)/sigma {values['truth_pull_sd']:.3f}     (wanted: 0.9 to 1.1)\n")
    print_paths(done.paths)
    print(f"\nOpen {(done.paths['html']).resolve().as_uri()} in a browser.")
    print("The linked explorer on the same phantom:  socwidgets lab")
    return 0


def _lab(chosen: argparse.Namespace) -> int:
    notebook = Path(chosen.out) / START_NOTEBOOK
    if not notebook.exists():
        _copy_start(notebook)
        print(f"copied the first notebook to {notebook}")
    command = [sys.executable, "-m", "jupyter", "lab", str(notebook), *chosen.jupyter]
    return subprocess.call(command)


def _copy_start(notebook: Path) -> None:
    """Copy the first notebook, from the package or from the checkout that it runs in."""
    inside = resources.files("socwidgets.reports") / "templates" / START_NOTEBOOK
    beside = Path(__file__).resolve().parents[2] / "notebooks" / START_NOTEBOOK
    source = next((place for place in (inside, beside) if place.is_file()), None)
    if source is None:
        raise OutputError(
            "the first notebook is not installed",
            expected=f"{START_NOTEBOOK} in the package or in notebooks/",
            fix="take it from the project's repository",
        )
    try:
        notebook.parent.mkdir(parents=True, exist_ok=True)
        with resources.as_file(source) as path:
            shutil.copyfile(path, notebook)
    except OSError as error:
        raise OutputError(
            f"cannot write {notebook}", found=str(error), fix="choose another folder with -o"
        ) from None
