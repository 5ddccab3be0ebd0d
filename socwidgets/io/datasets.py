"""Measured example data: fetched once, checked against their sha256, kept in the user's cache."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from socwidgets.model.errors import ReadError

#: Folder with data sets that are already here; used instead of the network.
DATA_VARIABLE = "SOCWIDGETS_DATA"
_SET = "als_stxm_fe"
_STREAMS = 4


def fetch_als_stxm() -> Path:
    """Folder with a real STXM stack at the Fe L2,3 edge, its I0, a mask and two end-members.

    123 energies of 150 x 150 pixels (30 MB) from ALS 11.0.2.2: ``71214098.hdr`` with its ``.xim``
    frames, ``i0.xsp``, ``remove thick part.msk``, and optical densities ``reduced.t`` (Fe(II)) and
    ``oxidized.t`` (Fe(III)). MIT license; github.com/stetef/nano-XANES-microscopy-of-Fe.

    Taken from ``SOCWIDGETS_DATA`` (the data set's folder, or one that contains ``als_stxm_fe``)
    if that is set, else downloaded once into the user's cache.

    Returns
    -------
    Path
        A folder that holds all of the files.

    Raises
    ------
    ReadError
        No network, a download that does not match its sha256, or a variable that points to a
        folder without the data.
    """
    registry = _registry(_SET)
    local = os.environ.get(DATA_VARIABLE, "").strip()
    if local:
        return _local(Path(local).expanduser(), registry)
    return _download(registry)


def _registry(name: str) -> dict[str, Any]:
    source = resources.files("socwidgets.io") / "registries" / f"{name}.json"
    return json.loads(source.read_text(encoding="utf-8"))


def _names(registry: dict[str, Any]) -> list[str]:
    return [name for files in registry["folders"].values() for name in files]


def _local(folder: Path, registry: dict[str, Any]) -> Path:
    for candidate in (folder / _SET, folder):
        if (candidate / "71214098.hdr").is_file():
            missing = [name for name in _names(registry) if not (candidate / name).is_file()]
            if not missing:
                return candidate
            raise ReadError(
                f"the data in {candidate} are not complete",
                expected=f"{len(_names(registry))} files",
                found=f"{len(missing)} are missing, such as {missing[0]}",
                fix=f"complete the folder, or unset {DATA_VARIABLE} to download the data",
            )
    raise ReadError(
        f"{DATA_VARIABLE} does not lead to the data",
        expected=f"a folder that is or contains {_SET}, with 71214098.hdr in it",
        found=f"{DATA_VARIABLE}={folder}",
        fix=f"correct the variable, or unset {DATA_VARIABLE} to download the data",
    )


def _download(registry: dict[str, Any]) -> Path:
    import pooch

    hashes, urls = {}, {}
    for folder, files in registry["folders"].items():
        for name, sha256 in files.items():
            hashes[name] = f"sha256:{sha256}"
            urls[name] = registry["base_url"] + quote(f"{folder}/{name}")
    cache = pooch.create(
        path=pooch.os_cache("socwidgets") / _SET,
        base_url=registry["base_url"],
        registry=hashes,
        urls=urls,
        retry_if_failed=1,
    )
    missing = [name for name in hashes if not (cache.abspath / name).is_file()]
    logger = pooch.get_logger()
    level = logger.level
    if missing:
        logger.warning("Downloading %d files to %s (once)", len(missing), cache.abspath)
    logger.setLevel("ERROR")
    try:
        with ThreadPoolExecutor(_STREAMS) as pool:
            list(pool.map(cache.fetch, hashes))
    except (OSError, ValueError) as error:
        raise ReadError(
            "the example data cannot be downloaded",
            expected=f"access to {registry['base_url']}, and files with their known sha256",
            found=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            fix="check the network or the proxy; or get the files from "
            f"{registry['source']} by hand and set {DATA_VARIABLE} to their folder; or use the "
            "simulated stack instead (lfp_ensemble, simulate_stxm)",
        ) from error
    finally:
        logger.setLevel(level)
    return Path(cache.abspath)
