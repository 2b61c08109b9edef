"""The state on disk: what is in use after uploads and restores, and after everything that can go wrong on the way."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.schema import ROOT
from data.glossary import Glossary, Term, load_glossaries
from serving.durable import LockedError, locked
from serving.errors import ConflictError, NotFoundError
from serving.state import Author, Change, DamagedError, History, State, StateFolder, Upload, packed, unpacked

AUTHOR = Author("0123abcd", "request-1", "127.0.0.1")


def glossary(word: str, industry: str = "machinery") -> Glossary:
    return Glossary(industry, (Term(f"{industry}/a", (), {"en": {"base": "pump"}, "de": {"base": word}}),))


A, B, C, OWN = (glossary(word) for word in ("Anton", "Berta", "Cäsar", "Eigen"))
NAMES = {A.version: "A", B.version: "B", C.version: "C", OWN.version: "own", None: "-"}
# Uploads B and then C again and again, until it is killed.
CHANGER = """
import sys
from pathlib import Path
from tests.serving.test_state import AUTHOR, B, C, OWN, StateFolder
folder = StateFolder(Path(sys.argv[1]), 3)
print("ready", flush=True)
while True:
    for glossary in (B, C):
        folder.upload(glossary, OWN, AUTHOR)
    folder.restore("machinery", None, OWN, AUTHOR)
"""


def state_of(folder: StateFolder) -> State:
    return folder.parsed(folder.content())


def in_use(folder: StateFolder, industry: str = "machinery") -> str:
    """The name of the upload in use, read from the disk."""
    current = state_of(folder).history(industry).current
    return NAMES[folder.load(industry, current).version if current else None]


def audit(folder: StateFolder) -> list[Change]:
    lines = (folder.folder / "audit.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    assert all(line.endswith("\n") for line in lines)
    return [Change.model_validate_json(line) for line in lines]


def told(folder: StateFolder) -> list[str]:
    """The audit in short."""
    return [f"{change.action} {NAMES[change.before]} {NAMES[change.after]}" for change in audit(folder)]


def effective(changes: list[Change]) -> list[Change]:
    """Those that came about."""
    void = {change.change for change in changes if change.action == "void"}
    return [change for change in changes if change.change not in void]


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "deep" / "state", 3)


def upload(folder: StateFolder, *glossaries: Glossary) -> None:
    for one in glossaries:
        folder.upload(one, OWN, AUTHOR)


def restore(folder: StateFolder, version: str | None = None) -> Change:
    return folder.restore("machinery", version, OWN, AUTHOR)


def test_nothing_is_made_before_the_first_change(folder: StateFolder) -> None:
    assert (folder.content(), state_of(folder)) == (b"", State())
    assert not folder.folder.parent.exists()


def test_what_a_change_leaves(folder: StateFolder) -> None:
    upload(folder, A)
    names = sorted(str(path.relative_to(folder.folder)) for path in folder.folder.rglob("*") if path.is_file())
    assert names == ["audit.jsonl", "current.json", "lock", f"versions/{A.version}.json"]
    (line,) = [json.loads(line) for line in (folder.folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert time.strptime(line.pop("time"), "%Y-%m-%dT%H:%M:%SZ")
    assert line.pop("change") == state_of(folder).change
    assert line == {
        **{"who": "0123abcd", "action": "upload", "industry": "machinery", "before": OWN.version, "after": A.version, "terms": 1},
        **{"request_id": "request-1", "client": "127.0.0.1"},
    }
    assert folder.load("machinery", A.version) == A


def test_restores_go_back_one_by_one_to_the_bundle_s_own(folder: StateFolder) -> None:
    upload(folder, A, B, C)
    for expected in ("B", "A", "-"):
        restore(folder)
        assert in_use(folder) == expected
    with pytest.raises(ConflictError, match=r"^machinery has no upload in use, so there is none to take back$"):
        restore(folder)
    assert told(folder) == ["upload own A", "upload A B", "upload B C", "restore C B", "restore B A", "restore A own"]


def test_a_version_is_restored_by_name_in_either_direction(folder: StateFolder) -> None:
    upload(folder, A, B, C)
    for one, name in ((A, "A"), (C, "C"), (B, "B")):
        restore(folder, one.version)
        assert in_use(folder) == name
    with pytest.raises(NotFoundError) as caught:
        restore(folder, "0" * 12)
    assert caught.value.message == f"no upload of machinery has that version; kept are: {C.version}, {B.version}, {A.version}"
    assert [detail.field for detail in caught.value.details] == ["version"]


def test_an_upload_lies_on_what_was_restored(folder: StateFolder) -> None:
    upload(folder, A, B)
    restore(folder)
    upload(folder, C)
    restore(folder)
    assert in_use(folder) == "A"
    assert not (folder.folder / "versions" / f"{B.version}.json").exists()


def test_the_same_again_changes_nothing_but_is_written_down(folder: StateFolder) -> None:
    upload(folder, A, B, B)
    restore(folder)
    assert told(folder) == ["upload own A", "upload A B", "upload B B", "restore B A"]


def test_only_the_last_are_kept(folder: StateFolder) -> None:
    upload(folder, *(glossary(f"Wort {number}") for number in range(10)))
    assert len(state_of(folder).history("machinery").uploads) == 3
    assert len(list((folder.folder / "versions").iterdir())) == 3


def test_a_new_industry_is_gone_after_its_restore(folder: StateFolder) -> None:
    optics = glossary("Linse", "optics")
    before, after = folder.upload(optics, None, AUTHOR), folder.restore("optics", None, None, AUTHOR)
    assert [(change.before, change.after, change.terms) for change in (before, after)] == [
        (None, optics.version, 1),
        (optics.version, None, 0),
    ]
    assert folder.restore("optics", optics.version, None, AUTHOR).after == optics.version


def test_the_shipped_glossaries_come_back_as_they_were() -> None:
    shipped = load_glossaries(ROOT / "data" / "glossaries")
    assert len(shipped) > 3
    for one in shipped.values():
        again = unpacked(Path(), packed(one))
        assert (again.terms, again.version) == (one.terms, one.version)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is damaged"),
        (b'{"industry": "machinery"}', "is damaged"),
        (b'{"industry": "machinery", "entries": [{"id": "a"}]}', "is damaged"),
        (packed(B), f"is damaged: it holds machinery {B.version}"),
        (None, "is missing"),
    ],
)
def test_a_damaged_upload(folder: StateFolder, content: bytes | None, reason: str) -> None:
    upload(folder, A)
    path = folder.folder / "versions" / f"{A.version}.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DamagedError) as caught:
        folder.load("machinery", A.version)
    assert str(caught.value) == f"{path} {reason}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"format": 1, "cha', "invalid json: eof while parsing a string at line 1 column 18"),
        (b'{"format": 2}', "format: input should be 1"),
        (b'{"industries": {"a": {"current": "0123456789ab"}}}', "industries.a: its current version is none of its uploads"),
    ],
)
def test_a_damaged_state_is_put_aside_by_the_next_change(folder: StateFolder, content: bytes, reason: str) -> None:
    upload(folder, A)
    pointer = folder.folder / "current.json"
    pointer.write_bytes(content)
    with pytest.raises(DamagedError) as caught:
        state_of(folder)
    assert str(caught.value) == f"{pointer} is damaged ({reason})"
    upload(folder, B)
    assert in_use(folder) == "B"
    assert (folder.folder / "current.json.damaged").read_bytes() == content
    assert folder.load("machinery", A.version) == A  # what the damaged state may have named is not swept away


def test_a_lock_that_is_kept(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(folder, A)
    monkeypatch.setattr("serving.state.locked", lambda path: locked(path, wait_s=0.02))
    with locked(folder.folder / "lock"), pytest.raises(LockedError):
        upload(folder, B)
    assert told(folder) == ["upload own A"]


class Fault:
    """Stands before the calls to the disk and does something at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, act: Callable[[], Any]) -> None:
        self.calls, self.at, self.act = 0, at, act
        for name in ("fsync", "replace", "unlink"):
            monkeypatch.setattr(os, name, self._before(getattr(os, name)))

    def _before(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                self.act()
            return real(*args, **options)

        return call


def full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def changes_of(folder: StateFolder) -> tuple[bytes, list[str], str]:
    return folder.content(), told(folder), in_use(folder)


def test_whatever_fails_on_the_disk_nothing_or_all_has_changed(tmp_path: Path) -> None:
    outcomes = []
    for at in range(1, 20):
        folder = StateFolder(tmp_path / str(at), 1)
        upload(folder, A)
        before = changes_of(folder)
        with pytest.MonkeyPatch.context() as patched:
            fault = Fault(patched, at, full_disk)
            try:
                upload(folder, B)
                outcomes.append("changed")
            except OSError:
                outcomes.append("refused")
        if outcomes[-1] == "refused":
            assert changes_of(folder) == before, at
        else:
            assert (told(folder), in_use(folder)) == ([*before[1], "upload A B"], "B")
        assert sorted(path.name for path in folder.folder.iterdir()) == ["audit.jsonl", "current.json", "lock", "versions"]
        upload(folder, C)
        assert in_use(folder) == "C"
        if fault.calls < at:
            break
    # sync and rename of the upload, then its folder; sync of the audit; sync and rename of the state, its folder; the sweep
    assert outcomes[:-1] == ["refused", "refused", "changed", "refused", "refused", "refused", "changed", "changed"]


@pytest.mark.parametrize("room", [0, 100, 250, 400])
def test_a_disk_without_room(folder: StateFolder, room: int) -> None:
    upload(folder, A)
    before = changes_of(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # bytes of any file; a write of more fails half way
    try:
        with pytest.raises(OSError, match=r"File too large|No space left on device"):
            upload(folder, glossary("Wort" * 30))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert changes_of(folder) == before
    assert not list(folder.folder.rglob("*.tmp"))


def test_killed_at_any_step_the_old_or_the_new_is_in_use(tmp_path: Path) -> None:
    found = []
    for at in range(1, 9):
        folder = StateFolder(tmp_path / str(at), 1)
        upload(folder, A)
        child = os.fork()
        if not child:
            with pytest.MonkeyPatch.context() as patched:
                Fault(patched, at, lambda: os.kill(os.getpid(), signal.SIGKILL))
                upload(folder, B)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        found.append(f"{in_use(folder)} {told(folder)[-1]}")
        upload(folder, C)
        assert in_use(folder) == "C"
        assert sorted(path.name for path in (folder.folder / "versions").iterdir()) == [f"{C.version}.json"]
        assert (
            told(folder)[1:]
            == {
                "A upload own A": ["upload A C"],
                "A upload A B": ["upload A B", "void A A", "upload A C"],
                "B upload A B": ["upload A B", "upload B C"],
            }[found[-1]]
        )
    assert found == ["A upload own A"] * 3 + ["A upload A B"] * 3 + ["B upload A B"] * 2


def changer(folder: StateFolder) -> subprocess.Popen[str]:
    """A process that changes a state without end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", CHANGER, folder.folder], env=environment, stdout=subprocess.PIPE, text=True)


def test_kill_9_at_any_moment(folder: StateFolder) -> None:
    upload(folder, A)
    seen = 0
    for moment in range(6):
        with changer(folder) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.Random(moment).uniform(0.0, 0.2))
            process.kill()
        assert in_use(folder) in "ABC"
        upload(folder, A)
        in_effect = effective(audit(folder))
        assert [change.before for change in in_effect[1:]] == [change.after for change in in_effect[:-1]]
        assert in_effect[-1].change == state_of(folder).change
        seen = len(in_effect)
    assert seen > 6


def test_changes_of_several_processes_are_not_lost(folder: StateFolder) -> None:
    upload(folder, A)
    processes = [changer(folder) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    end = time.monotonic() + 30
    while (folder.folder / "audit.jsonl").read_bytes().count(b"\n") < 35 and time.monotonic() < end:
        time.sleep(0.05)
    for process in processes:
        process.kill()
        process.communicate()
    upload(folder, A)
    in_effect = effective(audit(folder))
    assert len(in_effect) >= 30
    assert [change.before for change in in_effect[1:]] == [change.after for change in in_effect[:-1]]


def test_a_history_that_names_what_it_does_not_have() -> None:
    made = Upload(version="0" * 12, terms=1, at="2026-01-01T00:00:00Z", by="0123abcd")
    assert History(current="0" * 12, uploads=(made,)).upload == made
    with pytest.raises(ValueError, match="its current version is none of its uploads"):
        History(current="1" * 12, uploads=(made,))
