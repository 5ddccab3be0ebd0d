"""``socwidgets report``: list, describe, run or copy the templates."""

from __future__ import annotations

import argparse

from socwidgets.cli.batch import add_batch
from socwidgets.cli.output import print_paths, show_progress
from socwidgets.cli.values import add_parameters, parameters_of


def add_report(report: argparse.ArgumentParser) -> None:
    """Add the actions of ``socwidgets report``."""
    actions = report.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="names of the report templates")
    listing.set_defaults(run=_list)
    params = actions.add_parser("params", help="parameters of a template")
    params.add_argument("name", help="template")
    params.set_defaults(run=_params)
    run = actions.add_parser("run", help="run a template and write its report")
    run.add_argument("name", help="template")
    add_parameters(run)
    run.add_argument("-o", "--out", required=True, help="output folder")
    run.add_argument(
        "--to",
        default="html,json,executed,bundle,figures",
        help="some of html, json, executed, bundle, figures, pdf, notebook; 'notebook' is a copy "
        "with these parameters to edit, and alone runs nothing (default: %(default)s)",
    )
    run.add_argument("--pdf", action="store_true", help="also print the page to PDF (Chromium)")
    run.add_argument("--dask", metavar="ADDRESS", help="fit the maps on a dask.distributed cluster")
    run.add_argument("-q", "--quiet", action="store_true", help="no progress")
    run.set_defaults(run=_run)
    copy = actions.add_parser("copy", help="copy a template's notebook to edit")
    copy.add_argument("name", help="template")
    copy.add_argument("dest", nargs="?", help="folder or name of the copy (default: here)")
    add_parameters(copy)
    copy.set_defaults(run=_copy)
    add_batch(actions.add_parser("batch", help="one report of each scan in a table or folder"))


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
        unit = f" in {spec['unit']}" if spec["unit"] else ""
        print(f"{name} ({spec['type']}{unit}, default {default})")
        if spec["choices"]:
            print(f"    one of {', '.join(spec['choices'])}")
        print(f"    {spec['help']}")
    return 0


def _run(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import run_report

    progress = None if chosen.quiet else show_progress
    formats = f"{chosen.to},pdf" if chosen.pdf else chosen.to
    done = run_report(
        chosen.name, parameters_of(chosen), chosen.out, formats, progress, dask=chosen.dask
    )
    if done.results:
        print(done.results["title"])
        print(f"  {done.results['verdict']}")
    print_paths(done.paths)
    return 0


def _copy(chosen: argparse.Namespace) -> int:
    from socwidgets.reports import copy_template

    print(copy_template(chosen.name, chosen.dest, parameters_of(chosen)))
    return 0
