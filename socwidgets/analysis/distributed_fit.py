"""Fit one huge stack on a dask.distributed cluster, band of rows by band of rows.

Each band travels with its task, or, for a lazy stack, the recipe to read it does (the machines of
the cluster then see the same files). Nothing lives on a worker alone: one that dies takes only the
bands in its hands with it, and the scheduler gives those to another.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import LAZY_BYTES, chunk_sizes, is_lazy, row_bytes
from socwidgets.analysis.fit_run import Control, run_fit
from socwidgets.analysis.methods import BlockFit, Method
from socwidgets.analysis.streaming import comes_by_frame
from socwidgets.model.errors import CancelledError, ClusterError, ParameterError
from socwidgets.model.names import X, Y, spectral_dim
from socwidgets.model.parameters import Parameters
from socwidgets.model.provenance import package_version

#: Seconds in which a scheduler must answer, and in which its first worker must be there.
CONNECT_S = 5.0
#: Seconds for which a cluster may be without any worker.
STALLED_S = 60.0
#: Memory of a band that is sent; dask warns of tasks above 10 MB.
BAND_BYTES = 6 * 1024**2
#: Bands for each thread of the cluster at least, so that the last ones to finish are small, and
#: bands that are under way for each of them: the next one must be there when one is done.
BANDS_PER_THREAD, AHEAD = 3, 2
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a worker needs to make a fit ready: see `Method.prepare`."""

    method: Method
    coord: xr.DataArray
    parameters: Parameters
    references: xr.DataArray | None
    typical_std: np.ndarray | None

    def prepare(self) -> BlockFit:
        """Make the fit ready."""
        return self.method.prepare(self.coord, self.parameters, self.references, self.typical_std)


@dataclass(frozen=True, slots=True)
class _Band:
    """Rows of one image, and which pixels of the results they are."""

    lead: int
    place: dict[Any, int]
    rows: slice
    pixels: slice


def connect(address: str) -> Any:
    """Return a client of the scheduler at `address` (``tcp://host:8786``).

    Raises
    ------
    ParameterError
        If dask.distributed is not installed or nothing answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ParameterError(
            "a cluster needs dask.distributed", fix="pip install 'socwidgets[big]'"
        ) from None
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ParameterError(
            f"no dask scheduler answers at {address}",
            expected="the address that its scheduler prints, such as tcp://10.0.0.1:8786",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
        ) from None


def run_on_cluster(
    cluster: Any,
    recipe: Recipe,
    n_maps: int,
    signal: xr.DataArray,
    noise: xr.DataArray | None,
    initial: dict[int, np.ndarray],
    excluded: np.ndarray,
    control: Control,
) -> tuple[np.ndarray, np.ndarray]:
    """Do what `run_fit` does on the workers of a cluster.

    Parameters
    ----------
    cluster : str or distributed.Client
        Address of a scheduler, or a client of it.
    recipe : Recipe
        The fit.
    n_maps : int
        Rows of its results.
    signal, noise, initial, excluded, control
        As for `run_fit`; the threads of `control` are the cluster's.

    Returns
    -------
    out, status : ndarray
        As from `run_fit`.

    Raises
    ------
    ParameterError
        If no scheduler answers.
    ClusterError
        If it has no worker, or its workers cannot do it.
    CancelledError
        If the control's `cancel` was set.
    """
    import cloudpickle

    lead, pixels = excluded.shape
    out = np.empty((lead, n_maps, pixels), dtype=np.float32)
    status = np.zeros((lead, pixels), dtype=np.uint8)
    packed = cloudpickle.dumps(recipe)

    def task(band: _Band) -> tuple[bytes, bytes, int, str]:
        images = [None if a is None else a[band.place][{Y: band.rows}] for a in (signal, noise)]
        begun = {row: values[band.lead, None, band.pixels] for row, values in initial.items()}
        work = (*images, begun, excluded[band.lead, None, band.pixels])
        return packed, cloudpickle.dumps(work), control.block_pixels, package_version()

    with _client(cluster) as client:
        threads = _threads(client)
        done = 0
        bands = _bands(signal, noise, threads)
        for band, (values, codes) in _results(client, bands, task, AHEAD * threads, control):
            out[band.lead, :, band.pixels], status[band.lead, band.pixels] = values, codes
            done += codes.size
            if control.progress is not None:
                control.progress(done, status.size)
    return out, status


def fit_band(recipe: bytes, work: bytes, block_pixels: int, version: str) -> tuple[Any, Any]:
    """Fit one band, on a worker: ``(maps, N)`` and its status ``(N,)``."""
    import cloudpickle

    if version != package_version():
        raise ClusterError(
            "the workers of the cluster have another version of socwidgets",
            expected=version,
            found=package_version(),
            fix="install the same version in the environment of the workers",
        )
    signal, noise, initial, excluded = cloudpickle.loads(work)
    # One thread: the worker's threads have a band each.
    control = Control(workers=1, block_pixels=block_pixels)
    out, status = run_fit(_prepared(recipe), signal, noise, initial, excluded, control)
    return out[0], status[0]


@lru_cache(maxsize=2)
def _prepared(recipe: bytes) -> BlockFit:
    import cloudpickle

    return cloudpickle.loads(recipe).prepare()


@contextmanager
def _client(cluster: Any) -> Iterator[Any]:
    if not isinstance(cluster, str):
        yield cluster
        return
    client = connect(cluster)
    try:
        yield client
    finally:
        client.close()


def _threads(client: Any) -> int:
    """Threads of the workers; waits a moment for the first worker."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        raise ClusterError(
            "the cluster has no worker",
            expected="one or more dask workers at the scheduler",
            found=f"none within {CONNECT_S:.0f} s at {client.scheduler.address}",
            fix="start workers with: dask worker ADDRESS",
        ) from None
    return max(1, sum(client.nthreads().values()))


def _bands(signal: xr.DataArray, noise: xr.DataArray | None, threads: int) -> Iterator[_Band]:
    lead_dims = [d for d in signal.dims if d not in (spectral_dim(signal), Y, X)]
    height, width = signal.sizes[Y], signal.sizes[X]
    step = _band_rows(signal, noise, threads)
    for lead, index in enumerate(np.ndindex(*(signal.sizes[d] for d in lead_dims))):
        place = dict(zip(lead_dims, index, strict=True))
        for top in range(0, height, step):
            bottom = min(top + step, height)
            yield _Band(lead, place, slice(top, bottom), slice(top * width, bottom * width))


def _band_rows(signal: xr.DataArray, noise: xr.DataArray | None, threads: int) -> int:
    """Rows of a band: whole chunks of a lazy stack where they are not whole frames."""
    share = max(1, -(-signal.sizes[Y] // (BANDS_PER_THREAD * threads)))
    size = row_bytes(signal, noise)
    if not is_lazy(signal) and (noise is None or not is_lazy(noise)):
        return max(1, min(share, BAND_BYTES // size))
    if comes_by_frame(signal, noise):
        # Every band reads every frame: as few bands as there are threads, memory is bounded.
        return max(1, -(-signal.sizes[Y] // threads))
    tall, _ = chunk_sizes(signal)
    return tall * max(1, min(share, LAZY_BYTES // size) // tall)


def _results(
    client: Any,
    bands: Iterator[_Band],
    task: Callable[[_Band], tuple[bytes, bytes, int, str]],
    ahead: int,
    control: Control,
) -> Iterator[tuple[_Band, tuple[np.ndarray, np.ndarray]]]:
    """Yield each band with its results, in the order in which they finish; a few are under way."""
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    pending: dict[Any, _Band] = {}
    last = time.monotonic()
    try:
        while True:
            while len(pending) < ahead and (band := next(bands, None)) is not None:
                future = client.submit(fit_band, *task(band), pure=False)
                pending[future] = band
                future.add_done_callback(finished.put)
            if not pending:
                return
            if control.cancel is not None and control.cancel.is_set():
                raise CancelledError
            try:
                future = finished.get(timeout=_POLL_S)
            except queue.Empty:
                last = _watch(client, last)
                continue
            last = time.monotonic()
            yield pending.pop(future), _result(future)
    finally:
        if pending:
            client.cancel(list(pending))


def _watch(client: Any, last: float) -> float:
    """Give up when the cluster has had no worker for a while; returns when it last had one."""
    now = time.monotonic()
    if now - last < STALLED_S:
        return last
    if client.status == "running" and client.nthreads():
        return now
    raise ClusterError(
        "the cluster has lost all of its workers",
        expected="at least one dask worker",
        found=f"none for {STALLED_S:.0f} s",
        fix="look at the logs of the workers (out of memory?), start them again and run this again",
    )


def _result(future: Any) -> tuple[np.ndarray, np.ndarray]:
    if future.status == "finished":
        return future.result()
    error = future.exception() if future.status == "error" else None
    if isinstance(error, ClusterError):
        raise error
    said = str(error).splitlines()[0] if str(error or "") else type(error).__name__
    raise ClusterError(
        "the cluster could not fit a part of this stack",
        found="the connection to the scheduler was lost" if error is None else said,
        fix="its workers need socwidgets, enough memory and, for a stack that is read piece by "
        "piece, the same files under the same names",
    ) from error
