"""Scree of a stack with two planted components."""

import numpy as np
import pytest

from socwidgets.analysis.decomposition import pca
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.plotting.scree import scree_figure
from socwidgets.plotting.style import alt_text


def test_the_number_above_the_noise_is_said(rng):
    axis = np.linspace(700, 730, 30)
    shapes = np.stack([np.exp(-((axis - c) ** 2) / 8) for c in (708, 716)])
    amounts = rng.random((2, 30, 30))
    signal = np.einsum("kyx,ke->eyx", amounts, shapes) + rng.normal(0, 0.02, (30, 30, 30))
    found = pca(make_stack(signal, axis, quantity="optical_density"))
    figure = scree_figure(found, title="Scree")
    assert "2 above the noise" in alt_text(figure)
    left, right = figure.axes
    words = [text.get_text() for text in left.get_legend().get_texts()]
    assert words[0] == "above the noise: 2"
    assert right.get_xlabel() == "Photon energy (eV)"
    with pytest.raises(DataError, match="no principal component"):
        scree_figure(found.drop_vars("eigenvalue"))
