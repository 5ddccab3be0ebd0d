"""A thousand random actions on an explorer: errors, lost regions, dead views, memory.

``python tests/studies/scripted_user_study.py [--actions 1000] [--seeds 1 2 3]`` writes the table of
docs/widget_robustness.md.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from ipywidgets.widgets.widget import _instances  # noqa: E402
from scripted_user import User  # noqa: E402

PAGE = """# What the explorer survives

`python tests/studies/scripted_user_study.py` acts at random on an explorer of 96 x 128 pixels and
26 energies: drawing, dragging, painting, growing, brushing, deleting, undoing, choosing maps and
frames, fitting, cancelling, dragging the window of the fit; one action in three beside another one
in a second thread, as a kernel does that is busy with a cell. Memory is that of the process after
300 actions (caches and the history of undo are full then) and at the end, with all regions
deleted.

| seed | actions | errors, lost regions, dead views | widgets, before, after | MB | growth | time |
|---|---|---|---|---|---|---|
{rows}
"""


def memory_mb() -> float:
    """Resident memory of this process now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def settle(user: User) -> None:
    """Finish what runs, delete the regions."""
    found = user.problems()
    if found:
        print("\n".join(found[:5]))
    user.session.clear_rois()


def main() -> None:
    """Run and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        user = User(seed)
        start = time.perf_counter()
        user.act(300)
        settle(user)
        models, before = len(_instances), memory_mb()
        user.act(options.actions)
        found = user.problems()
        user.session.clear_rois()
        after = memory_mb()
        took = time.perf_counter() - start
        rows.append(
            f"| {seed} | {options.actions} | {len(found)} | {models}, {len(_instances)} | "
            f"{before:.0f}, {after:.0f} | {100 * (after / before - 1):+.1f} % | {took:.0f} s |"
        )
        print(rows[-1], *found[:5], sep="\n", flush=True)
        user.close()
    (ROOT / "docs" / "widget_robustness.md").write_text(
        PAGE.format(rows="\n".join(rows)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
