"""A short random user with a real mouse; the long one is tests/studies/browser_user_study.py."""

from __future__ import annotations

import pytest
from browser_user import BrowserUser
from lab_page import SETUP, LabPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_forty_random_actions_leave_every_view_alive(lab, chromium_browser):
    lab.write_notebook("user.ipynb", SETUP)
    page = LabPage(lab, chromium_browser, "user.ipynb")
    page.run_all()
    user = BrowserUser(page, seed=7)
    user.act(40)
    assert user.problems() == []
    page.end()


def test_regions_that_come_and_go_leave_nothing_in_the_page(lab, chromium_browser):
    """Views keep the marks and rows they made: what a browser is told to drop, it half keeps."""
    lab.write_notebook("user.ipynb", SETUP)
    page = LabPage(lab, chromium_browser, "user.ipynb")
    page.run_all()
    probe = page.context.new_cdp_session(page.page)

    def nodes() -> int:
        page.page.wait_for_timeout(500)
        probe.send("HeapProfiler.collectGarbage")
        return int(probe.send("Memory.getDOMCounters")["nodes"])

    counts = []
    for _ in range(3):
        for x in range(4):
            page.tell(f"session.add_roi(Rectangle({x}, 1, {x + 1}, 2))")
        page.wait_painted()
        page.tell("session.clear_rois()")
        page.wait_painted()
        counts.append(nodes())
    # 265 nodes for each region, while marks were taken out and put in again: 1060 each time. What
    # a busy browser has not let go yet goes in a while.
    page.wait(lambda: min(counts[2], nodes()) - counts[0] < 200)
    page.end()
