"""Files that are whole and there after a crash, of the process or of the machine; and a lock between processes.

`data.records.write_bytes` leaves a file whole when its process is killed. What is written here has also been sent to the disk before it
takes its place, and so has its name in the folder, so that a power cut loses nothing that was answered for.

Source: POSIX `rename` and `fsync`; flock(2), whose lock belongs to the opened file and ends with its process, however that ends

Not covered: file systems that do not keep these promises (NFS without a lock server, some FUSE ones).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

LOG = logging.getLogger("quayside")
LOCK_WAIT_S = 5.0  # a change holds the lock for its fsyncs, some ms (measured); longer does a process that was stopped
LOCK_POLL_S = 0.01


class LockedError(Exception):
    """Another process has the lock and keeps it."""


def write_durably(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def append_durably(path: Path, line: bytes) -> int:
    """Append a line to a file, after what a crash left of an unfinished one is cut off; returns the length of the file before.

    Raises:
        OSError: it could not be written; the file holds whole lines, and not this one.
    """
    is_new = not path.exists()
    with path.open("a+b", buffering=0) as file:
        size = _whole_lines(file.fileno())
        try:
            file.truncate(size)
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(size)
            raise
    if is_new:
        sync_folder(path.parent)
    return size


def _whole_lines(file: int) -> int:
    """The length of a file up to the end of its last whole line."""
    size = os.fstat(file).st_size
    while size and os.pread(file, 1, size - 1) != b"\n":
        size -= 1
    return size


def sync_folder(folder: Path) -> None:
    """Send a folder's names to the disk; where that fails the rename stands nevertheless, so it is logged and not raised."""
    try:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        LOG.warning("%s: a change there may be lost in a power cut: %s", folder, error.strerror)


@contextlib.contextmanager
def locked(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """The block runs while no other process, and no other thread, is in one on the same file.

    Raises:
        LockedError: another was in it for as long as `wait_s`.
        OSError: the file cannot be opened.
    """
    end_s = time.monotonic() + wait_s
    with path.open("ab") as file:
        while not _lock(file.fileno()):
            if time.monotonic() >= end_s:
                raise LockedError(f"{path} is locked by another process")
            time.sleep(LOCK_POLL_S)
        yield


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
