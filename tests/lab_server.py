"""A real JupyterLab server in a folder of its own, for browser tests and benchmarks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from patience import PATIENCE_S

TESTS = Path(__file__).resolve().parent


class Lab:
    """A running JupyterLab server and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        quiet = folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True)
        quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        self._start()

    def _start(self) -> None:
        folder = self.folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        }
        self.log = (folder / "server.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
             f"--port={self.port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
             "--ServerApp.ip=127.0.0.1", "--LabApp.expose_app_in_browser=True",
             "--LabApp.news_url="],
            cwd=folder, env={**os.environ, **settings}, stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def wait(self) -> None:
        """Wait until the server answers; it is begun anew if another program took its port."""
        end, begun = time.monotonic() + PATIENCE_S, 1
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/api/status", timeout=10):
                    return
            except OSError:
                gone = self.process.poll() is not None
                if time.monotonic() > end or (gone and begun == 3):
                    text = (self.folder / "server.log").read_text()
                    raise RuntimeError(f"JupyterLab did not start:\n{text[-3000:]}") from None
                if gone:
                    self.log.close()
                    self._start()
                    begun += 1
                time.sleep(0.2)

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def api(self, path: str) -> Any:
        """JSON that the server's REST interface gives for `path`."""
        with urllib.request.urlopen(f"{self.url}/api/{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def write_notebook(self, name: str, *cells: str) -> None:
        """Put a notebook into the server's folder."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(book, self.folder / name)


@contextmanager
def lab_and_browser() -> Iterator[tuple[Lab, Any]]:
    """A server in a temporary folder and a Chromium; both end with the block."""
    from browser import CHROMIUM_ARGS, find_chromium
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        try:
            lab.wait()
            yield (
                lab,
                playwright.chromium.launch(
                    executable_path=find_chromium(), headless=True, args=CHROMIUM_ARGS
                ),
            )
        finally:
            lab.stop()
