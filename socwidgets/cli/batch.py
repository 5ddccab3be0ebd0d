"""``socwidgets report batch``: one report of each scan in a table or folder."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from socwidgets.cli.output import print_paths
from socwidgets.cli.values import add_parameters, parameters_of

#: Exit code of a batch in which a scan failed: the others are there all the same.
SOME_FAILED = 1
BAR = 28


def add_batch(batch: argparse.ArgumentParser) -> None:
    """Add the options of ``socwidgets report batch``."""
    batch.add_argument("name", help="template")
    batch.add_argument(
        "source",
        help="a CSV table (columns are parameters, 'name' names the scan; file names start in its "
        "folder) or a folder of scans",
    )
    add_parameters(batch)
    batch.add_argument("-o", "--out", required=True, help="folder of the batch")
    batch.add_argument(
        "-j", "--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2),
        help="reports at a time (default: half of the processors, %(default)s)",
    )  # fmt: skip
    batch.add_argument(
        "--dask", metavar="ADDRESS", help="run on a dask.distributed cluster that sees the files"
    )
    batch.add_argument(
        "--to",
        default="html,json,executed,bundle,figures",
        help="formats of each report (default: %(default)s)",
    )
    batch.add_argument("-q", "--quiet", action="store_true", help="no progress")
    batch.set_defaults(run=_batch)


def _batch(chosen: argparse.Namespace) -> int:
    from socwidgets.reports.batch import run_batch

    done = run_batch(
        chosen.name,
        chosen.source,
        chosen.out,
        parameters_of(chosen),
        to=chosen.to,
        workers=chosen.jobs,
        dask=chosen.dask,
        progress=None if chosen.quiet else Bar(),
    )
    kept = sum(entry.resumed for entry in done.entries)
    made = len(done.entries) - kept - len(done.failed)
    print(f"{made} reports made, {kept} kept from before, {len(done.failed)} failed")
    for entry in done.failed:
        print(f"  {entry.name}: {entry.error.splitlines()[0]}", file=sys.stderr)
    print_paths({"summary": done.summary, "index": done.index})
    return SOME_FAILED if done.failed else 0


class Bar:
    """Progress bar on a terminal; one line for each scan elsewhere (a log file)."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._made = 0

    def __call__(self, entry: Any, done: int, total: int) -> None:
        """Show that the report of `entry` is finished, the number `done` of `total`."""
        how = "failed" if entry.error else ("kept" if entry.resumed else f"{entry.seconds:.0f} s")
        if not sys.stderr.isatty():
            print(f"  {done}/{total} {entry.name}: {how}", file=sys.stderr, flush=True)
            return
        self._made += not entry.resumed
        filled = BAR * done // total
        text = f"{'#' * filled}{'-' * (BAR - filled)} {done}/{total} {entry.name}: {how}"
        left = total - done
        if left and self._made:
            seconds = (time.monotonic() - self._began) / self._made * left
            text += f", about {seconds / 60:.0f} min left" if seconds > 90 else ""
        end = "" if left else "\n"
        print(f"\r  {text}\x1b[K", end=end, file=sys.stderr, flush=True)
