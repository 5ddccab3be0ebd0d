"""Series against charge."""

import numpy as np
import pytest

from socwidgets.model.errors import DataError
from socwidgets.plotting.series import series_figure
from socwidgets.plotting.style import alt_text


def test_one_panel_per_quantity_and_one_marker_per_place():
    q = np.linspace(0, 1.6, 20)[:, None] * np.ones((1, 2))
    figure = series_figure(
        q, {"Energy (eV)": 8345 + q, "Fraction": q / 1.6}, ["left", "right"],
        lines={"Fraction": q / 1.6}, title="Charge",
    )  # fmt: skip
    assert len(figure.axes) == 2
    assert [len(axes.lines) for axes in figure.axes] == [2, 4]
    assert "Energy (eV) from 8345 to 8347" in alt_text(figure)
    with pytest.raises(DataError, match="does not fit the charge"):
        series_figure(q, {"Energy (eV)": q[:3]}, ["left", "right"])
