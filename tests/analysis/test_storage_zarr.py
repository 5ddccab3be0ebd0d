"""Zarr arrays read without zarr: the same bits, or left to it."""

import warnings

import dask.array as da
import numcodecs
import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.chunks import StackReader
from socwidgets.analysis.storage.sources import box_source
from socwidgets.analysis.storage.stored_array import NotDirectError
from socwidgets.analysis.storage.zarr_index import stored_zarr

zarr = pytest.importorskip("zarr", minversion="3")
codecs = pytest.importorskip("zarr.codecs")

SHAPE, CHUNKS = (7, 37, 41), (3, 10, 16)
WHOLE = tuple(slice(0, n) for n in SHAPE)

DIRECT = {
    "default": {},
    "plain": {"compressors": None},
    "zstd with checksum": {"compressors": codecs.ZstdCodec(level=5, checksum=True)},
    "blosc": {"compressors": codecs.BloscCodec(cname="lz4", shuffle="bitshuffle")},
    "gzip": {"compressors": codecs.GzipCodec()},
    "big-endian": {"serializer": codecs.BytesCodec(endian="big"), "compressors": None},
    "version 2": {"zarr_format": 2},
    "version 2, zlib": {"zarr_format": 2, "compressors": numcodecs.Zlib()},
    "version 2, gzip": {"zarr_format": 2, "compressors": numcodecs.GZip()},
    "version 2, blosc": {"zarr_format": 2, "compressors": numcodecs.Blosc()},
    "version 2, plain": {"zarr_format": 2, "compressors": None},
}

LEFT = {
    "checksum": {"compressors": codecs.Crc32cCodec()},
    "two compressions": {"compressors": (codecs.GzipCodec(), codecs.ZstdCodec())},
    "transposed": {"filters": codecs.TransposeCodec(order=(2, 1, 0))},
    "version 2, order of Fortran": {"zarr_format": 2, "order": "F"},
    "version 2, filtered": {"zarr_format": 2, "filters": numcodecs.Delta("<u2")},
    "version 2, other": {"zarr_format": 2, "compressors": numcodecs.BZ2()},
}


@pytest.fixture
def values(rng):
    return rng.integers(0, 200, SHAPE)


def made(where, values, kind="<u2", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"chunks": CHUNKS, **options}
        return zarr.create_array(where, data=values.astype(kind), **options)


def check(array, read_into, rng):
    boxes = [
        WHOLE,
        (slice(1, 7), slice(5, 30), slice(40, 41)),
        (slice(0, 3),) + (slice(0, 10),) * 2,
    ]
    for box in boxes:
        expected = array[box]
        for kind in (expected.dtype, np.float32):
            room = np.full(expected.shape, 99, kind)
            read_into(box, room)
            np.testing.assert_array_equal(room, expected.astype(kind))


@pytest.mark.parametrize("kind", ["<u2", "<f4", "<f8", "u1"])
@pytest.mark.parametrize("way", DIRECT)
def test_same_bits_as_zarr(tmp_path, values, rng, way, kind):
    array = made(tmp_path / "a.zarr", values, kind, **DIRECT[way])
    stored = stored_zarr(array)
    assert stored.plain == (DIRECT[way].get("compressors", "zstd") is None)
    check(array, stored.read_into, rng)


def test_big_endian_of_version_2(tmp_path, values, rng):
    array = made(tmp_path / "a.zarr", values, ">f4", zarr_format=2)
    check(array, stored_zarr(array).read_into, rng)


@pytest.mark.parametrize("way", LEFT)
def test_the_rest_is_left_to_zarr(tmp_path, values, way):
    array = made(tmp_path / "a.zarr", values, **LEFT[way])
    assert stored_zarr(array) is None
    assert box_source(array) is None


def test_stores_that_are_no_local_folders(tmp_path, values):
    assert stored_zarr(made({}, values)) is None
    assert stored_zarr(made(tmp_path / "s.zarr", values, shards=(6, 20, 32))) is None
    assert stored_zarr(made(zarr.storage.ZipStore(tmp_path / "a.zip", mode="w"), values)) is None
    complex_values = made(tmp_path / "c.zarr", values, "<c8")
    assert stored_zarr(complex_values) is None


def test_arrays_of_groups_and_of_dask(tmp_path, values, rng):
    group = zarr.open_group(tmp_path / "g.zarr", mode="w")
    array = group.create_array("deep/signal", data=values.astype("<u2"), chunks=CHUNKS)
    check(array, stored_zarr(array).read_into, rng)
    data = da.from_zarr(str(tmp_path / "g.zarr"), component="deep/signal")
    reader = StackReader(xr.DataArray(data, dims=("energy", "y", "x")))
    room = np.empty(SHAPE, np.float32)
    (tmp_path / "g.zarr" / "deep" / "signal" / "zarr.json").unlink()  # nobody asks zarr again
    reader.read(WHOLE, [room])
    np.testing.assert_array_equal(room, values)


@pytest.mark.parametrize("way", ["default", "plain", "blosc", "gzip", "version 2"])
def test_a_chunk_that_is_not_there_or_damaged(tmp_path, values, rng, way):
    array = made(tmp_path / "a.zarr", values, "<f4", fill_value=5, **DIRECT[way])
    source = box_source(array)
    name = "1.1.1" if way == "version 2" else "c/1/1/1"
    chunk = tmp_path / "a.zarr" / name
    content = chunk.read_bytes()
    chunk.unlink()
    with pytest.raises(NotDirectError):
        source.stored.read_into(WHOLE, np.empty(SHAPE, "<f4"))
    check(array, source.read_into, rng)
    assert (array[3:6, 10:20, 16:32] == 5).all()
    for damaged in (content[: len(content) // 2], b"\xff" * len(content), b""):
        chunk.write_bytes(damaged)
        if way == "plain" and len(damaged) == len(content):
            continue  # these are numbers like others
        with pytest.raises(NotDirectError):
            source.stored.read_into(WHOLE, np.empty(SHAPE, "<f4"))
    with pytest.raises((ValueError, RuntimeError)):  # zarr's own
        source.read_into(WHOLE, np.empty(SHAPE, "<f4"))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65791, 65792, 200_000])
def test_zstd_says_how_much_it_holds(size):
    from socwidgets.analysis.storage.decoders import zstd_size

    raw = np.frombuffer(numcodecs.Zstd().encode(b"a" * size), np.uint8)
    assert zstd_size(raw) == size
    assert zstd_size(raw[1:]) == -1
