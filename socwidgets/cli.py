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
from typing import Any

from socwidgets.model.errors import OutputError, ParameterError, SocwidgetsError
from socwidgets.model.provenance import package_version

ERROR, INTERRUPTED = 2, 130
START_NOTEBOOK = "00_start_here.ipynb"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = _parser()
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
    except KeyboardInterrupt:
        print("socwidgets: interrupted, nothing was left half-written", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="socwidgets", description="State-of-charge maps, and how heterogeneous they are."
    )
    parser.add_argument("--version", action="version", version=f"socwidgets {package_version()}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_report(commands.add_parser("report", help="list, describe, run or copy a report"))
    demo = commands.add_parser("demo", help="run the main report on a phantom with known truth")
    demo.add_argument("-o", "--out", default="demo-output", help="output folder (%(default)s)")
    demo.set_defaults(run=_demo)
    lab = commands.add_parser("lab", help="open JupyterLab on a copy of the first notebook")
    lab.add_argument("-o", "--out", default="my-notebooks", help="folder of the copy (%(default)s)")
    lab.add_argument("jupyter", nargs="*", help="options for jupyter lab, after --")
    lab.set_defaults(run=_lab)
    return parser


def _add_report(report: argparse.ArgumentParser) -> None:
    actions = report.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="names of the report templates")
    listing.set_defaults(run=_list)
    params = actions.add_parser("params", help="parameters of a template")
    params.add_argument("name", help="template")
    params.set_defaults(run=_params)
    run = actions.add_parser("run", help="run a template and write its report")
    run.add_argument("name", help="template")
    _add_parameters(run)
    run.add_argument("-o", "--out", required=True, help="output folder")
    run.add_argument(
        "--to",
        default="html,json,executed,bundle",
        help="some of html, json, executed, bundle, notebook; 'notebook' is a copy with these "
        "parameters to edit, and alone runs nothing (default: %(default)s)",
    )
    run.add_argument("-q", "--quiet", action="store_true", help="no progress")
    run.set_defaults(run=_run)
    copy = actions.add_parser("copy", help="copy a template's notebook to edit")
    copy.add_argument("name", help="template")
    copy.add_argument("dest", nargs="?", help="folder or name of the copy (default: here)")
    _add_parameters(copy)
    copy.set_defaults(run=_copy)


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-p", dest="pairs", action="append", default=[], metavar="NAME=VALUE",
        help="one parameter; may be repeated, and wins over -f",
    )  # fmt: skip
    parser.add_argument("-f", dest="file", metavar="FILE", help="YAML file with parameters")


def _parameters(chosen: argparse.Namespace) -> dict[str, Any]:
    values = {} if chosen.file is None else _from_yaml(Path(chosen.file))
    for pair in chosen.pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(
                f"this is no parameter: {pair!r}", expected="NAME=VALUE", fix="-p stack=scan.hdr"
            )
        values[name.strip()] = value
    return values


def _from_yaml(path: Path) -> dict[str, Any]:
    import yaml

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


def _list(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import list_templates

    for name, title in list_templates().items():
        print(f"{name:12} {title}")
    return 0


def _params(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import template_parameters
    from socwidgets.reports.words import parameter_text

    for name, spec in template_parameters(chosen.name).items():
        default = parameter_text(spec["default"]) or "empty"
        unit = f" {spec['unit']}" if spec["unit"] else ""
        print(f"{name} ({spec['type']}, default {default}{unit})")
        if spec["choices"]:
            print(f"    one of {', '.join(spec['choices'])}")
        print(f"    {spec['help']}")
    return 0


def _run(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import run_report

    progress = None if chosen.quiet else _show_progress
    done = run_report(chosen.name, _parameters(chosen), chosen.out, chosen.to, progress)
    if done.results:
        print(done.results["title"])
        print(f"  {done.results['verdict']}")
    _print_paths(done.paths)
    return 0


def _copy(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import copy_template

    print(copy_template(chosen.name, chosen.dest, _parameters(chosen)))
    return 0


def _demo(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import run_report

    print("Simulating an STXM stack of LiFePO4/FePO4 particles and mapping its state of charge ...")
    done = run_report("soc_map", {}, chosen.out, progress=_show_progress)
    values = {name: number["value"] for name, number in done.results["numbers"].items()}
    print(f"\n{done.results['verdict']}\n")
    print(f"Recovered against the known truth, {values['n_usable']:.0f} pixels:")
    print(f"  mean error of the SOC      {values['truth_bias']:+.4f}   (wanted: below 0.01)")
    print(f"  rms error over predicted   {values['truth_ratio']:.3f}     (wanted: below 1.3)")
    print(f"  sd of (found - true)/sigma {values['truth_pull_sd']:.3f}     (wanted: 0.9 to 1.1)\n")
    _print_paths(done.paths)
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
    beside = Path(__file__).resolve().parents[1] / "notebooks" / START_NOTEBOOK
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


def _show_progress(done: int, total: int) -> None:
    """One line that is overwritten on a terminal, and nothing in a log file.

    A program that runs the command asks for the lines with ``SOCWIDGETS_PROGRESS=1``.
    """
    if os.environ.get("SOCWIDGETS_PROGRESS") == "1":
        print(f"step {done} of {total}", file=sys.stderr, flush=True)
    elif sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r  step {done} of {total}", end=end, file=sys.stderr, flush=True)


def _print_paths(paths: Any) -> None:
    words = {
        "html": "report", "json": "numbers", "executed": "executed notebook",
        "bundle": "bundle (netCDF)", "notebook": "notebook to edit",
    }  # fmt: skip
    for kind, path in paths.items():
        print(f"  {words[kind]:18} {os.path.normpath(path)}")


if __name__ == "__main__":
    sys.exit(main())
