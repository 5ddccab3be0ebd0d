"""The card on planted maps: what it calls heterogeneous, its intervals, its warnings."""

import json
import threading

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from planted_maps import map_set
from planted_maps import random_field as random_field_of
from scipy import ndimage
from scipy.ndimage import gaussian_filter

from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.card_checks import rim_check
from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.card_phases import phase_entries
from socwidgets.heterogeneity.correlation import correlation_length_px
from socwidgets.heterogeneity.noise_floor import noise_floor
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.space.radial import particle_depth
from socwidgets.heterogeneity.spread_intervals import bootstrap
from socwidgets.model.errors import CancelledError, DataError
from socwidgets.model.rim import RIM_CHECK, verdict_text

SIZE = 128


def random_field(rng, length):
    """Gaussian random field of unit variance with covariance exp(-h^2/(2 l^2))."""
    white = rng.normal(size=(SIZE, SIZE))
    field = gaussian_filter(white, length / np.sqrt(2), mode="wrap")
    return (field - field.mean()) / field.std()


def planted(rng, true=0.1, noise=0.05, length=5.0):
    soc = 0.5 + true * random_field(rng, length) + rng.normal(0, noise, (SIZE, SIZE))
    axis = np.arange(SIZE) * 0.04
    return xr.Dataset(
        {
            "soc": (("y", "x"), soc, {"kind": "soc", "units": "1"}),
            "soc_std": (("y", "x"), np.full((SIZE, SIZE), noise)),
            "thickness": (("y", "x"), np.ones((SIZE, SIZE))),
            "status": (("y", "x"), np.zeros((SIZE, SIZE), np.uint8)),
        },
        {"y": ("y", axis, {"units": "um"}), "x": ("x", axis, {"units": "um"})},
    )


def test_spread_comes_back_without_the_noise(rng):
    card = heterogeneity_card(planted(rng))
    assert card["sigma_true"].value == pytest.approx(0.1, rel=0.1)
    assert card["sigma_noise"].value == pytest.approx(0.05)
    assert "is heterogeneous" in card.verdict
    assert card["correlation_length"].value == pytest.approx(np.sqrt(2) * 5 * 0.04, rel=0.15)
    assert card["hsn"].value == pytest.approx(2.0, rel=0.15)


def test_homogeneous_map_is_not_called_heterogeneous(rng):
    verdicts = [heterogeneity_card(planted(rng, true=0.0), draws=0).verdict for _ in range(20)]
    quiet = sum("No heterogeneity" in text for text in verdicts)
    assert quiet >= 17  # one-sided 95 % limit: 20 * 0.05 = 1 false alarm expected
    assert not any("is heterogeneous" in text for text in verdicts)


def test_interval_of_the_mean_covers(rng):
    """Block bootstrap on correlated pixels: 95 % intervals hold the truth in about 95 %."""
    covered = 0
    for _ in range(100):
        sample = take_sample(planted(rng), "soc")
        interval = bootstrap(sample, correlation_length_px(sample, 0.01), draws=300).mean
        covered += interval.low <= 0.5 <= interval.high
    assert 88 <= covered <= 100


def test_particles_split_the_variance(rng):
    maps = planted(rng, true=0.0, noise=0.02)
    labels = xr.DataArray(np.zeros((SIZE, SIZE), np.int32), dims=("y", "x"))
    states = rng.normal(0, 0.2, 36)
    for i, (row, column) in enumerate(np.ndindex(6, 6)):
        box = {"y": slice(row * 20, row * 20 + 14), "x": slice(column * 20, column * 20 + 14)}
        labels[box] = i + 1
        maps.soc[box] += states[i]
    card = heterogeneity_card(maps, labels)
    assert card["sigma_between"].value == pytest.approx(states.std(), rel=0.05)
    assert card["share_between"].value > 0.99
    assert card["n_particles"].value == 36
    assert card["mean"].std == pytest.approx(states.std() / 6, rel=0.25)
    assert "between particles" in card.verdict


def test_flagged_pixels_do_not_count(rng):
    maps = planted(rng)
    maps.soc[:10] = 50.0
    maps.status[:5], maps.status[5:10] = 6, 7
    card = heterogeneity_card(maps)
    assert card["mean"].value < 1
    assert any("640 pixels are saturated" in text for text in card.warnings)
    assert any("outside the calibrated range" in text for text in card.warnings)


def test_thickness_weights_the_mean(rng):
    maps = planted(rng, true=0.0)
    maps.soc[:, :64] += 0.2
    maps.thickness[:, :64] = 3.0
    assert heterogeneity_card(maps)["mean"].value == pytest.approx(0.65, abs=0.005)
    assert heterogeneity_card(maps, weights=None)["mean"].value == pytest.approx(0.60, abs=0.005)


def test_without_sigma_nothing_is_claimed(rng):
    card = heterogeneity_card(planted(rng).drop_vars("soc_std"))
    assert np.isnan(card["sigma_true"].value)
    assert "not known" in card.verdict
    assert any("no standard uncertainty" in text for text in card.warnings)


def test_forms_of_the_card(rng):
    card = heterogeneity_card(planted(rng), seed=3)
    text = json.dumps(card.to_dict(), allow_nan=False)
    assert json.loads(text)["record"]["bootstrap"]["seed"] == 3
    assert card.to_frame().loc["mean", "value"] == card["mean"].value
    assert "<script" not in card._repr_html_()
    with pytest.raises(KeyError):
        card["nothing"]


def test_bad_input(rng):
    maps = planted(rng)
    with pytest.raises(DataError, match="no map 'x_li'"):
        heterogeneity_card(maps, variable="x_li")
    with pytest.raises(DataError, match="labels do not fit"):
        heterogeneity_card(maps, xr.DataArray(np.ones((3, 3), int), dims=("y", "x")))
    maps["status"] = maps.status + np.uint8(1)
    with pytest.raises(DataError, match="no usable pixel"):
        heterogeneity_card(maps)


def discs(rng, shift=0.0, noise=0.01, rim=0.0, n=5, pitch=30, radius=13):
    """Two-component fit of spheres of one composition; one of ten energies is shifted."""
    size = n * pitch
    y, x = np.mgrid[:size, :size]
    r = np.hypot(y % pitch - pitch / 2, x % pitch - pitch / 2) / radius
    thick = 2 * np.sqrt(np.clip(1 - r**2, 0, None))
    e = np.linspace(0, 1, 10)
    spectra = np.stack([np.exp(-((e - c) ** 2) / 0.03) + (e > 0.3) for c in (0.4, 0.6)])
    share = 0.5 + rim * np.where(r > 0.85, 1.0, 0.0)
    density = (1 - share) * spectra[0][:, None, None] + share * spectra[1][:, None, None]
    frames = density * thick * 0.4
    frames[6] = ndimage.shift(frames[6], (0.0, shift), order=1)
    frames += rng.normal(0, noise, frames.shape)
    weights = np.linalg.pinv(spectra.T)
    a, b = np.tensordot(weights, frames, axes=1)
    cov = noise**2 * weights @ weights.T
    with np.errstate(invalid="ignore", divide="ignore"):
        soc = b / (a + b)
        gradient = np.stack([-b, a]) / (a + b) ** 2
    sigma = np.sqrt(np.einsum("iyx,ij,jyx->yx", gradient, cov, gradient))
    labels = np.where(r < 0.97, y // pitch * n + x // pitch + 1, 0)
    maps = map_set(np.where(labels > 0, soc, np.nan), 0.0, thickness=thick)
    maps["soc_std"] = maps.soc.copy(data=np.where(labels > 0, sigma, np.nan))
    return maps, maps.soc.copy(data=labels)


@pytest.mark.parametrize("noise", [0.0388, 0.01, 0.003])  # G-10, and better
def test_drift_of_one_energy_is_seen_in_the_rim_and_a_shell_is_not(noise):
    """Science B.9: flagged at 1 px and not at 0.2 px; a real shell is the same all around."""
    outcomes = {}
    for name, options in {
        "still": {}, "0.2 px": {"shift": 0.2}, "1 px": {"shift": 1.0}, "shell": {"rim": 0.1},
    }.items():  # fmt: skip
        found = []
        for seed in range(5):
            maps, labels = discs(np.random.default_rng(seed), noise=noise, **options)
            sample = take_sample(maps, "soc", labels=labels)
            found.append(rim_check(sample, particle_depth(sample)[0]).outcome)
        outcomes[name] = found
    assert outcomes["1 px"] == ["caution"] * 5
    for name in ("still", "0.2 px", "shell"):
        assert outcomes[name] == ["passed"] * 5, name
    assert any("drift between energies" in text for text in heterogeneity_card(
        *discs(np.random.default_rng(0), shift=1.0), draws=0).warnings)  # fmt: skip


def test_the_map_says_how_many_pixels_its_rim_stands_for():
    maps, labels = discs(np.random.default_rng(0), shift=1.0, noise=0.01)
    found = heterogeneity_card(maps, labels, draws=0).check("rim").detail
    moved = float(found.split("as ")[1].split(" px")[0])
    # The frame has most, not all, of the weight in the fraction.
    assert 0.7 < moved < 1.1


def test_a_verdict_on_the_stack_stands():
    maps, labels = discs(np.random.default_rng(0), shift=1.0)
    maps.attrs[RIM_CHECK] = verdict_text(True, "largest displacement left is 0.10 px")
    check = heterogeneity_card(maps, labels, draws=0).check("rim")
    assert (check.outcome, check.detail) == ("passed", "largest displacement left is 0.10 px")
    maps.attrs[RIM_CHECK] = verdict_text(False, "3 of 9 frames are out of place")
    card = heterogeneity_card(maps, labels, draws=0)
    assert card.check("rim").outcome == "caution"
    assert any("3 of 9 frames" in text for text in card.warnings)


def test_a_shell_is_named_with_its_significance(rng):
    card = heterogeneity_card(*discs(rng, rim=0.2))
    assert "above their core" in card.verdict
    assert card["core_shell"].low < card["core_shell"].value < card["core_shell"].high
    assert card["core_shell"].value > 0.1
    assert "core" not in heterogeneity_card(*discs(rng)).verdict


def test_further_results_take_their_place(rng):
    class Balance:
        def entries(self):
            yield CardEntry("map_mean", "Mean of the map", 0.4)

    own = CardEntry("f_over", "Above, by another method", 0.25, group="Window")
    card = heterogeneity_card(planted(rng), draws=0, extras=[Balance(), own, [own]])
    assert card["f_over"].value == 0.25
    assert card["map_mean"].group == "Further results"
    assert "map_mean" in card
    names = [entry.name for entry in card.entries]
    assert len(names) == len(set(names))
    with pytest.raises(DataError, match="cannot stand on a card"):
        heterogeneity_card(planted(rng), draws=0, extras=[3.0])


def test_noise_from_repeats_replaces_the_propagated(rng):
    first = planted(rng)
    again = first.assign(soc=first.soc + rng.normal(0, 0.05 * np.sqrt(2), first.soc.shape))
    wrong = first.assign(soc_std=first.soc_std * 0 + 0.02)
    floor = noise_floor(wrong, repeat=again)
    assert heterogeneity_card(wrong, draws=0)["sigma_noise"].value == pytest.approx(0.02)
    card = heterogeneity_card(wrong, draws=0, noise=floor)
    assert card["sigma_noise"].value == pytest.approx(floor["repeat"].sigma)
    assert "repeat" in card.record["noise_source"]
    assert card.check("noise").outcome == "caution"
    assert any("disagree" in text for text in card.warnings)


def test_checks_say_what_they_could_not_do(rng):
    card = heterogeneity_card(planted(rng), draws=0, resolution_um=0.05, projection=False)
    outcomes = {check.name: check.outcome for check in card.checks}
    assert outcomes == {
        "projection": "passed", "rim": "not run", "resolution": "passed", "particles": "not run",
        "noise": "passed", "saturation": "passed", "clipping": "passed", "calibration": "passed",
    }  # fmt: skip
    maps = planted(rng)
    maps.status[:20] = 4  # at a bound of the fit
    card = heterogeneity_card(maps, draws=0, resolution_um=1.0)
    assert card.check("clipping").outcome == "caution"
    # The map beside it was cut at the bound, the map itself was not.
    beside = heterogeneity_card(maps.assign(soc_bounded=maps.soc.clip(0, 1)), draws=0)
    assert beside.check("clipping").outcome == "passed"
    assert "without bounds" in beside.check("clipping").detail
    assert card.check("resolution").outcome == "caution"
    assert np.isnan(card["correlation_length"].value)
    assert "not resolved" in card["correlation_length"].note
    with pytest.raises(KeyError):
        card.check("nothing")


def test_a_card_can_be_cancelled_and_reports(rng):
    seen, stop = [], threading.Event()
    heterogeneity_card(planted(rng), draws=150, progress=lambda done, total: seen.append(done))
    assert seen == [100, 150]
    stop.set()
    with pytest.raises(CancelledError):
        heterogeneity_card(planted(rng), cancel=stop)


def test_a_volume_and_odd_particles_have_cards(rng):
    values = 0.5 + 0.1 * random_volume(rng)
    maps = map_set(values + rng.normal(0, 0.02, values.shape), 0.02, dims=("z", "y", "x"))
    card = heterogeneity_card(maps, draws=50)
    assert card.check("projection").outcome == "passed"
    assert card["sigma_true"].value == pytest.approx(0.1, rel=0.25)
    flat = planted(rng)
    labels = xr.DataArray(np.zeros(flat.soc.shape, np.int32), dims=("y", "x"))
    labels[5, 5], labels[9, 9], labels[20:30, 20:30] = 1, 3, 7  # two of one pixel, one missing
    odd = heterogeneity_card(flat, labels, draws=50)
    assert odd["n_particles"].value == 3
    assert np.isnan(odd["core_shell"].value)
    whole = heterogeneity_card(flat, labels * 0 + 1, draws=50)
    assert whole["n_particles"].value == 1
    assert np.isnan(whole["icc"].value)
    one = heterogeneity_card(flat, (labels == 1).astype(int), draws=50)
    assert one["n_pixels"].value == 1
    json.dumps(one.to_dict(), allow_nan=False)


def random_volume(rng):
    return random_field_of(rng, (10, 40, 40), 3.0)


def test_html_of_the_card_escapes_and_loads_nothing(rng):
    evil = CardEntry("x", "<img src=x>", 1.0, note="<script>")
    html = heterogeneity_card(planted(rng), draws=50, extras=[evil])._repr_html_()
    assert "<img" not in html
    assert "<script" not in html
    assert "http" not in html
    assert "with caution" in html


def test_phase_states_stand_on_the_card(rng):
    table = pd.DataFrame(
        {"state": ["core_shell"] * 3 + ["solid_solution"], "uniformity": [0.1, 0.2, 0.3, np.nan]}
    )
    card = heterogeneity_card(planted(rng), draws=0, extras=phase_entries(table))
    assert card["state_core_shell"].value == 0.75
    assert card["state_core_shell"].low == pytest.approx(0.3006, abs=1e-3)  # Wilson, 3 of 4
    assert card["uniformity"].value == pytest.approx(0.2)
    assert card["uniformity"].std == pytest.approx(0.1 / np.sqrt(3))
    with pytest.raises(DataError, match="no table of phase"):
        phase_entries(table[["uniformity"]])
