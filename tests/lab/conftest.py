"""A real JupyterLab with its own kernel, driven by a headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# pytest puts the folder of tests/conftest.py on the path.
from browser import artifacts, chromium_browser  # noqa: F401
from lab_server import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium_browser) -> Iterator[Lab]:  # noqa: F811
    """One server for the whole session; after the browser, so that a skip comes first."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    server.wait()
    yield server
    server.stop()
