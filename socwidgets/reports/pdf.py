"""PDF of a report's page, printed by a Chromium where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from socwidgets.model.errors import ParameterError, ReportError

#: Names under which a Chromium may be found; ``SOCWIDGETS_CHROMIUM`` names one by its path.
BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
)  # fmt: skip
VARIABLE = "SOCWIDGETS_CHROMIUM"
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_CLOSED = re.compile(r"<details(?![^>]*\bopen\b)")
#: Seconds that printing may take: a page is a few MB of pictures.
TIMEOUT_S = 120


def find_chromium() -> str | None:
    """Path of a Chromium, Chrome or Edge; None where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return named if os.access(named, os.X_OK) else None
    found = (shutil.which(name) for name in BROWSERS)
    places = (place for place in _PLACES if os.access(place, os.X_OK))
    return next((path for path in (*found, *places) if path), None)


def require_chromium() -> str:
    """Path of a Chromium.

    Raises
    ------
    ParameterError
        If there is none, before any work is done for a PDF that cannot be made.
    """
    path = find_chromium()
    if path is None:
        raise ParameterError(
            "a PDF needs a browser to print it",
            expected="Chromium, Chrome or Edge on the PATH",
            found="none",
            fix=f"install one, name it in the variable {VARIABLE}, or leave pdf out and print the "
            "HTML page by hand",
        )
    return path


def print_pdf(page: Path, pdf: Path) -> None:
    """Print an HTML page of this package to PDF.

    Parameters
    ----------
    page : Path
        The page; it loads nothing from a network.
    pdf : Path
        The file to write.

    Raises
    ------
    ParameterError
        If there is no browser.
    ReportError
        If the browser fails or takes too long.
    """
    browser = require_chromium()
    with tempfile.TemporaryDirectory(prefix="socwidgets-") as profile:
        opened = Path(profile) / "page.html"
        # Paper has no click: parameters and provenance are printed open.
        opened.write_text(_CLOSED.sub("<details open", page.read_text("utf-8")), encoding="utf-8")
        command = [
            browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--disable-dev-shm-usage", "--no-pdf-header-footer", f"--user-data-dir={profile}",
            f"--print-to-pdf={pdf.resolve()}", opened.as_uri(),
        ]  # fmt: skip
        # A browser refuses its sandbox to root (containers); the page is our own and loads nothing.
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S,
                check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReportError(f"{browser} could not print the page", found=str(error)) from None
    if done.returncode or not pdf.is_file() or not pdf.stat().st_size:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ReportError(
            f"{browser} could not print the page",
            found=lines[-1] if lines else f"exit code {done.returncode}",
            fix="print the HTML page from a browser by hand",
        )
