"""The glossaries in use: the bundles' own, and in their place what was uploaded, by this process or by another.

    live = LiveGlossaries(StateFolder(folder, keep=10))
    live.start()
    live.over(own).glossaries.get("machinery")     # one snapshot a request

A thread reads `current.json` every `POLL_S`, and what it names if it is another; no request waits for the disk. What is read takes the
place of what was in one assignment. So every process on one folder has a change within a second, and the time that the glossary takes to
load (`make bench-terms` measures how fast terms become a matcher).

While the service runs, what cannot be read changes nothing; at its start the bundles' own glossary is used instead. Either is logged.

Not covered: noticing at once (inotify), which network file systems do not report.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import NamedTuple

from data.glossary import Glossary
from serving.durable import LockedError
from serving.errors import BusyError, StorageError
from serving.glossaries import Glossaries
from serving.state import Author, Change, DamagedError, State, StateFolder, Upload

LOG = logging.getLogger("quayside")
# The bytes are compared: a stat can be the same after two changes within one tick of the clock.
POLL_S = 0.25
CLOSE_S = 5.0  # the thread may be reading a large glossary
RETRY_AFTER_S = 60.0  # what is in the way, a full disk or a stopped process, wants a person


class Snapshot(NamedTuple):
    """The glossaries at one moment, and by industry who uploaded them; those that are not there are a bundle's own."""

    glossaries: Glossaries
    uploads: Mapping[str, Upload]


class LiveGlossaries:
    """The glossaries in use in this process.

    Args:
        folder: where the uploads are kept.
    """

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._seen: bytes | None = None  # the state in use
        self._tried: bytes | None = None
        self._said: set[str] = set()  # problems of the state that was tried last
        self._uploads: dict[str, tuple[Glossary, Upload]] = {}
        self._snapshot: tuple[Glossaries, object, Snapshot] | None = None
        self._reading = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="quayside-state", daemon=True)

    def start(self) -> None:
        """Read what was uploaded before, and watch from now on."""
        self._read(None)
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        self._thread.join(CLOSE_S)

    def over(self, own: Glossaries) -> Snapshot:
        """The glossaries now: those uploaded, and of the bundles' `own` the others."""
        uploads, cached = self._uploads, self._snapshot
        if cached is not None and cached[0] is own and cached[1] is uploads:
            return cached[2]
        chosen = Glossaries({industry: glossary for industry, (glossary, _) in uploads.items()})
        former = cached[2].glossaries if cached is not None else own
        glossaries = chosen.over(own, former) if uploads else own
        snapshot = Snapshot(glossaries, {industry: upload for industry, (_, upload) in uploads.items()})
        self._snapshot = (own, uploads, snapshot)
        return snapshot

    def upload(self, glossary: Glossary, own: Glossaries, author: Author) -> Change:
        """Take a glossary into use, here at once and in the other processes soon.

        Raises:
            BusyError: another process is changing something and does not end.
            StorageError: it could not be written; nothing has changed.
        """
        try:
            return self._changed(self._folder.upload(glossary, own.find(glossary.industry), author), glossary)
        except (LockedError, OSError) as error:
            raise storage_refusal(error) from None

    def restore(self, industry: str, version: str | None, own: Glossaries, author: Author) -> Change:
        """Take the former upload into use again, at last the bundle's own, or the upload of a version.

        Raises:
            NotFoundError: the industry has no glossary, or no upload of that version.
            ConflictError: no upload is in use.
            BusyError: another process is changing something and does not end.
            StorageError: it could not be written; nothing has changed.
        """
        if version is None:
            self.over(own).glossaries.get(industry)
        try:
            return self._changed(self._folder.restore(industry, version, own.find(industry), author), None)
        except (LockedError, OSError) as error:
            raise storage_refusal(error) from None

    def _changed(self, change: Change, glossary: Glossary | None) -> Change:
        """Use what has been changed, and say it in the log."""
        self._read(glossary)
        versions = f"before={change.before or '-'} after={change.after or '-'}"
        LOG.info("glossary=%s action=%s %s terms=%d who=%s", change.industry, change.action, versions, change.terms, change.who)
        return change

    def _watch(self) -> None:
        """The thread: look until it is closed."""
        while not self._closed.wait(POLL_S):
            try:
                self._read(None)
            except Exception:
                LOG.exception("the uploaded glossaries could not be read")

    def _read(self, known: Glossary | None) -> None:
        """Use the state on disk if it is another than the one in use; `known` need not be read."""
        with self._reading:
            try:
                content = self._folder.content()
                if content == self._seen:
                    return
                if content != self._tried:
                    self._tried = content
                    self._said.clear()
                self._uploads = self._loaded(self._folder.parsed(content), known)
                self._seen = content
            except DamagedError as error:
                self._seen = content
                self._complain(f"{error}; {_instead(bool(self._uploads))}")
            except OSError as error:
                self._complain(f"the uploaded glossaries cannot be read ({error}); {_instead(bool(self._uploads))}")

    def _loaded(self, state: State, known: Glossary | None) -> dict[str, tuple[Glossary, Upload]]:
        """The uploads that a state names; one that is damaged is passed over, or stays what it was here.

        Raises:
            OSError: one cannot be read for now.
        """
        found: dict[str, tuple[Glossary, Upload]] = {}
        for industry, history in state.industries.items():
            if history.upload is None:
                continue
            at_hand = [known] if known is not None else []
            at_hand += [self._uploads[industry][0]] if industry in self._uploads else []
            wanted = (industry, history.upload.version)
            glossary = next((glossary for glossary in at_hand if (glossary.industry, glossary.version) == wanted), None)
            try:
                found[industry] = (glossary or self._folder.load(*wanted), history.upload)
            except DamagedError as error:
                self._complain(f"{error}; for {industry} {_instead(industry in self._uploads)}")
                if industry in self._uploads:
                    found[industry] = self._uploads[industry]
        return found

    def _complain(self, problem: str) -> None:
        """Log a problem, once for each state."""
        if problem not in self._said:
            LOG.error("%s", problem)
        self._said.add(problem)


def _instead(has_uploads: bool) -> str:
    return "what was in use stays in use" if has_uploads else "the bundle's own glossary is used"


def storage_refusal(error: LockedError | OSError) -> BusyError | StorageError:
    """What a client is told: no paths."""
    LOG.error("a glossary could not be changed: %s", error)
    if isinstance(error, LockedError):
        return BusyError("another change of the glossaries is under way", retry_after_s=RETRY_AFTER_S)
    reason = (error.strerror or "the disk failed").lower()
    return StorageError(f"the glossary could not be kept ({reason}); nothing has changed", retry_after_s=RETRY_AFTER_S)
