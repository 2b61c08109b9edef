"""The glossaries in use follow what is on disk, in every process, and survive what is damaged there."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from configs.schema import ROOT
from data.glossary import Glossary, Term
from serving.durable import LockedError
from serving.errors import BusyError, ConflictError, NotFoundError, StorageError
from serving.glossaries import Glossaries
from serving.live_glossaries import LiveGlossaries
from serving.state import Author, DamagedError, StateFolder

AUTHOR = Author("0123abcd", "request-1", "127.0.0.1")
# Says when it sees another version of the glossary of machinery, and which.
WATCHER = """
import sys, time
from pathlib import Path
from serving.glossaries import Glossaries
from serving.live_glossaries import LiveGlossaries
from serving.state import StateFolder
live, own, seen = LiveGlossaries(StateFolder(Path(sys.argv[1]), 3)), Glossaries({}), ""
live.start()
print("ready", flush=True)
while True:
    found = live.over(own).glossaries.find("machinery")
    if found is not None and found.version != seen:
        seen = found.version
        print(seen, time.time(), flush=True)
    time.sleep(0.005)
"""


def glossary(word: str, industry: str = "machinery") -> Glossary:
    return Glossary(industry, (Term(f"{industry}/a", (), {"en": {"base": "pump"}, "de": {"base": word}}),))


A, B, OWN, APPAREL = glossary("Anton"), glossary("Berta"), glossary("Eigen"), glossary("Hose", "apparel")
BUNDLES = Glossaries({"machinery": OWN, "apparel": APPAREL})
Make = Callable[[], LiveGlossaries]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Starts what another process of the service would start on the same folder."""
    made: list[LiveGlossaries] = []

    def start() -> LiveGlossaries:
        made.append(LiveGlossaries(StateFolder(tmp_path / "state", 3)))
        made[-1].start()
        return made[-1]

    yield start
    for live in made:
        live.close()


def used(live: LiveGlossaries, industry: str = "machinery") -> Glossary | None:
    return live.over(BUNDLES).glossaries.find(industry)


def wait_for(live: LiveGlossaries, expected: Glossary) -> bool:
    end = time.monotonic() + 10
    while used(live) != expected and time.monotonic() < end:
        time.sleep(0.01)
    return used(live) == expected


def test_without_uploads_the_bundles_glossaries_are_used(make: Make, tmp_path: Path) -> None:
    live = make()
    assert live.over(BUNDLES) == (BUNDLES, {})
    assert list(tmp_path.iterdir()) == []


def test_an_upload_is_in_use_at_once_and_the_rest_stays(make: Make) -> None:
    live = make()
    before = live.over(BUNDLES)
    live.upload(A, BUNDLES, AUTHOR)
    after = live.over(BUNDLES)
    assert (before.glossaries.get("machinery"), after.glossaries.get("machinery")) == (OWN, A)
    assert after.glossaries.get("apparel") is APPAREL
    assert {name: (upload.version, upload.by) for name, upload in after.uploads.items()} == {"machinery": (A.version, "0123abcd")}
    assert live.over(BUNDLES) is after


def test_a_matcher_of_the_same_version_is_not_built_again(make: Make) -> None:
    live = make()
    matcher = live.over(BUNDLES).glossaries.matcher("apparel", "en", "de")
    replaced = live.over(BUNDLES).glossaries.matcher("machinery", "en", "de")
    live.upload(A, BUNDLES, AUTHOR)
    assert live.over(BUNDLES).glossaries.matcher("apparel", "en", "de") is matcher
    assert live.over(BUNDLES).glossaries.matcher("machinery", "en", "de") is not replaced


def test_new_industries_and_restores(make: Make) -> None:
    live, optics = make(), glossary("Linse", "optics")
    live.upload(optics, BUNDLES, AUTHOR)
    assert live.over(BUNDLES).glossaries.industries == ("apparel", "machinery", "optics")
    live.restore("optics", None, BUNDLES, AUTHOR)
    assert live.over(BUNDLES).glossaries.industries == ("apparel", "machinery")
    with pytest.raises(NotFoundError, match=r"^no glossary for industry 'optics'; there are: apparel, machinery$"):
        live.restore("optics", None, BUNDLES, AUTHOR)
    live.restore("optics", optics.version, BUNDLES, AUTHOR)
    assert used(live, "optics") == optics
    with pytest.raises(ConflictError, match=r"^machinery has no upload in use, so there is none to take back$"):
        live.restore("machinery", None, BUNDLES, AUTHOR)


def test_new_bundles_keep_the_uploads(make: Make) -> None:
    live = make()
    live.upload(A, BUNDLES, AUTHOR)
    assert live.over(Glossaries({"machinery": B, "optics": B})).glossaries.get("machinery") == A
    assert live.over(Glossaries({"optics": B})).glossaries.industries == ("machinery", "optics")


def test_uploads_survive_a_restart(make: Make) -> None:
    make().upload(A, BUNDLES, AUTHOR)
    assert used(make()) == A


def test_what_another_process_changes_is_followed(make: Make) -> None:
    here, there = make(), make()
    here.upload(A, BUNDLES, AUTHOR)
    assert wait_for(there, A)
    there.upload(B, BUNDLES, AUTHOR)
    assert wait_for(here, B)
    here.restore("machinery", None, BUNDLES, AUTHOR)
    here.restore("machinery", None, BUNDLES, AUTHOR)
    assert wait_for(there, OWN)


def test_processes_agree_within_a_second(make: Make, tmp_path: Path) -> None:
    here, environment = make(), {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WATCHER, tmp_path / "state"]
    watchers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [watcher.stdout for watcher in watchers if watcher.stdout]
    late_s = []
    try:
        assert [output.readline() for output in outputs] == ["ready\n"] * 2
        for one in (A, B, A):
            here.upload(one, BUNDLES, AUTHOR)
            answered = time.time()
            for output in outputs:
                version, at = output.readline().split()
                assert version == one.version
                late_s.append(float(at) - answered)
    finally:
        for watcher in watchers:
            watcher.kill()
            watcher.communicate()
    assert len(late_s) == 6
    assert max(late_s) < 1.0


def damage(path: Path, content: bytes = b'{"form') -> None:
    path.write_bytes(content)


def test_a_damaged_state_at_the_start(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make().upload(A, BUNDLES, AUTHOR)
    pointer = tmp_path / "state" / "current.json"
    damage(pointer)
    live = make()
    assert used(live) == OWN
    reason = "invalid json: eof while parsing a string at line 1 column 6"
    assert caplog.messages == [f"{pointer} is damaged ({reason}); the bundle's own glossary is used"]
    live.upload(B, BUNDLES, AUTHOR)
    assert used(live) == B


def test_a_damaged_upload_at_the_start(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = make()
    first.upload(A, BUNDLES, AUTHOR)
    first.upload(glossary("Kleid", "apparel"), BUNDLES, AUTHOR)
    path = tmp_path / "state" / "versions" / f"{A.version}.json"
    damage(path)
    live = make()
    assert (used(live), used(live, "apparel")) == (OWN, glossary("Kleid", "apparel"))
    assert caplog.messages == [f"{path} is damaged; for machinery the bundle's own glossary is used"]


def test_damage_while_it_runs_changes_nothing(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = make()
    live.upload(A, BUNDLES, AUTHOR)
    damage(tmp_path / "state" / "current.json")
    time.sleep(0.7)
    assert used(live) == A
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert message.endswith("; what was in use stays in use")


def test_an_upload_that_comes_damaged_changes_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    live, other = make(), make()
    live.upload(A, BUNDLES, AUTHOR)
    assert wait_for(other, A)

    def load(*_: object) -> Glossary:
        raise DamagedError("b.json is damaged")

    monkeypatch.setattr(StateFolder, "load", load)
    live.upload(B, BUNDLES, AUTHOR)
    time.sleep(0.7)
    assert (used(live), used(other)) == (B, A)
    assert caplog.messages == ["b.json is damaged; for machinery what was in use stays in use"]


def test_a_folder_that_cannot_be_read_for_a_while(make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    live, other = make(), make()
    live.upload(A, BUNDLES, AUTHOR)
    assert wait_for(other, A)
    real = StateFolder.load
    troubled = []

    def load(folder: StateFolder, industry: str, version: str) -> Glossary:
        if len(troubled) < 3:
            troubled.append(version)
            raise OSError(5, "Input/output error")
        return real(folder, industry, version)

    monkeypatch.setattr(StateFolder, "load", load)
    live.upload(B, BUNDLES, AUTHOR)
    assert wait_for(other, B)
    assert caplog.messages == ["the uploaded glossaries cannot be read ([Errno 5] Input/output error); what was in use stays in use"]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            OSError(28, "No space left on device", "/srv/secret"),
            StorageError,
            "the glossary could not be kept (no space left on device); nothing has changed",
        ),
        (PermissionError(13, "Permission denied"), StorageError, "the glossary could not be kept (permission denied); nothing has changed"),
        (OSError("?"), StorageError, "the glossary could not be kept (the disk failed); nothing has changed"),
        (LockedError("/srv/secret is locked"), BusyError, "another change of the glossaries is under way"),
    ],
)
def test_what_a_client_is_told_when_the_disk_fails(
    make: Make, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[StorageError], message: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    live = make()
    live.upload(A, BUNDLES, AUTHOR)
    monkeypatch.setattr("serving.state.write_durably", fail)
    for act in (lambda: live.upload(B, BUNDLES, AUTHOR), lambda: live.restore("machinery", None, BUNDLES, AUTHOR)):
        with pytest.raises(kind) as caught:
            act()
        assert (caught.value.message, caught.value.retry_after_s) == (message, 60.0)
        assert used(live) == A


def test_a_change_is_logged_without_the_key(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    live = make()
    with caplog.at_level(logging.INFO):
        live.upload(A, BUNDLES, AUTHOR)
    assert caplog.messages == [f"glossary=machinery action=upload before={OWN.version} after={A.version} terms=1 who=0123abcd"]
