"""Fixtures of the widget tests."""

from __future__ import annotations

import sys
from pathlib import Path

# Whether the tests' root is importable depends on how pytest was started.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)

from browser import artifacts, chromium_browser, chromium_page  # noqa: E402, F401
