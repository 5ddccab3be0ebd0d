"""Frames one after the other give what the whole stack gives."""

import numpy as np
import pytest

from socwidgets.kernels import lcf
from socwidgets.kernels.lanes import LANES
from socwidgets.kernels.lcf_plan import make_plan, polynomial_background
from socwidgets.kernels.lcf_stream import LcfStream

AXIS = np.sort(np.random.default_rng(5).uniform(700, 730, 38))


def frames_of(stack, first, last, fill):
    room = np.full((-(-(last - first) // 4) * 4, -(-stack.shape[1] // LANES) * LANES), fill)
    room = room.astype(stack.dtype)
    room[: last - first, : stack.shape[1]] = stack[first:last]
    return room


def streamed(plan, signal, std, step):
    stream = LcfStream.of(plan, std is not None)
    sums = stream.room(signal.shape[1])
    for first in range(0, AXIS.size, step):
        last = min(first + step, AXIS.size)
        noise = None if std is None else frames_of(std, first, last, 1.0)
        stream.add(frames_of(signal, first, last, 0.0), noise, first, 0, sums)
    out = np.empty((lcf.result_rows(len(plan.references), len(plan.background)), signal.shape[1]))
    status = np.zeros(signal.shape[1], np.uint8)
    stream.finish(sums, 0, out, status)
    return out, status


@pytest.mark.parametrize("constraint", ["none", "non_negative", "simplex"])
@pytest.mark.parametrize("degree", [-1, 1])
@pytest.mark.parametrize("noisy", ["unknown", "known", "weights"])
def test_equal_to_the_whole_stack(rng, constraint, degree, noisy):
    references = np.stack([np.exp(-((AXIS - c) ** 2) / 9) for c in (708, 714, 720)])
    background = polynomial_background(AXIS, degree)
    weights = rng.uniform(0.5, 2, AXIS.size) if noisy == "weights" else None
    plan = make_plan(references, background, weights=weights, constraint=constraint)
    amounts = np.maximum(rng.normal(0.4, 0.4, (3, 300)), 0)
    signal = references.T @ amounts + rng.normal(0, 0.01, (AXIS.size, 300))
    signal += 0.8 * (degree >= 0)
    signal = signal.astype(np.float32)
    signal[3, 7] = np.nan
    signal[:, 9] = 0.0
    std = None
    if noisy != "unknown":
        std = rng.uniform(0.005, 0.02, signal.shape).astype(np.float32)
    expected, codes = np.empty((18 + degree + 1 + 5, 300)), np.zeros(300, np.uint8)
    lcf.fit_block(plan, signal, std, 0, 300, expected, codes)
    for step in (4, 8, 40):
        out, status = streamed(plan, signal, std, step)
        np.testing.assert_array_equal(status, codes)
        np.testing.assert_allclose(out, expected, rtol=1e-7, atol=1e-9)
