"""The driver: any spectral axis, any layout, any number of threads; progress, cancel, masks."""

import json
import threading

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.blocks import Block, run_blocks
from socwidgets.analysis.fit import fit_map, fit_spectrum
from socwidgets.model.errors import (
    CancelledError,
    DataError,
    ParameterError,
    ReferenceSpectraError,
)
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status

SHAPE = (20, 30)
NOISE = 0.02


def axis_of(dim):
    start = {"energy": 700.0, "raman_shift": 400.0}[dim]
    return np.linspace(start, start + 30, 60)


def references_on(axis, dim="energy"):
    shapes = {n: np.exp(-((axis - axis[0] - c) ** 2) / 4) for n, c in (("LFP", 8.0), ("FP", 11.0))}
    return make_references({n: (axis, s) for n, s in shapes.items()}, dim=dim)


def planted_stack(rng, dim="energy", noise=NOISE):
    axis = axis_of(dim)
    references = references_on(axis, dim)
    fraction = rng.uniform(0.1, 0.9, SHAPE)
    thickness = rng.uniform(0.5, 1.0, SHAPE)
    weights = np.stack([(1 - fraction) * thickness, fraction * thickness])
    signal = np.einsum("ce,cyx->eyx", references.values, weights) + 0.8
    signal += rng.normal(0, noise, signal.shape)
    stack = make_stack(
        signal.astype(np.float32), axis, dim=dim, quantity="optical_density", pixel_um=0.04
    )
    return stack, references, fraction


@pytest.mark.parametrize("dim", ["energy", "raman_shift"])
def test_planted_fractions_come_back_on_any_axis(rng, dim):
    stack, references, fraction = planted_stack(rng, dim)
    maps = fit_map(stack, "lcf", references=references, background_degree=0)
    pull = (maps.fraction_FP_free - fraction) / maps.fraction_FP_free_std
    assert abs(float(pull.mean())) < 0.1
    assert 0.9 < float(pull.std()) < 1.1
    assert maps.attrs["components"] == ["LFP", "FP"]
    assert maps.fraction_FP.attrs["kind"] == "fraction"
    assert (maps.status == Status.OK).all()


def test_same_numbers_for_any_threads_layout_and_laziness(rng):
    stack, references, _ = planted_stack(rng)
    one = fit_map(stack, references=references, workers=1)
    for other in (
        fit_map(stack, references=references, workers=3, block_pixels=64),
        fit_map(stack.transpose("y", "x", "energy"), references=references),
        fit_map(stack.chunk({"y": 7, "energy": 20}), references=references, block_pixels=64),
    ):
        xr.testing.assert_equal(one.drop_attrs(), other.drop_attrs())


def test_leading_dims_broadcast(rng):
    stack, references, _ = planted_stack(rng)
    series = xr.concat([stack, stack * 1.0], "state")
    series.attrs = stack.attrs
    maps = fit_map(series, references=references)
    assert maps.fraction_FP.dims == ("state", "y", "x")
    single = fit_map(stack, references=references)
    xr.testing.assert_equal(maps.fraction_FP.isel(state=1, drop=True), single.fraction_FP)


def test_gaps_are_fitted_on_the_points_that_are_there(rng):
    stack, references, _ = planted_stack(rng)
    gapped = stack.copy(deep=True)
    gapped.signal[5:9, 3, 4] = np.nan
    gapped.signal[:, 0, 0] = np.nan
    gapped.signal[3:, 0, 1] = np.nan
    maps = fit_map(gapped, references=references)
    whole = fit_map(stack, references=references)
    alone = stack.isel(energy=np.r_[0:5, 9:60])
    expected = fit_map(alone, references=references).fraction_FP[3, 4]
    assert float(maps.fraction_FP[3, 4]) == pytest.approx(float(expected), abs=1e-5)
    assert maps.status[3, 4] == Status.OK
    assert maps.status[0, 0] == Status.MASKED
    assert maps.status[0, 1] == Status.SINGULAR
    assert np.isnan(maps.fraction_FP[0, :2]).all()
    xr.testing.assert_equal(maps.fraction_FP[5:], whole.fraction_FP[5:])


def test_masks_and_stack_status_reach_the_map(rng):
    stack, references, _ = planted_stack(rng)
    mask = xr.DataArray(np.ones(SHAPE, bool), dims=("y", "x"), attrs={"false_means": "low_signal"})
    mask[0, 0] = False
    stack["valid"] = (("y", "x"), np.ones(SHAPE, bool))
    stack["valid"][1, 1] = False
    stack["status"] = (("y", "x"), np.zeros(SHAPE, np.uint8))
    stack["status"][2, 2] = Status.SATURATED
    maps = fit_map(stack, references=references, mask=mask)
    assert maps.status[0, 0] == Status.LOW_SIGNAL
    assert maps.status[1, 1] == Status.MASKED
    assert maps.status[2, 2] == Status.SATURATED
    assert np.isnan(maps.fraction_FP[0, 0])
    assert np.isnan(maps.fraction_FP[1, 1])
    assert np.isfinite(maps.fraction_FP[2, 2])  # kept, but flagged
    with pytest.raises(DataError, match="mask does not fit"):
        fit_map(stack, references=references, mask=mask[:5])


def test_progress_reaches_the_total(rng):
    stack, references, _ = planted_stack(rng)
    seen = []
    fit_map(stack, references=references, progress=lambda *a: seen.append(a), block_pixels=100)
    assert seen[-1] == (600, 600)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_cancel_stops_between_blocks(rng):
    stack, references, _ = planted_stack(rng)
    cancel = threading.Event()
    seen = []

    def progress(done, total):
        seen.append(done)
        cancel.set()

    with pytest.raises(CancelledError):
        fit_map(
            stack,
            references=references,
            progress=progress,
            cancel=cancel,
            block_pixels=20,
            workers=1,
        )
    assert seen[-1] < 600


def test_a_cancel_within_the_last_block_gives_no_half_filled_maps(rng):
    stack, references, _ = planted_stack(rng)
    lazy = stack.chunk(dict.fromkeys(stack.dims, -1))  # one block, fitted a few pixels at a time

    class Late(threading.Event):
        asked = 0

        def is_set(self):
            self.asked += 1
            return self.asked > 4

    with pytest.raises(CancelledError):
        fit_map(lazy, references=references, cancel=Late(), block_pixels=20, workers=1)


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_in_any_thread_is_raised_and_no_thread_is_left(workers):
    begun, used = [], set()

    def work(block):
        begun.append(block)
        used.add(threading.current_thread())
        if block.start == 30:
            raise ZeroDivisionError

    blocks = [Block(0, 10 * i, 10 * i + 10, lambda: None) for i in range(200)]
    with pytest.raises(ZeroDivisionError):
        run_blocks(blocks, work, workers=workers)
    assert workers > 1 or len(begun) == 4
    assert not [t for t in used - {threading.current_thread()} if t.is_alive()]


def test_keyboard_interrupt_passes_through(rng):
    stack, references, _ = planted_stack(rng)

    def progress(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_map(stack, references=references, progress=progress, block_pixels=20)


def test_two_threads_fit_at_once(rng):
    stack, references, _ = planted_stack(rng)
    alone = fit_map(stack, references=references)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(fit_map(stack, references=references)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        xr.testing.assert_equal(result.drop_attrs(), alone.drop_attrs())


def test_window_uses_only_its_points(rng):
    stack, references, _ = planted_stack(rng)
    maps = fit_map(stack, references=references, low=702, high=720)
    cut = fit_map(stack.sel(energy=slice(702, 720)), references=references)
    xr.testing.assert_equal(maps.fraction_FP, cut.fraction_FP)


def test_fit_of_one_spectrum_equals_the_map(rng):
    stack, references, _ = planted_stack(rng)
    maps = fit_map(stack, references=references)
    one = fit_spectrum(stack.signal[:, 4, 5], references=references)
    results = json.loads(one.attrs["results"])
    assert results["fraction_FP"]["value"] == pytest.approx(float(maps.fraction_FP[4, 5]), abs=1e-6)
    assert results["fraction_FP"]["std"] == pytest.approx(
        float(maps.fraction_FP_std[4, 5]), rel=1e-4
    )
    total = one.background + one.component_LFP + one.component_FP
    np.testing.assert_allclose(one.fit, total, atol=1e-12)
    np.testing.assert_allclose(one.data - one.fit, one.residual)


def test_provenance_says_how_it_was_made(rng):
    stack, references, _ = planted_stack(rng)
    step = json.loads(fit_map(stack, references=references).attrs["provenance"])[-1]
    assert step["function"] == "socwidgets.fit_map"
    assert step["parameters"]["constraint"] == "non_negative"
    assert len(step["input"]) == 16


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"references": None}, ReferenceSpectraError, "needs reference spectra"),
        ({"low": 650, "high": 660}, DataError, "no spectral point lies in the fit window"),
        ({"low": 700, "high": 701.6}, DataError, "too few spectral points"),
        ({"low": 720, "high": 710}, ParameterError, "window is empty"),
        ({"constraint": "nonneg"}, ParameterError, "non_negative"),
        ({"backgrund_degree": 1}, ParameterError, "background_degree"),
        ({"background_degree": 3}, ParameterError, "out of bounds"),
    ],
)
def test_bad_parameters_are_named(rng, change, error, words):
    stack, references, _ = planted_stack(rng)
    with pytest.raises(error, match=words):
        fit_map(stack, "lcf", **{"references": references, **change})


def test_references_that_cannot_work_are_refused(rng):
    stack, references, _ = planted_stack(rng)
    with pytest.raises(ReferenceSpectraError, match="do not cover"):
        fit_map(stack, references=references.sel(energy=slice(705, 730)))
    axis = axis_of("energy")
    twin = references.values[0] + 1e-4 * np.sin(axis)
    same = make_references({"a": (axis, references.values[0]), "b": (axis, twin)})
    with pytest.raises(ReferenceSpectraError, match="collinear"):
        fit_map(stack, references=same)
    with pytest.raises(ReferenceSpectraError, match="different spectral axes"):
        fit_map(stack, references=references_on(axis_of("raman_shift"), "raman_shift"))
    with pytest.raises(ParameterError, match="no method"):
        fit_map(stack, "magic", references=references)
