"""Fixtures of the widget tests."""

from __future__ import annotations

# pytest puts the folder of tests/conftest.py on the path.
from browser import artifacts, chromium_browser, chromium_page  # noqa: F401
