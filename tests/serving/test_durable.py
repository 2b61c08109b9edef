"""Files stay whole whatever fails, and a lock excludes threads and processes."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from configs.schema import ROOT
from serving.durable import LockedError, append_durably, locked, write_durably

HOLDER = """
import sys, time
from pathlib import Path
from serving.durable import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_written(tmp_path: Path) -> None:
    write_durably(tmp_path / "a", b"one")
    write_durably(tmp_path / "a", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"two")]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    write_durably(tmp_path / "a", b"one")
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        write_durably(tmp_path / "a", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"one")]


def test_the_order_is_write_sync_rename_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def noted(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args: object, **options: object) -> object:
            calls.append(f"{name} folder" if name == "fsync" and os.path.isdir(f"/proc/self/fd/{args[0]}") else name)
            return real(*args, **options)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    write_durably(tmp_path / "a", b"one")
    append_durably(tmp_path / "b", b"1\n")
    append_durably(tmp_path / "b", b"2\n")
    assert calls == ["fsync", "replace", "fsync folder", "fsync", "fsync folder", "fsync"]


def test_a_folder_that_cannot_be_synced_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: full_disk() if os.path.isdir(f"/proc/self/fd/{file}") else real(file))
    with caplog.at_level(logging.WARNING):
        write_durably(tmp_path / "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert caplog.messages == [f"{tmp_path}: a change there may be lost in a power cut: No space left on device"]


@pytest.mark.parametrize(("before", "size"), [(b"", 0), (b"1\n", 2), (b"1\n2", 2), (b"torn", 0)])
def test_a_line_follows_the_last_whole_one(tmp_path: Path, before: bytes, size: int) -> None:
    (tmp_path / "a").write_bytes(before)
    assert append_durably(tmp_path / "a", b"3\n") == size
    assert (tmp_path / "a").read_bytes() == before[:size] + b"3\n"


def test_a_line_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_durably(tmp_path / "a", b"1\n")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        append_durably(tmp_path / "a", b"2\n")
    assert (tmp_path / "a").read_bytes() == b"1\n"


def test_one_thread_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locked(tmp_path / "lock"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(LockedError, match=rf"^{path} is locked by another process$"), locked(path, wait_s=0.05):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(path, wait_s=0.05):
            pass
