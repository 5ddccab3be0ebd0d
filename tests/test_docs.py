"""The site builds without a warning; its pages lead somewhere."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
QUANTITIES = sorted((DOCS / "quantities").glob("*.md"))
FIELDS = ["Units", "Function", "Assumes", "Uncertainty", "Golden number", "Source"]


@pytest.mark.parametrize("path", PAGES + QUANTITIES, ids=lambda p: p.name)
def test_a_page_has_one_title_and_its_links_and_pictures_exist(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    absent = [target for target in targets if not (path.parent / target).exists()]
    assert absent == []


def test_every_page_has_a_place_in_the_index():
    listed = (DOCS / "index.md").read_text(encoding="utf-8").split("```{toctree}")[1:]
    names = {line for part in listed for line in part.split("```")[0].split()}
    assert {path.stem for path in PAGES} - {"index"} <= names


@pytest.mark.parametrize("path", QUANTITIES, ids=lambda p: p.stem)
def test_a_quantity_has_its_equation_its_fields_and_functions_that_exist(path):
    text = path.read_text(encoding="utf-8")
    assert re.search(r"\$\$.+?\$\$", text, re.DOTALL)
    assert re.findall(r"^:([A-Z][^:]+):", text, re.MULTILINE) == FIELDS
    for name in re.findall(r"`~(socwidgets[^`]+)`", text):
        module, _, function = name.rpartition(".")
        assert callable(getattr(import_module(module), function))
    assert f"quantities/{path.stem}" in (DOCS / "quantities.md").read_text(encoding="utf-8")


def test_golden_numbers_of_the_pages_are_tested():
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py")
    )
    found = {f"G-{n}" for n in re.findall(r"(?:G-|[gG])(\d\d)", tests)}
    pages = "".join(path.read_text(encoding="utf-8") for path in QUANTITIES)
    assert set(re.findall(r"G-\d\d", pages)) <= found


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
    for path in PAGES + QUANTITIES:
        assert (site / path.relative_to(DOCS).with_suffix(".html")).is_file()
    kappa = (site / "quantities" / "kappa.html").read_text(encoding="utf-8")
    assert "<math" in kappa
    assert '<script src="http' not in kappa
    functions = (site / "api" / "reports.html").read_text(encoding="utf-8")
    assert "run_report" in functions
    # The comment of a constant, with a colon in it, is no type and a rest.
    assert "Seconds that printing may take: a page is a few MB of pictures." in functions
    assert ">Type<" not in functions
    index = (site / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{path.stem}.html"' in index for path in PAGES if path.stem != "index")
