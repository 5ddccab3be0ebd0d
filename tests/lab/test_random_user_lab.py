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
