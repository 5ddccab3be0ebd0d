from __future__ import annotations

import hashlib
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from socwidgets.io import datasets, fetch_als_stxm
from socwidgets.model.errors import ReadError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A small registry whose files lie on a server of this machine; returns their folder."""
    files = {"Data/A": {"71214098.hdr": b"head", "a mask.msk": b"OO"}, "Data/B": {"r.t": b"1 2"}}
    root = tmp_path / "server"
    for folder, contents in files.items():
        (root / folder).mkdir(parents=True)
        for name, content in contents.items():
            (root / folder / name).write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hashes = {
        folder: {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        for folder, contents in files.items()
    }
    registry = {
        "base_url": f"http://127.0.0.1:{server.server_port}/",
        "source": "here",
        "folders": hashes,
    }
    monkeypatch.setattr(datasets, "_registry", lambda name: registry)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # A proxy of the user's network does not know this server.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("SOCWIDGETS_DATA", raising=False)
    yield root, server
    server.shutdown()
    server.server_close()


def test_download_into_one_folder_once(served):
    _, server = served
    folder = fetch_als_stxm()
    assert {entry.name for entry in folder.iterdir()} == {"71214098.hdr", "a mask.msk", "r.t"}
    assert (folder / "a mask.msk").read_bytes() == b"OO"
    server.shutdown()
    assert fetch_als_stxm() == folder


def test_changed_file_is_refused(served):
    root, _ = served
    (root / "Data/B/r.t").write_bytes(b"1 3")
    with pytest.raises(ReadError, match="cannot be downloaded") as caught:
        fetch_als_stxm()
    assert "hash" in caught.value.found


def test_no_network(served):
    _, server = served
    server.shutdown()
    server.server_close()
    with pytest.raises(ReadError, match="cannot be downloaded") as caught:
        fetch_als_stxm()
    assert "SOCWIDGETS_DATA" in caught.value.fix
    assert "network" in caught.value.fix


def test_variable_that_leads_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("SOCWIDGETS_DATA", str(tmp_path))
    with pytest.raises(ReadError, match="does not lead to the data"):
        fetch_als_stxm()
    (tmp_path / "71214098.hdr").write_text("x")
    with pytest.raises(ReadError, match="not complete") as caught:
        fetch_als_stxm()
    assert caught.value.expected == "130 files"


def test_registry_is_sound():
    registry = datasets._registry("als_stxm_fe")
    names = datasets._names(registry)
    assert len(names) == len(set(names)) == 130
    assert sum(name.endswith(".xim") for name in names) == 123
    assert len(registry["commit"]) == 40
    assert registry["commit"] in registry["base_url"]
    assert all(len(h) == 64 for files in registry["folders"].values() for h in files.values())
    assert json.dumps(registry)


@pytest.mark.realdata
def test_registry_fits_the_measured_files(shared_data):
    registry = datasets._registry("als_stxm_fe")
    for files in registry["folders"].values():
        for name, wanted in files.items():
            content = (shared_data / "als_stxm_fe" / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == wanted
