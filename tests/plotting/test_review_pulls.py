"""Uncertainties of the figures of the review: what they say is how far the numbers lie off."""

from pathlib import Path

import numpy as np
import pytest
from review_instruments import row

from socwidgets.plotting.review import review_figure

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery.md"


@pytest.mark.parametrize("name", ["1", "15f-h", "26a-d"])
def test_pulls_over_seeds(name):
    made = [review_figure(name, seed=seed) for seed in range(20, 40, 2)]
    pulls = np.array([[number.pull for number in one.numbers.values()] for one in made])
    assert np.isfinite(pulls).all()
    # Thirty or forty pulls, some of which share their noise: known to some 15 %.
    assert 0.6 < np.sqrt(np.mean(pulls**2)) < 1.4
    assert abs(pulls.mean()) < 0.6


def test_lengths_below_facets_are_as_uncertain_as_they_say():
    made = [review_figure("18", seed=seed) for seed in (21, 22, 23, 24)]
    pulls = np.array([[number.pull for number in one.numbers.values()] for one in made])
    # Eight pulls: a root mean square of 1 stays below this in 99.9 % of all cases.
    assert np.sqrt(np.mean(pulls**2)) < 1.8


@pytest.mark.parametrize("name", ["1", "15f-h", "16c", "26a-d", "27c"])
def test_the_page_says_which_instrument_is_used(name):
    assert row(name) in GALLERY.read_text(encoding="utf-8").splitlines()
