"""HDF5 datasets read without h5py: the same bits as h5py gives, or left to it."""

import io
import pickle
import threading

import dask.array as da
import h5py
import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.chunks import StackReader
from socwidgets.analysis.storage import hdf5_index
from socwidgets.analysis.storage.hdf5_index import stored_dataset
from socwidgets.analysis.storage.sources import box_source
from socwidgets.analysis.storage.stored_array import NotDirectError
from socwidgets.io.hdf5_source import DatasetSource

SHAPE = (7, 37, 41)

#: Layouts that are read directly, as `create_dataset` is told of them.
DIRECT = {
    "contiguous": {},
    "by frame": {"chunks": (1, 37, 41)},
    "by block, with edges": {"chunks": (7, 10, 16)},
    "in all directions": {"chunks": (3, 10, 16)},
    "gzip": {"chunks": (3, 10, 16), "compression": "gzip"},
    "gzip, shuffled": {"chunks": (1, 37, 41), "compression": "gzip", "shuffle": True},
    "shuffled only": {"chunks": (3, 10, 16), "shuffle": True},
}

#: And those that are not.
LEFT = {
    "fletcher32": {"chunks": (1, 37, 41), "fletcher32": True},
    "lzf": {"chunks": (1, 37, 41), "compression": "lzf"},
    "scale and offset": {"chunks": (1, 37, 41), "scaleoffset": 3},
}

KINDS = ("<f4", ">f4", "<f8", "<u2", ">u2", "<i4", "u1")


@pytest.fixture
def values(rng):
    return rng.uniform(0, 200, SHAPE)


def write(path, values, options, **file_options):
    with h5py.File(path, "w", **file_options) as file:
        file.create_dataset("signal", data=values, **options)
    return path


def boxes(rng, count=12):
    yield tuple(slice(0, n) for n in SHAPE)
    for _ in range(count):
        cuts = [sorted(rng.choice(n + 1, 2, replace=False)) for n in SHAPE]
        yield tuple(slice(int(a), int(b)) for a, b in cuts)


def check(dataset, read_into, rng):
    """Boxes are h5py's, in rooms of several types, also in a part of larger memory."""
    for box in boxes(rng):
        expected = dataset[box]
        for kind in (dataset.dtype, np.float32, np.float64):
            room = np.full(expected.shape, 99, kind)
            read_into(box, room)
            np.testing.assert_array_equal(room, expected.astype(kind))
            around = np.full([n + 3 for n in expected.shape], 99, kind)
            inner = around[tuple(slice(1, n + 1) for n in expected.shape)]
            read_into(box, inner)
            np.testing.assert_array_equal(inner, expected.astype(kind))
            inner[...] = 99
            assert (around == 99).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", DIRECT)
def test_same_bits_as_h5py(tmp_path, values, rng, layout, kind):
    path = write(tmp_path / "a.h5", values.astype(kind), DIRECT[layout])
    with h5py.File(path, "r") as file:
        stored = stored_dataset(file["signal"])
        assert stored.plain == ("gzip" not in layout and "shuffled" not in layout)
        check(file["signal"], stored.read_into, rng)


@pytest.mark.parametrize("pieces", [(64, 16), (4096, 100), (10**6, 10**6)])
def test_pieces_of_any_size(tmp_path, values, rng, monkeypatch, pieces):
    monkeypatch.setattr("socwidgets.analysis.storage.stored_array.PIECE_BYTES", pieces[0])
    monkeypatch.setattr("socwidgets.analysis.storage.stored_array.RUN_BYTES", pieces[1])
    path = write(tmp_path / "a.h5", values.astype(">i2"), DIRECT["contiguous"])
    with h5py.File(path, "r") as file:
        check(file["signal"], stored_dataset(file["signal"]).read_into, rng)


@pytest.mark.parametrize("layout", LEFT)
def test_other_filters_are_left_to_h5py(tmp_path, values, rng, layout):
    path = write(tmp_path / "a.h5", values.astype("<i4"), LEFT[layout])
    with h5py.File(path, "r") as file:
        assert stored_dataset(file["signal"]) is None
        source = box_source(file["signal"])
        assert not source.plain
        check(file["signal"], source.read_into, rng)


def test_chunks_that_did_not_get_smaller_lie_there_as_they_are(tmp_path, values, rng):
    """A filter may be skipped for a chunk, which has a bit of a mask for it."""
    import zlib

    options = {"shape": (4, 37, 41), "chunks": (1, 37, 41), "dtype": "<u2"}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("signal", **options, compression="gzip", shuffle=True)
        frames = values[:4].astype("<u2")
        planes = [f.reshape(-1).view("u1").reshape(-1, 2).T.tobytes() for f in frames]
        made.id.write_direct_chunk((0, 0, 0), frames[0].tobytes(), 3)
        made.id.write_direct_chunk((1, 0, 0), planes[1], 2)
        made.id.write_direct_chunk((2, 0, 0), zlib.compress(frames[2].tobytes()), 1)
        made.id.write_direct_chunk((3, 0, 0), zlib.compress(planes[3]), 0)
    with h5py.File(tmp_path / "a.h5", "r") as file:
        np.testing.assert_array_equal(file["signal"][()], frames)
        room = np.empty(frames.shape, "<u2")
        stored_dataset(file["signal"]).read_into((slice(0, 4), slice(0, 37), slice(0, 41)), room)
        np.testing.assert_array_equal(room, frames)


@pytest.mark.parametrize("layout", ["contiguous", "by frame", "gzip"])
def test_what_was_never_written_is_the_fill_value(tmp_path, rng, layout):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("signal", SHAPE, "<f4", fillvalue=7.5, **DIRECT[layout])
        if layout != "contiguous":
            made[:3, :5] = 1.0
    with h5py.File(tmp_path / "a.h5", "r") as file:
        source = box_source(file["signal"])
        if layout == "contiguous":
            assert source.stored is None
        else:
            with pytest.raises(NotDirectError, match="not stored"):
                source.stored.read_into(tuple(slice(0, n) for n in SHAPE), np.empty(SHAPE, "<f4"))
        check(file["signal"], source.read_into, rng)


def test_data_that_are_not_in_a_plain_local_file(tmp_path, values):
    path = write(tmp_path / "a.h5", values, DIRECT["by frame"])
    with h5py.File(tmp_path / "v.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout(SHAPE, values.dtype)
        layout[...] = h5py.VirtualSource(path, "signal", SHAPE)
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", SHAPE, "<f8", external=[(str(tmp_path / "raw"), 0, 10**6)])
        file.create_dataset("complex", data=values.astype(complex))
        file.create_dataset("number", data=1.0)
        file.create_dataset("nothing", (0, 3, 3), "<f4")
        file.create_dataset("words", data=[b"a", b"b"])
    with h5py.File(tmp_path / "v.h5", "r") as file:
        assert [stored_dataset(file[name]) for name in file] == [None] * 6
    with h5py.File(io.BytesIO(path.read_bytes()), "r") as file:
        assert stored_dataset(file["signal"]) is None
    with h5py.File(path, "r", driver="core") as file:
        assert stored_dataset(file["signal"]) is None
    with h5py.File(path, "r+") as file:
        assert stored_dataset(file["signal"]) is None
    with h5py.File(tmp_path / "v.h5", "r", swmr=True) as file:
        assert stored_dataset(file["external"]) is None
    with h5py.File(write(tmp_path / "u.h5", values, {}, userblock_size=512), "r") as file:
        assert stored_dataset(file["signal"]) is None


def test_numbers_that_hdf5_has_to_convert(tmp_path):
    """Twelve bits of sixteen: what h5py makes of them is not what lies in the file."""
    kind = h5py.h5t.STD_U16LE.copy()
    kind.set_precision(12)
    kind.set_offset(4)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple((4, 4))
        made = h5py.h5d.create(file.id, b"signal", kind, space)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(16, dtype="<u2").reshape(4, 4))
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert stored_dataset(file["signal"]) is None
        room = np.empty((4, 4), np.float32)
        box_source(file["signal"]).read_into((slice(0, 4), slice(0, 4)), room)
        np.testing.assert_array_equal(room.ravel(), np.arange(16))


def test_a_system_that_cannot_read_at_a_place(tmp_path, values, rng, monkeypatch):
    monkeypatch.setattr(hdf5_index, "CAN_READ", False)
    with h5py.File(write(tmp_path / "a.h5", values, DIRECT["by frame"]), "r") as file:
        assert stored_dataset(file["signal"]) is None
        check(file["signal"], box_source(file["signal"]).read_into, rng)


def test_a_file_that_is_no_longer_the_same(tmp_path, values, rng):
    path = write(tmp_path / "a.h5", values, DIRECT["by frame"])
    with h5py.File(path, "r") as file:
        source = box_source(file["signal"])
        other = write(tmp_path / "b.h5", values + 1, DIRECT["in all directions"])
        other.replace(path)
        box = tuple(slice(0, n) for n in SHAPE)
        with pytest.raises(NotDirectError, match="has changed"):
            source.stored.read_into(box, np.empty(SHAPE))
        assert stored_dataset(file["signal"]) is None  # the name leads to another file by now
        check(file["signal"], source.read_into, rng)
        path.unlink()
        check(file["signal"], source.read_into, rng)


@pytest.mark.parametrize("layout", ["contiguous", "gzip"])
def test_damage_is_told_by_h5py(tmp_path, values, layout):
    path = write(tmp_path / "a.h5", values, DIRECT[layout])
    with h5py.File(path, "r") as file:
        stored = stored_dataset(file["signal"])
        piece = stored.find((0, 0, 0))
        with open(path, "r+b") as raw:
            raw.seek(piece.offset)
            raw.write(b"\xff" * 64) if layout == "gzip" else raw.truncate(piece.offset + 100)
        fresh = hdf5_index.ChunkTable(**{
            **{f: getattr(stored.find, f) for f in stored.find.__slots__},
            "stamp": hdf5_index.stamp_of(path),
        })  # fmt: skip
        damaged = type(stored)(stored.shape, stored.chunks, stored.dtype, fresh, stored.plain)
        with pytest.raises(NotDirectError):
            damaged.read_into(tuple(slice(0, n) for n in SHAPE), np.empty(SHAPE))


@pytest.mark.parametrize("layout", DIRECT)
def test_sources_of_the_readers(tmp_path, values, rng, layout):
    path = write(tmp_path / "a.h5", values.astype("<u2"), DIRECT[layout])
    with h5py.File(path, "r") as file:
        source = DatasetSource(path, file["signal"])
        assert source.plain == stored_dataset(file["signal"]).plain
        again = pickle.loads(pickle.dumps(source))
        for key in (..., 3, (slice(2), 5), (slice(1, 6, 2),), slice(-3, None), (slice(5, 3),)):
            if key is ...:
                key = tuple(slice(0, n) for n in SHAPE)
            np.testing.assert_array_equal(source[key], file["signal"][key])
            np.testing.assert_array_equal(again[key], file["signal"][key])
        check(file["signal"], source.read_into, rng)


def test_chunk_readers_take_the_direct_way(tmp_path, values):
    path = write(tmp_path / "a.h5", values.astype("<u2"), DIRECT["by frame"])
    with h5py.File(path, "r") as file:
        whole = da.from_array(file["signal"], chunks=(2, 10, 41))
        cut = whole[1:6, 3:, 2:][:, 1:30]
        joined = da.concatenate([whole[:2], whole[4:]])
        for data, plain in ((whole, True), (cut, True), (joined, False), (whole + 1, False)):
            reader = StackReader(xr.DataArray(data, dims=("energy", "y", "x")))
            assert reader.plain == plain
            box = (slice(1, 4), slice(2, 15), slice(3, 30))
            room = np.empty((3, 13, 27), np.float32)
            reader.read(box, [room])
            np.testing.assert_array_equal(room, data.compute()[box])


def test_threads_side_by_side(tmp_path, values):
    path = write(tmp_path / "a.h5", values, DIRECT["gzip, shuffled"])
    wrong = []
    with h5py.File(path, "r") as file:
        source = DatasetSource(path, file["signal"])

        def read(frame):
            for _ in range(20):
                room = np.empty((1, *SHAPE[1:]))
                box = (slice(frame, frame + 1), slice(0, 37), slice(0, 41))
                source.read_into(box, room)
                wrong.extend([frame] * (not np.array_equal(room[0], values[frame])))

        threads = [threading.Thread(target=read, args=(frame,)) for frame in range(SHAPE[0])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
