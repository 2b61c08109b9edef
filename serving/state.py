"""What changes while the service runs, on disk: the uploaded glossaries.

    state_dir/current.json            which upload of each industry is in use; the one file that decides
    state_dir/versions/VERSION.json   the uploads, named by `Glossary.version`
    state_dir/audit.jsonl             who changed what and when, a line a change
    state_dir/lock                    held during a change

A change writes the upload, then the audit's line, then `current.json`, each sent to the disk before the next: until the last rename
nothing has changed, after it everything has. A process killed in between leaves at most a line for a change that did not come about; the
next change says so with a line `void`. No line is ever taken away but one whose change failed before it took effect.

Of an industry the uploads are a stack. A restore goes one back, at last to the bundle's own glossary, or to a version by name; an upload
after it lies on what was restored, and those above are dropped.

Not covered: an older service reading what a newer one wrote (`format` is refused, and the bundles' own glossaries are used).
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from data.glossary import Glossary
from data.glossary.files import uncollected
from data.glossary.loading import assemble
from data.glossary.term import VERSION_DIGITS, entry_of
from serving.durable import append_durably, locked, write_durably
from serving.errors import ConflictError, Detail, NotFoundError

POINTER, VERSIONS, AUDIT, LOCK = "current.json", "versions", "audit.jsonl", "lock"
TAIL = 1 << 16  # bytes of the audit read for its last line; a line has about 300
CHANGE_DIGITS = 12  # of a change's id, which must differ from its neighbour's
Action = Literal["upload", "restore", "void"]


class DamagedError(ValueError):
    """A file of the state that is not what was written; the message is one sentence."""


class Kept(BaseModel):
    """A part of a file of the state."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Upload(Kept):
    """A glossary that somebody uploaded: `at` in UTC, `by` whose key."""

    version: str = Field(pattern=rf"^[0-9a-f]{{{VERSION_DIGITS}}}$")
    terms: int
    at: str
    by: str


class History(Kept):
    """The uploads of an industry, the newest first, none twice; `current` is one of them, or `None` for the bundle's own glossary."""

    current: str | None = None
    uploads: tuple[Upload, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> History:
        if self.current is not None and self.upload is None:
            raise PydanticCustomError("unknown_version", "its current version is none of its uploads")
        return self

    @property
    def upload(self) -> Upload | None:
        """The one in use."""
        return next((upload for upload in self.uploads if upload.version == self.current), None)

    def uploaded(self, upload: Upload, keep: int) -> History:
        """With one more in use, and of the others those below the one in use now, `keep` in all."""
        if upload.version == self.current:
            return self
        below = [other for other in self._from_current() if other.version != upload.version]
        return History(current=upload.version, uploads=(upload, *below)[:keep])

    def restored(self, industry: str, version: str | None) -> History:
        """With the one below in use, or the one of that version.

        Raises:
            ConflictError: there is none below.
            NotFoundError: none has that version.
        """
        if version is not None:
            if all(upload.version != version for upload in self.uploads):
                kept = ", ".join(upload.version for upload in self.uploads) or "none"
                problem = f"no upload of {industry} has that version; kept are: {kept}"
                raise NotFoundError(problem, [Detail("version", problem)])
            return self.model_copy(update={"current": version})
        if self.current is None:
            raise ConflictError(f"{industry} has no upload in use, so there is none to take back")
        below = self._from_current()[1:]
        return self.model_copy(update={"current": below[0].version if below else None})

    def _from_current(self) -> tuple[Upload, ...]:
        """The upload in use and those below it."""
        place = next((i for i, upload in enumerate(self.uploads) if upload.version == self.current), len(self.uploads))
        return self.uploads[place:]


class State(Kept):
    """`current.json`; `change` is the id of the change that wrote it."""

    format: Literal[1] = 1
    change: str = ""
    industries: dict[str, History] = {}

    def history(self, industry: str) -> History:
        """That of an industry, which may have none yet."""
        return self.industries.get(industry, History())


class Author(NamedTuple):
    """Who asks for a change: the beginning of the SHA-256 of their key, the request's id and the address that it came from."""

    who: str
    request_id: str
    client: str


class Change(Kept):
    """A line of `audit.jsonl`: versions in use before and after, `None` where the industry has no glossary at all."""

    time: str
    change: str
    who: str
    action: Action
    industry: str
    before: str | None
    after: str | None
    terms: int
    request_id: str = ""
    client: str = ""


def now() -> str:
    """The time, as it is written: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def packed(glossary: Glossary) -> bytes:
    """A glossary as `versions/` has it."""
    entries = [entry_of(term) for term in glossary.terms]
    return json.dumps({"industry": glossary.industry, "entries": entries}, ensure_ascii=False).encode()


def unpacked(path: Path, content: bytes) -> Glossary:
    """What `packed` made these bytes of.

    Raises:
        DamagedError: they are something else.
    """
    try:
        with uncollected():
            value = json.loads(content)
            loaded = assemble(path, value["industry"], enumerate(value["entries"], 1), [])
    except (ValueError, KeyError, TypeError):
        raise DamagedError(f"{path} is damaged") from None
    if loaded.problems:
        raise DamagedError(f"{path} is damaged")
    return loaded.glossary


class StateFolder:
    """The state on disk; it is made by the first change.

    Args:
        folder: where it lies.
        keep: how many uploads of an industry.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep

    def content(self) -> bytes:
        """The bytes of `current.json`, which are others after every change; none where there was no change yet.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return (self.folder / POINTER).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return b""

    def parsed(self, content: bytes) -> State:
        """The state that these bytes are.

        Raises:
            DamagedError: they are torn, or not ours.
        """
        if not content:
            return State()
        try:
            return State.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DamagedError(f"{self.folder / POINTER} is damaged ({f'{where}: ' if where else ''}{first['msg'].lower()})") from None

    def load(self, industry: str, version: str) -> Glossary:
        """An upload.

        Raises:
            DamagedError: it is missing, or not what was uploaded.
            OSError: it cannot be read.
        """
        path = self.folder / VERSIONS / f"{version}.json"
        try:
            glossary = unpacked(path, path.read_bytes())
        except FileNotFoundError:
            raise DamagedError(f"{path} is missing") from None
        if (glossary.industry, glossary.version) != (industry, version):
            raise DamagedError(f"{path} is damaged: it holds {glossary.industry} {glossary.version}")
        return glossary

    def upload(self, glossary: Glossary, own: Glossary | None, author: Author) -> Change:
        """Take a glossary into use; it raises what `_change` raises, and DamagedError if it could not be read again."""
        made = Upload(version=glossary.version, terms=len(glossary.terms), at=now(), by=author.who)
        path, content = self.folder / VERSIONS / f"{glossary.version}.json", packed(glossary)
        if unpacked(path, content).version != glossary.version:
            raise DamagedError(f"{path} would be another glossary when read")
        return self._change("upload", glossary.industry, lambda history: history.uploaded(made, self._keep), own, author, (path, content))

    def restore(self, industry: str, version: str | None, own: Glossary | None, author: Author) -> Change:
        """Take the former upload into use again, or the one of that version; it raises what `_change` and `History.restored` raise."""
        return self._change("restore", industry, lambda history: history.restored(industry, version), own, author)

    def _change(
        self,
        action: Action,
        industry: str,
        step: Callable[[History], History],
        own: Glossary | None,
        author: Author,
        file: tuple[Path, bytes] | None = None,
    ) -> Change:
        """Make a change and write it down, all of it or nothing.

        Args:
            action: for the audit.
            industry: whose glossary.
            step: what becomes of its history.
            own: the bundle's glossary of that industry.
            author: who asks.
            file: to be written first.

        Raises:
            LockedError: another process is changing something and does not end.
            OSError: it could not be written; nothing has changed.
        """
        (self.folder / VERSIONS).mkdir(parents=True, exist_ok=True)
        with locked(self.folder / LOCK):
            state = self._begun()
            before, after = state.history(industry), step(state.history(industry))
            (old, _), (new, terms) = _in_use(before, own), _in_use(after, own)
            made = {"time": now(), "change": uuid.uuid4().hex[:CHANGE_DIGITS], **author._asdict()}
            change = Change(**made, action=action, industry=industry, before=old, after=new, terms=terms)
            written = State(change=change.change, industries={**state.industries, industry: after})
            if file is not None:
                write_durably(*file)
            self._commit(written, change)
            self._sweep(written)
        return change

    def _begun(self) -> State:
        """The state before a change; a damaged one is put aside, and a change that a crash cut off is called void."""
        content = self.content()
        try:
            state = self.parsed(content)
        except DamagedError:
            write_durably(self.folder / f"{POINTER}.damaged", content)
            return State()
        last = self._last_line()
        if last is not None and last.action != "void" and last.change != state.change:
            void = last.model_copy(update={"time": now(), "action": "void", "after": last.before})
            append_durably(self.folder / AUDIT, _line(void))
        return state

    def _commit(self, state: State, change: Change) -> None:
        """Write the audit's line and then the state; if that fails, the line goes again."""
        path = self.folder / AUDIT
        size = append_durably(path, _line(change))
        try:
            write_durably(self.folder / POINTER, state.model_dump_json(indent=2).encode() + b"\n")
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, size)
            raise

    def _last_line(self) -> Change | None:
        """The audit's last whole line, if it is one of ours."""
        try:
            with (self.folder / AUDIT).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                lines = file.read().split(b"\n")[:-1]
            return Change.model_validate_json(lines[-1]) if lines else None
        except (FileNotFoundError, ValidationError):
            return None

    def _sweep(self, state: State) -> None:
        """Remove the uploads that nothing names any more, and what crashes left; what cannot be removed waits for the next change.

        Nothing while a damaged state lies there, which names others.
        """
        if (self.folder / f"{POINTER}.damaged").exists():
            return
        kept = {f"{upload.version}.json" for history in state.industries.values() for upload in history.uploads}
        with contextlib.suppress(OSError):
            for path in (self.folder / VERSIONS).iterdir():
                if path.name not in kept:
                    path.unlink()


def _in_use(history: History, own: Glossary | None) -> tuple[str | None, int]:
    """Version and number of terms of the glossary that a history leaves in use."""
    if history.upload is not None:
        return history.upload.version, history.upload.terms
    return (own.version, len(own.terms)) if own is not None else (None, 0)


def _line(change: Change) -> bytes:
    return change.model_dump_json().encode() + b"\n"
