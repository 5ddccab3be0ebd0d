"""Bad maps, tried on every public function: a clear error or NaN, never a wrong number."""

import contextlib

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set

from socwidgets.heterogeneity.association import correlate_maps
from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.change.compare import block_labels, compare_states
from socwidgets.heterogeneity.correlation import radial_autocorrelation
from socwidgets.heterogeneity.limits.exceedance import exceedance, exceedance_map
from socwidgets.heterogeneity.limits.mass_balance import mass_balance
from socwidgets.heterogeneity.nested_levels import nested_variance
from socwidgets.heterogeneity.noise_floor import noise_floor
from socwidgets.heterogeneity.particles import particle_table
from socwidgets.heterogeneity.pathway.classify import classify_pathway
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.heterogeneity.space.aggregation import aggregation_curve
from socwidgets.heterogeneity.space.facets import facet_profiles
from socwidgets.heterogeneity.space.moran import autocorrelation
from socwidgets.heterogeneity.space.radial import core_shell_contrast, radial_profile
from socwidgets.heterogeneity.space.structure import correlation_length
from socwidgets.heterogeneity.space.topography import gradient_angles, valence_topography
from socwidgets.heterogeneity.spread_table import spread_table
from socwidgets.heterogeneity.variogram import variogram
from socwidgets.model.errors import SocwidgetsError

FEW = {"draws": 10}
ON_MAPS = {
    "exceedance": lambda m, n: exceedance(m, n, **FEW),
    "mass_balance": lambda m, n: mass_balance(m, 0.5, 0.01, n, **FEW),
    "variogram": lambda m, n: variogram(m, labels=n),
    "spread_table": lambda m, n: spread_table(m, n, **FEW),
    "noise_floor": lambda m, n: noise_floor(m, labels=n),
    "nested_variance": lambda m, n: nested_variance(m, {"particle": n}),
    "correlation_length": lambda m, n: correlation_length(m, labels=n, **FEW),
    "facet_profiles": lambda m, n: facet_profiles(m, n, {"a": (0, 90)}),
    "valence_topography": lambda m, n: valence_topography(m, labels=n),
    "gradient_angles": lambda m, n: gradient_angles(m, n, **FEW),
    "radial_profile": lambda m, n: radial_profile(m, n),
    "core_shell_contrast": lambda m, n: core_shell_contrast(m, n, permutations=9),
    "radial_autocorrelation": lambda m, n: radial_autocorrelation(m, labels=n),
    "autocorrelation": lambda m, n: autocorrelation(m, labels=n, permutations=9),
    "aggregation_curve": lambda m, n: aggregation_curve(m, labels=n),
    "heterogeneity_card": lambda m, n: heterogeneity_card(m, n, **FEW),
    "particle_table": lambda m, n: particle_table(m, n),
    "classify_pathway": lambda m, n: classify_pathway(m, n, **FEW),
    "phase_table": lambda m, n: phase_table(m, n),
    "compare_states": lambda m, n: compare_states(m, m, n, **FEW),
}


def maps_and_labels():
    """Sixteen discs of about 57 pixels, noise 0.05."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40]
    row, column = y // 10, x // 10
    inside = np.hypot(y % 10 - 5, x % 10 - 5) < 4.2
    labels = np.where(inside, 4 * row + column + 1, 0).astype(np.int32)
    soc = rng.uniform(0.2, 0.8, 17)[labels] + rng.normal(0, 0.05, labels.shape)
    maps = map_set(soc, 0.05, thickness=(labels > 0).astype(float))
    return maps, maps.soc.copy(data=labels).drop_attrs()


def changed(name, value):
    """The map set with some pixels of one map set to a value."""

    def change(maps, labels):
        maps = maps.copy(deep=True)
        maps[name].values[labels.values == 1] = value
        return maps, labels

    return change


REFUSED = {
    "labels of another shape": lambda m, n: (m, n[1:]),
    "labels elsewhere": lambda m, n: (m, n.assign_coords(y=n.y + 1.0)),
    "labels are an array": lambda m, n: (m, n.values),
    "labels are not whole": lambda m, n: (m, n.astype(float)),
    "labels below zero": lambda m, n: (m, n - 1),
    "a huge label": lambda m, n: (m, n.where(n != 3, 2_000_000_000)),
    "no particle": lambda m, n: (m, 0 * n),
    "a negative sigma": changed("soc_std", -0.1),
    "sigma of another shape": lambda m, n: (m.assign(soc_std=("y", np.ones(40))), n),
    "weights that sum to zero": lambda m, n: (m.assign(thickness=0.0 * m.thickness), n),
    "weights of another shape": lambda m, n: (m.assign(thickness=("y", np.ones(40))), n),
    "all NaN": lambda m, n: (m.assign(soc=m.soc * np.nan).assign(status=m.status), n),
    "all masked": lambda m, n: (m.assign(status=xr.ones_like(m.status)), n),
    "no kind": lambda m, n: (m.assign(soc=m.soc.drop_attrs()), n),
    "another name": lambda m, n: (m.rename(soc="energy", soc_std="energy_std"), n),
    "a series": lambda m, n: (m.expand_dims(state=2), n),
    "an array": lambda m, n: (m.soc.values, n),
    "one map alone": lambda m, n: (m.soc, n),
}


@pytest.mark.parametrize("function", ON_MAPS)
def test_bad_maps_are_refused(function):
    maps, labels = maps_and_labels()
    for what, spoil in REFUSED.items():
        with pytest.raises(SocwidgetsError) as error:
            ON_MAPS[function](*spoil(maps.copy(deep=True), labels))
        assert error.value.problem, what


def one_pixel_particles(maps, labels):
    single = labels.copy(data=np.zeros_like(labels.values))
    single[5, 5], single[15, 15] = 1, 2
    return maps, single


UNUSUAL = {
    "a particle without a value": changed("soc", np.nan),
    "infinite values": changed("soc", np.inf),
    "infinite sigma": changed("soc_std", np.inf),
    "particles of one pixel": one_pixel_particles,
    "labels that are true or false": lambda m, n: (m, n > 0),
    "other order": lambda m, n: (m, n.T),
    "one row": lambda m, n: (m.isel(y=[5]), n.isel(y=[5])),
    "one pixel": lambda m, n: (m.isel(y=[5], x=[5]), n.isel(y=[5], x=[5])),
}


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
@pytest.mark.parametrize("function", ON_MAPS)
def test_unusual_maps_give_a_result_or_a_clear_error(function):
    maps, labels = maps_and_labels()
    for what, spoil in UNUSUAL.items():
        # Whatever else is raised fails the test and shows which case it was.
        with contextlib.suppress(SocwidgetsError):
            assert ON_MAPS[function](*spoil(maps.copy(deep=True), labels)) is not None, what


def test_pixels_that_say_nothing_change_nothing():
    """A value that is not finite, or an infinite sigma, is the same as a masked pixel."""
    maps, labels = maps_and_labels()
    masked = maps.copy(deep=True)
    masked.status.values[labels.values == 1] = 1
    wanted = heterogeneity_card(masked, labels, draws=0).to_frame()
    for name, value in (("soc", np.inf), ("soc", np.nan), ("soc_std", np.inf)):
        spoiled, _ = changed(name, value)(maps, labels)
        found = heterogeneity_card(spoiled, labels, draws=0).to_frame()
        np.testing.assert_array_equal(found["value"], wanted["value"])


def test_wrong_kinds_are_refused():
    maps, labels = maps_and_labels()
    energy = maps.assign(soc=8345.0 + maps.soc.assign_attrs(kind="energy", units="eV"))
    energy.soc.attrs.update(kind="energy", units="eV")
    for refuse in (
        lambda: mass_balance(energy, 0.5, 0.01, labels),
        lambda: classify_pathway(energy, labels),
        lambda: phase_table(energy, labels),
        lambda: exceedance(energy, labels),
        lambda: exceedance_map(energy),
        lambda: compare_states(maps, energy, labels),
    ):
        with pytest.raises(SocwidgetsError, match=r"kind|quantities"):
            refuse()
    assert exceedance(energy, labels, limits=(8345.0, 8346.0), draws=9).over.share == 0
    names = {entry.name for entry in heterogeneity_card(energy, labels, draws=0).entries}
    assert "icc" in names
    assert "f_over" not in names
    with pytest.raises(SocwidgetsError, match="one image"):
        correlate_maps(maps.expand_dims(state=2), "soc", "thickness")
    with pytest.raises(SocwidgetsError, match="negative"):
        correlate_maps(changed("soc_std", -1.0)(maps, labels)[0], "soc", "thickness")
    with pytest.raises(SocwidgetsError, match="no map"):
        block_labels(maps, "energy", 4)


def test_a_line_scan_has_square_pixels():
    maps, labels = maps_and_labels()
    row = particle_table(maps.isel(y=[5]), labels.isel(y=[5]))
    assert row["area_um2"].to_numpy() == pytest.approx(0.04**2 * row["n_pixels"].to_numpy())
    nowhere = maps.drop_vars(["y", "x"])
    card = heterogeneity_card(nowhere, labels.drop_vars(["y", "x"]), draws=0)
    assert "in pixels" in next(c.detail for c in card.checks if c.name == "scale")
