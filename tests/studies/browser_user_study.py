"""A thousand random actions with mouse and keyboard in a real JupyterLab.

``python tests/studies/browser_user_study.py [--actions 1000] [--seed 1]`` prints one row of the
table in docs/widget_robustness.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from browser_user import BrowserUser  # noqa: E402
from lab_page import SETUP, LabPage  # noqa: E402
from lab_server import lab_and_browser  # noqa: E402

#: Actions before memory is looked at for the first time: caches and undo are full then.
WARM = 150
MEMORY = (
    "(__import__('gc').collect(), int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6)[1]"
)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=520, help="stop after this time")
    options = parser.parse_args()
    with lab_and_browser() as (lab, browser):
        lab.write_notebook("user.ipynb", SETUP)
        page = LabPage(lab, browser, "user.ipynb")
        page.run_all()
        probe = page.context.new_cdp_session(page.page)
        user, found = BrowserUser(page, options.seed), []
        start = time.monotonic()

        def memory() -> tuple[float, float]:
            probe.send("HeapProfiler.collectGarbage")
            heap = probe.send("Runtime.getHeapUsage")["usedSize"] / 1e6
            return page.ask(MEMORY), heap

        # Compiled code of a method is loaded once and stays: no matter of actions.
        for method in page.ask("[v for _, v in explorer.job_bar.method.options]"):
            page.tell(f"session.set_method({method!r}); session.start_fit().wait(200)", 210)
        page.tell("session.set_method('lcf'); session.start_fit().wait(30)")
        user.act(WARM)
        found += user.problems()
        before = memory()
        while user.count < WARM + options.actions:
            user.act(50)
            if time.monotonic() > start + options.seconds:
                break
        found += user.problems()
        after = memory()
        took = time.monotonic() - start
        growth = [f"{100 * (b / a - 1):+.1f} %" for a, b in zip(before, after, strict=True)]
        print(f"| {options.seed} | {user.count} | {len(found)} | "
              f"{before[0]:.0f}, {after[0]:.0f} ({growth[0]}) | "
              f"{before[1]:.0f}, {after[1]:.0f} ({growth[1]}) | {took:.0f} s |")  # fmt: skip
        print(*found[:8], sep="\n")
        page.end()


if __name__ == "__main__":
    main()
