"""The page stands alone, says what the numbers say, and can be read without seeing it."""

import base64
import re
from html.parser import HTMLParser

import pytest
from patience import PATIENCE_S

from socwidgets.reports.render import command_line
from socwidgets.reports.summary import HEADLINE, TRUTH_HEADLINE
from socwidgets.reports.words import chance, chance_value, with_uncertainty

#: Attributes that make a browser fetch something.
FETCHING = {"src", "href", "srcset", "data", "action", "poster", "background", "formaction"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched, self.images, self.text, self.ids = [], [], [], [], []
        self.frames = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in FETCHING]
        self.ids += [values["id"]] if "id" in values else []
        if tag == "iframe":
            self.frames.append(values)
        if tag == "img":
            self.images.append(values)

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def source(phantom_report):
    return phantom_report.paths["html"].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def test_nothing_is_fetched(page, source):
    assert not {"script", "object", "embed", "base"} & set(page.tags)
    assert page.tags.count("iframe") == 1  # the interactive map, whose text is in the page
    (frame,) = page.frames
    assert set(frame) <= {"class", "title", "sandbox", "style", "srcdoc"}
    assert frame["sandbox"] == "allow-scripts"
    assert all(v.startswith(("data:", "#")) for v in page.fetched)
    style = source[source.index("<style>") : source.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in source


def test_links_inside_the_page_lead_somewhere(page):
    inside = {v[1:] for v in page.fetched if v.startswith("#")}
    assert inside
    assert inside <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_every_picture_has_words_and_is_sharp(page):
    assert len(page.images) >= 9
    for image in page.images:
        assert len(image["alt"]) > 30
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
        width = int.from_bytes(data[16:20], "big")
        assert width == pytest.approx(2 * int(image["width"]), abs=2)


def test_the_page_says_the_numbers_of_the_file(page, phantom_report):
    words = " ".join(" ".join(page.text).split())
    numbers = phantom_report.results["numbers"]
    for name in (*HEADLINE, *TRUTH_HEADLINE):
        number = numbers[name]
        shown = with_uncertainty(
            number["value"],
            float("nan") if number["std"] is None else number["std"],
            number["unit"],
        )
        assert number["label"] in words
        assert " ".join(shown.split()) in words
    assert phantom_report.results["verdict"] in words
    for text in phantom_report.results["warnings"]:
        assert " ".join(text.split()) in words


def test_all_sections_are_there(page):
    wanted = {
        "headline", "warnings", "map", "distribution", "spectra", "quality", "card", "inputs",
        "reproduce",
    }  # fmt: skip
    assert wanted <= set(page.ids)
    words = " ".join(page.text)
    assert "simulate_stxm" in words
    assert "steps.open_inputs(p)" in words


def test_text_of_the_user_is_escaped(page, source):
    assert "<b>title</b>" not in source
    assert "A <b>title</b> & more" in "".join(page.text)


def test_the_command_makes_the_same_report(page, phantom_report):
    import shlex

    from socwidgets.cli import build_parser
    from socwidgets.cli.values import parameters_of
    from socwidgets.reports.parameters import SocMapReport

    command = command_line("soc_map", phantom_report.results["parameters"])
    assert command in "".join(page.text)
    chosen = build_parser().parse_args(shlex.split(command)[1:])
    given = SocMapReport.from_mapping(parameters_of(chosen))
    made = SocMapReport.from_mapping(phantom_report.results["parameters"])
    assert given == made


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_asks_for_nothing_and_shows_all(
    phantom_report,
    chromium_browser,
    artifacts,
    width,
):
    page = chromium_browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(1000 * PATIENCE_S)
    try:
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(phantom_report.paths["html"].resolve().as_uri())
        page.wait_for_load_state()
        others = [url for url in asked[1:] if not url.startswith(("data:", "about:srcdoc"))]
        assert others == []
        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
        assert page.evaluate(broken) == 0
        small = "[...document.images].filter(i => i.clientWidth > innerWidth).length"
        assert page.evaluate(small) == 0
        ratio = (
            "[...document.images].map("
            "i => i.clientWidth / i.clientHeight * i.naturalHeight / i.naturalWidth)"
        )
        assert all(r == pytest.approx(1, abs=0.02) for r in page.evaluate(ratio))
        page.screenshot(path=artifacts / f"report_{width}.png", full_page=True)
    finally:
        page.close()


def test_no_path_of_the_working_folder_is_on_the_page(source):
    assert not re.search(r"\.part\b", source)


@pytest.mark.parametrize(
    ("p", "cell", "sentence"),
    [
        (0.000999, "< 0.001", "p < 0.001"),
        (0.001, "0.001", "p = 0.001"),
        (0.0314, "0.031", "p = 0.031"),
        (1.0, "1", "p = 1"),
        (float("nan"), "not available", "p = not available"),
    ],
)
def test_a_chance_below_a_thousandth_is_only_that(p, cell, sentence):
    assert (chance_value(p), chance(p)) == (cell, sentence)
