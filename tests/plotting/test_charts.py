import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
import pytest

from socwidgets.plotting import (
    alt_text,
    histogram_figure,
    particle_figure,
    png_bytes,
    spectrum_figure,
)
from socwidgets.plotting.style import CYCLE, INK


def legend_texts(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()]


def test_histogram_counts_every_finite_pixel_once(soc):
    axes = histogram_figure(soc, bins=12).axes[0]
    assert sum(p.get_height() for p in axes.patches) == pytest.approx(1.0, abs=0.01)


def test_histogram_weighs_by_thickness(soc, labels):
    weights = labels.where(labels == 1, 0).astype(float)
    axes = histogram_figure(soc, weights, bins=10).axes[0]
    tallest = max(axes.patches, key=lambda p: p.get_height())
    assert 0.1 < tallest.get_x() < 0.5
    assert axes.get_ylabel() == "share of thickness"


def test_noise_floor_has_the_width_of_the_noise_and_the_numbers_are_those_given(soc):
    figure = histogram_figure(soc, mean=0.5, observed_sd=0.153, noise_sd=0.05, true_sd=0.145)
    axes = figure.axes[0]
    bell = max(axes.get_lines(), key=lambda line: len(line.get_xdata()))
    x, y = bell.get_data()
    above = x[y >= y.max() / 2]
    assert above[-1] - above[0] == pytest.approx(0.05 * 2.3548, rel=0.03)
    assert {"observed sd 0.153", "noise alone, sd 0.05", "corrected sd 0.145"} <= set(
        legend_texts(axes)
    )
    assert "noise-corrected standard deviation 0.145" in alt_text(figure)


@pytest.mark.parametrize("fill", [np.nan, 0.4])
def test_histogram_of_nothing_and_of_one_value(soc, fill):
    png_bytes(histogram_figure(soc * 0 + fill, mean=0.4, noise_sd=0.0), 50)


def test_spectrum_puts_components_on_the_background_and_the_residual_below(fitted):
    figure = spectrum_figure(fitted, title="Particle 1")
    upper, lower = figure.axes
    curves = {line.get_label(): line.get_ydata() for line in upper.get_lines()}
    np.testing.assert_allclose(curves["FP"], (fitted["component_FP"] + fitted["background"]).values)
    np.testing.assert_allclose(curves["fit"], fitted["fit"].values)
    residual = lower.get_lines()[-1].get_ydata()
    np.testing.assert_allclose(residual, fitted["residual"].values)
    low, high = lower.get_ylim()
    assert low == -high < 0
    assert lower.get_xlabel() == "Photon energy (eV)"


def test_spectrum_without_a_fit_has_one_panel_and_a_band(fitted):
    spread = fitted[["data"]].rename(data="mean").assign(std=fitted["data"] * 0 + 0.1)
    figure = spectrum_figure(fitted[["data"]], spread)
    assert len(figure.axes) == 1
    assert "±1 sd over pixels" in legend_texts(figure.axes[0])


def test_spectrum_follows_another_spectral_axis(fitted):
    axis = ("raman_shift", fitted.energy.values, {"units": "cm-1", "long_name": "Raman shift"})
    moved = fitted.rename(energy="raman_shift").assign_coords(raman_shift=axis)
    assert spectrum_figure(moved).axes[-1].get_xlabel() == "Raman shift (cm⁻¹)"


def test_particles_keep_their_errors_and_skip_those_without_a_mean():
    table = pd.DataFrame(
        {"diameter_um": [1.0, 2.0, 3.0], "mean": [0.2, np.nan, 0.6], "sem": [0.02, 0.1, 0.03]},
        index=[1, 2, 3],
    )
    figure = particle_figure(table, overall=0.4, ends=("Li-rich", "Li-poor"))
    axes = figure.axes[0]
    bars = axes.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([s[:, 1] for s in bars], [[0.18, 0.22], [0.57, 0.63]])
    assert "2 particles" in alt_text(figure)
    assert "map mean 0.4" in [t.get_text() for t in axes.texts]


def test_no_particles_at_all():
    empty = pd.DataFrame({"diameter_um": [], "mean": [], "sem": []})
    figure = particle_figure(empty)
    assert "there is no particle" in alt_text(figure)
    png_bytes(figure, 50)


def test_the_style_file_serves_figures_of_ones_own():
    before = dict(matplotlib.rcParams)
    with matplotlib.style.context("socwidgets.plotting.paper"):
        assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == list(CYCLE)
        assert matplotlib.rcParams["text.color"] == INK
    assert dict(matplotlib.rcParams) == before
