"""Figures of the review: made by the real chain, near the truth, with direction in words."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.plotting import alt_text
from socwidgets.plotting.review import Number, check_figures, review_figure
from socwidgets.plotting.review.model import words_of

#: The quick ones; all of them are made and compared by the notebooks of the gallery.
QUICK = ("1", "7d", "15f-h", "26a-d", "26e", "27c")


@pytest.mark.parametrize("name", QUICK)
def test_figure_is_complete_and_near_the_truth(name):
    made = review_figure(name, seed=1)
    assert isinstance(made.figure, Figure)
    assert len(alt_text(made.figure)) > 40
    assert "Phantom" in made.caption
    assert made.data
    assert all(len(frame) for frame in made.data.values())
    assert made.numbers
    for label, number in made.numbers.items():
        assert np.isfinite(number.value) or np.isfinite(number.truth), label
        if np.isfinite(number.pull):
            assert abs(number.pull) < 5, (label, number, number.truth)
    assert set(made.table().columns) >= {"value", "sigma", "truth", "pull"}


def test_unknown_figures_are_refused():
    with pytest.raises(ParameterError, match="did you mean '7c'"):
        review_figure("7cc")
    with pytest.raises(ParameterError, match="unknown colors"):
        review_figure("7d", colors="rainbow")


def test_names_may_be_written_as_in_the_text():
    assert review_figure("Fig. 7d", seed=2).name == "7d"


def test_numbers_are_printed_to_the_digits_they_have():
    assert words_of(0.50321, 0.0018) == "0.5032 ± 0.0018"
    assert words_of(8352.2, 0.21) == "8352.20 ± 0.21"
    assert words_of(float("nan")) == "–"
    assert str(Number(1.5, unit="eV")) == "1.5 eV"
    assert Number(1.0, 0.9, 0.05).pull == pytest.approx(2.0)


def test_a_number_far_from_its_truth_is_found():
    made = review_figure("1", seed=1)
    assert "3 numbers of 1 figures" in check_figures(made)
    numbers = {**made.numbers, "share, layer": Number(0.9, 0.625, 0.01)}
    wrong = replace(made, numbers=numbers)
    with pytest.raises(DataError, match=r"Fig\. 1: share, layer"):
        check_figures(wrong)
    with pytest.raises(DataError, match="no number to compare"):
        check_figures(replace(made, numbers={"x": Number(1.0)}))
