"""The null test: nothing found in nothing, planted differences found, artefacts recognized."""

import threading

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.optical_density import optical_density
from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.limits.exceedance import exceedance
from socwidgets.heterogeneity.limits.mass_balance import mass_balance
from socwidgets.heterogeneity.null.homogeneous import homogeneous_sample
from socwidgets.heterogeneity.null.measures import moran
from socwidgets.heterogeneity.null.run import null_test
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.errors import CancelledError, DataError, ParameterError
from socwidgets.model.references import align_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms import fe_l3_references
from socwidgets.techniques.pipelines import lcf_pipeline

ENERGIES = np.array([700, 703, 706, 707, 708, 708.5, 709, 710, 711, 712, 716, 722.0])
SIZE, NOISE = 44, 0.03
REFERENCES = fe_l3_references(np.arange(695.0, 735.0, 0.05))


def sample(spread, seed, *, drift=0.0):
    """Optical density of six particles of SOC 0.5 plus `spread` times a pattern, with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIZE, SIZE))
    labels = np.zeros((SIZE, SIZE), np.int32)
    thickness = np.zeros((SIZE, SIZE))
    for i, (row, column) in enumerate(np.ndindex(2, 3)):
        r = np.hypot(y - 11 - 22 * row, x - 8 - 14 * column) / 6.5
        labels[r < 0.93] = i + 1
        thickness += 0.8 * np.sqrt(np.clip(1 - r**2, 0, None))
    wave = np.sin(x / 2.5) * np.sin(y / 2.5)
    soc = 0.5 + spread * wave / wave[labels > 0].std()
    spectra = align_references(
        REFERENCES, xr.DataArray(ENERGIES, dims="energy", coords={"energy": ENERGIES})["energy"]
    ).values
    clean = thickness * (
        np.multiply.outer(spectra[0], 1 - soc) + np.multiply.outer(spectra[1], soc)
    )
    if drift:
        clean = np.stack([ndimage.shift(f, drift * rng.normal(size=2), order=1) for f in clean])
    stack = make_stack(
        clean + rng.normal(0, NOISE, clean.shape), ENERGIES, quantity="optical_density",
        pixel_um=0.05,
    )  # fmt: skip
    stack["signal_std"] = xr.full_like(stack["signal"], NOISE)
    found = xr.DataArray(labels, {"y": stack.y, "x": stack.x}, ("y", "x"), "labels")
    return stack, found, soc


PIPELINE = lcf_pipeline(REFERENCES, "FP", mask={"min_jump": 0.1})


def test_the_homogeneous_sample_is_the_mean_of_the_map():
    stack, _, soc = sample(0.1, 0)
    maps = PIPELINE(stack)
    recipe = homogeneous_sample(stack, maps, noise_std=0.0)
    again = PIPELINE(recipe.draw(0))
    used = np.isfinite(maps.soc.values) & np.isfinite(again.soc.values)
    values, t = again.soc.values[used], maps.thickness.values[used]
    assert values.std() < 1e-4
    expected = np.average(maps.soc.values[used], weights=t)
    assert values.mean() == pytest.approx(expected, abs=2e-3)
    assert np.corrcoef(again.thickness.values[used], t)[0, 1] > 0.999
    assert soc[used].std() > 0.08


def test_noise_is_the_measured_one_and_the_seed_decides():
    stack, _, _ = sample(0.0, 1)
    recipe = homogeneous_sample(stack, PIPELINE(stack))
    one, same, other = (recipe.draw(s).signal.values for s in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one - other).std() == pytest.approx(NOISE * np.sqrt(2), rel=0.02)
    assert recipe.draw(0).signal.dtype == stack.signal.dtype


def test_a_planted_heterogeneity_is_beyond_the_null():
    stack, labels, _ = sample(0.10, 2)
    done = []
    found = null_test(
        stack, PIPELINE, labels, repeats=24, progress=lambda i, n: done.append((i, n))
    )
    table = found.table
    assert table.loc["sd_observed", "p_value"] == pytest.approx(1 / 25)
    assert table.loc["sd_observed", "beyond_null"] == pytest.approx(0.10, abs=0.015)
    assert table.loc["moran", "p_value"] < 0.05
    assert table.loc["moran", "null_mean"] == pytest.approx(0, abs=0.05)
    assert abs(table.loc["sd_true", "null_mean"]) < 0.01
    assert done[-1] == (24, 24)
    assert abs(found.bias) < 0.005
    assert "beyond what the method makes" in found.verdict
    names = [entry.name for entry in found.entries()]
    assert names == ["null_sd_observed", "null_sd_true", "null_sd_between", "null_moran",
                     "null_core_shell"]  # fmt: skip
    assert "<table>" in found._repr_html_()
    assert found.to_dict()["repeats"] == 24
    assert found.example["soc"].shape == (SIZE, SIZE)
    few = null_test(stack, PIPELINE, repeats=4)
    assert "too few" in few.verdict
    assert np.isnan(few.table.loc["core_shell", "measured"])


def test_the_null_keeps_its_level():
    """Homogeneous samples: p is uniform, and no adjective is given."""
    p = []
    for seed in range(12):
        stack, labels, _ = sample(0.0, 100 + seed)
        found = null_test(stack, PIPELINE, labels, repeats=9, seed=seed)
        p.append(found.table["p_value"].to_numpy())
    p = np.array(p)
    # Of twelve five or more would reach the lowest of ten ranks in one case of 200.
    assert np.all(np.sum(p <= 0.1, axis=0) <= 4)
    np.testing.assert_allclose(p.mean(axis=0), 0.55, atol=0.25)
    assert "no more" in found.verdict or p[-1, 0] <= 0.1


def test_misregistration_is_recognized_as_the_method():
    """Frames half a pixel off: a homogeneous sample looks heterogeneous, and the null says so."""
    stack, labels, _ = sample(0.0, 5, drift=0.5)
    naive = null_test(stack, PIPELINE, labels, repeats=19)
    assert naive.table.loc["sd_true", "measured"] > 0.02
    assert naive.table.loc["sd_observed", "p_value"] == pytest.approx(0.05)
    warned = null_test(stack, PIPELINE, labels, repeats=19, jitter_px=0.5)
    assert warned.table.loc["sd_observed", "p_value"] > 0.05
    assert "no more" in warned.verdict


def test_counts_go_through_the_same_steps():
    stack, labels, _ = sample(0.0, 6)
    rng = np.random.default_rng(0)
    open_beam, dark = 1200.0, 20.0
    light = open_beam * np.exp(-np.clip(stack.signal.values, -1, None))
    counts = make_stack(
        (rng.poisson(light) + dark).astype(np.uint16), ENERGIES, pixel_um=0.05, counts="photons"
    )
    flats = rng.poisson(open_beam, (4, *light.shape)) + dark
    counts["flat"] = (("flat_frame", "energy", "y", "x"), flats.astype(np.uint16))
    counts["dark"] = (("y", "x"), np.full((SIZE, SIZE), dark, np.float32))
    found = null_test(counts, PIPELINE, labels, repeats=5)
    recipe = homogeneous_sample(counts, PIPELINE(counts))
    drawn = recipe.draw(0)
    assert drawn.signal.dtype == np.uint16
    empty = stack.signal.values[0] < 0.02
    # Poisson counts about the open beam.
    spread = (drawn.signal.values[0][empty].astype(float) - open_beam - dark).std()
    assert spread == pytest.approx(np.sqrt(open_beam), rel=0.2)
    assert (drawn.flat.values.astype(float) - flats).std() > 20
    theory = float(PIPELINE(counts).soc_std.where(labels > 0).median())
    assert found.table.loc["sd_observed", "null_mean"] == pytest.approx(theory, rel=0.4)
    assert abs(found.table.loc["sd_true", "null_mean"]) < 0.5 * theory
    _ = optical_density(drawn)


def test_a_raw_stack_drifts_again():
    stack, labels, _ = sample(0.0, 7)
    shift = xr.Dataset({"dy": ("energy", np.linspace(-2, 2, 12)), "dx": ("energy", np.zeros(12))})
    moved = stack.copy()
    moved["signal"] = stack.signal.copy(
        data=np.stack(
            [ndimage.shift(f, (d, 0), order=1) for f, d in
             zip(stack.signal.values, shift.dy.values, strict=True)]
        )
    )  # fmt: skip

    def registered(given):
        back = given.copy()
        frames = zip(given.signal.values, shift.dy.values, strict=True)
        back["signal"] = given.signal.copy(
            data=np.stack([ndimage.shift(f, (-d, 0), order=1) for f, d in frames])
        )
        return PIPELINE(back)

    recipe = homogeneous_sample(moved, registered(moved), drift=shift, noise_std=0.0)
    drawn = recipe.draw(0).signal.values
    first, last = (ndimage.center_of_mass(np.clip(drawn[i], 0, None)) for i in (4, 9))
    assert last[0] - first[0] == pytest.approx(shift.dy.values[9] - shift.dy.values[4], abs=0.05)
    flat = registered(recipe.draw(0)).soc.where(labels > 0)
    assert float(flat.std()) < 0.03


def test_any_pipeline_and_any_measure():
    stack, labels, _ = sample(0.1, 8)

    def ratio(given):
        od = given.signal
        pick = od.sel(energy=710) / od.sel(energy=708)
        inside = od.mean("energy") > 0.1
        return xr.Dataset(
            {"r": pick.where(inside).assign_attrs(kind="ratio"), "r_std": xr.zeros_like(pick)}
        )

    def iqr(chosen):
        return float(np.subtract(*np.quantile(chosen.values, [0.75, 0.25])))

    found = null_test(
        stack, ratio, labels, variable="r", weights=None, repeats=19,
        measures={"iqr": ("Interquartile range", iqr)},
    )  # fmt: skip
    assert list(found.table.index) == ["iqr"]
    assert found.table.loc["iqr", "p_value"] == pytest.approx(0.05)


def test_moran_of_a_checkerboard():
    y, x = np.indices((4, 4))
    maps = xr.Dataset({"soc": (("y", "x"), (y + x) % 2 * 1.0, {"kind": "soc"})})
    assert moran(take_sample(maps, "soc")) == pytest.approx(-1)
    maps["soc"] = ("y", "x"), (x > 1) * 1.0, {"kind": "soc"}
    assert moran(take_sample(maps, "soc")) == pytest.approx(2 / 3)


def test_bad_input_and_cancel():
    stack, labels, _ = sample(0.0, 9)
    with pytest.raises(DataError, match="noise of the stack is not known"):
        null_test(stack.drop_vars("signal_std"), PIPELINE, labels)
    assert null_test(stack.drop_vars("signal_std"), PIPELINE, noise_std=NOISE, repeats=2)
    with pytest.raises(DataError, match="noise does not fit"):
        null_test(stack, PIPELINE, noise_std=np.ones(5))
    with pytest.raises(DataError, match="returns no map"):
        null_test(stack, lambda s: s, labels)
    with pytest.raises(ParameterError, match="needs a repeat"):
        null_test(stack, PIPELINE, repeats=0)
    with pytest.raises(DataError, match="must not crop"):
        null_test(stack, lambda s: PIPELINE(s.isel(y=slice(0, 30))), repeats=1)
    with pytest.raises(DataError, match="drift does not fit"):
        null_test(stack, PIPELINE, drift=xr.Dataset({"dy": ("e", [1.0]), "dx": ("e", [1.0])}))
    with pytest.raises(DataError, match="one stack at a time"):
        null_test(stack.expand_dims(state=2), PIPELINE, measured=PIPELINE(stack))
    calls = []

    def fragile(given):
        calls.append(1)
        if len(calls) > 1:
            raise DataError("no contrast to segment")
        return PIPELINE(given)

    with pytest.raises(DataError, match="fails on a homogeneous one"):
        null_test(stack, fragile, repeats=2)
    stop = threading.Event()
    with pytest.raises(CancelledError):
        null_test(stack, PIPELINE, repeats=50, progress=lambda *_: stop.set(), cancel=stop)


def test_results_go_onto_the_card():
    stack, labels, _ = sample(0.1, 10)
    maps = PIPELINE(stack)
    null = null_test(stack, PIPELINE, labels, repeats=3, measured=maps)
    extras = [null, exceedance(maps, labels, draws=20), mass_balance(maps, 0.5, 0.02, draws=20)]
    card = heterogeneity_card(maps, labels, draws=20, extras=extras)
    assert card["null_sd_observed"].value == null.table.loc["sd_observed", "null_mean"]
    assert card["f_over"].value == extras[1].over.share
    assert card["mass_balance"].value == pytest.approx(extras[2].delta)
    assert "of a homogeneous sample" in card._repr_html_()
