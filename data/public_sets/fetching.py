"""A set's files, each with the right checksum: from a folder, or from the internet into a cache.

    QUAYSIDE_CACHE, else XDG_CACHE_HOME/quayside, else ~/.cache/quayside
    public/SET/FILE    unpacked; a file that is there with the right checksum is not downloaded again

Not covered: going on with half a download; the largest file has 3 MB.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data.console import track
from data.public_sets.registry import Input, PublicSet
from data.readers.encoding import DAMAGED, GZIP
from data.readers.rows import missing
from data.records import write_bytes

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 4
PAUSE_S = 1.0  # before the second attempt; doubled before each further one
TIMEOUT_S = 30.0  # without a byte: slow lines are no error
BLOCK = 1 << 16  # bytes between two steps of the progress bar
PASSING = frozenset({408, 429, 500, 502, 503, 504})  # answers worth another attempt
OFFLINE = "without internet name a folder that has the set with --from"


class DownloadError(ValueError):
    """A file that could not be downloaded; the message says what to do instead."""


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where downloads are kept.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if environ.get("QUAYSIDE_CACHE"):
        return Path(environ["QUAYSIDE_CACHE"])
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "quayside"


def from_folder(public: PublicSet, folder: Path, work: Path) -> None:
    """Put a set's files, unpacked and checked, into `work`.

    Args:
        public: the set.
        folder: holds the files, a folder called by the set (or by that whose files it is made of), or a clone of the set's repository;
            gzip or not.
        work: an empty folder.

    Raises:
        ValueError: the folder or files are not there, or have other contents; all files at once.
    """
    if not folder.is_dir():
        raise ValueError(missing(folder))
    found = {item: _place(public, item, folder) for item in public.inputs}
    lacking = [item.name for item, path in found.items() if path is None]
    if lacking:
        raise ValueError(
            f"{folder}: lacks {', '.join(lacking)} of {public.name}; looked for in it and in {public.folder}/, with .gz or without"
        )
    problems = []
    for item, path in found.items():
        if path is not None:
            content = path.read_bytes()
            problems.append(_problem(str(path), content, item))
            (work / item.name).write_bytes(_unpacked(content))
    if any(problems):
        raise ValueError("\n".join(filter(None, problems)))


def _place(public: PublicSet, item: Input, folder: Path) -> Path | None:
    """Where a file lies in a folder; `None` if nowhere."""
    clone = folder / public.repository.split("/")[1]
    for place in (folder / public.folder / item.name, folder / item.name, folder / item.path, clone / item.path):
        for path in (place, place.with_name(f"{place.name}.gz")):
            if path.is_file():
                return path
    return None


def download(public: PublicSet, folder: Path) -> Path:
    """Download a set's files, those that `folder` does not have yet; returns the folder that has them all.

    Raises:
        DownloadError: a file cannot be downloaded, or is not what was published.
    """
    import httpx

    place = folder / "public" / public.folder
    place.mkdir(parents=True, exist_ok=True)
    headers = {"Accept-Encoding": "identity"}  # else the length in the answer is not that of the content
    with httpx.Client(headers=headers, timeout=TIMEOUT_S, follow_redirects=True) as client:
        for item in public.inputs:
            path = place / item.name
            if path.is_file() and not _problem(str(path), path.read_bytes(), item):
                continue
            address = public.address(item)
            content = _download(client, address)
            if problem := _problem(address, content, item):
                raise DownloadError(problem)
            write_bytes(path, _unpacked(content))
    return place


def _download(client: httpx.Client, address: str) -> bytes:
    """What an address gives, after a few attempts.

    Raises:
        DownloadError: it gives nothing.
    """
    import httpx

    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        try:
            return _body(client, address)
        except httpx.HTTPStatusError as error:
            reason = f"the server answers {error.response.status_code} {error.response.reason_phrase}".strip()
            if error.response.status_code not in PASSING:
                raise DownloadError(f"{address}: {reason}; {OFFLINE}") from None
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
    raise DownloadError(f"{address}: not downloaded in {ATTEMPTS} attempts: {reason}; {OFFLINE}")


def _body(client: httpx.Client, address: str) -> bytes:
    with client.stream("GET", address) as response:
        response.raise_for_status()
        blocks = math.ceil(int(response.headers.get("content-length", 0)) / BLOCK) or None
        return b"".join(track(response.iter_bytes(BLOCK), address.rpartition("/")[2], blocks))


def _problem(where: str, content: bytes, item: Input) -> str:
    """What is wrong with a file's content; nothing if it is the published one."""
    found = hashlib.sha256(_unpacked(content)).hexdigest()
    if found == item.sha256:
        return ""
    return f"{where}: SHA-256 of the content is {found}, expected {item.sha256}: it is damaged, or another version of the set"


def _unpacked(content: bytes) -> bytes:
    """The content of a gzip file, any other as it is; of a damaged one the bytes themselves, whose checksum is wrong as well."""
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except DAMAGED:
        return content
