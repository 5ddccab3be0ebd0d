"""The site builds without a warning; its pages lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_a_page_has_one_title_and_its_links_and_pictures_exist(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    absent = [target for target in targets if not (DOCS / target).exists()]
    assert absent == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    """All pages, and the functions of one room; `make docs` builds those of every room."""
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q",
         "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "site")],
        capture_output=True, text=True, env={**os.environ, "SOCWIDGETS_DOCS_ROOMS": "reports"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    for path in PAGES:
        assert (site / f"{path.stem}.html").is_file()
    assert "run_report" in (site / "api" / "reports.html").read_text(encoding="utf-8")
    index = (site / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{path.stem}.html"' in index for path in PAGES if path.stem != "index")
