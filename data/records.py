"""The records that pass between stages, and JSON Lines in and out.

A file that was broken by hand is refused with file, line and reason, all broken lines at once.

Not covered: TMX, TSV, CSV, Parquet, XLSX.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Record = TypeVar("Record", bound=BaseModel)


class RecordError(ValueError):
    """A file of records with broken lines; the message lists them, one a line."""


class Segment(BaseModel):
    """The same sentence in several languages.

    Attributes:
        id: unique within its file.
        pattern: the pattern it was expanded from, or the document it was read from.
        texts: language -> text.
        terms: ids of the glossary terms in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    pattern: str
    texts: dict[str, str]
    terms: list[str] = []


class Turn(BaseModel):
    """One earlier message of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["customer", "agent"]
    text: str


class Utterance(BaseModel):
    """One labelled customer message with its earlier turns, oldest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    text: str
    intent: str
    sentiment: str | None = None
    urgency: str | None = None
    history: list[Turn] = []
    language: str = ""


def read_jsonl(path: Path, record: type[Record], limit: int = 20) -> list[Record]:
    """The records of a JSON Lines file.

    Raises:
        RecordError: broken lines; up to `limit` of them are listed with line number and reason.
        OSError: the file cannot be read.
    """
    found: list[Record] = []
    broken: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not UTF-8 at byte {error.start}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(record.model_validate_json(line))
        except ValidationError as error:
            reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'line'}: {e['msg']}" for e in error.errors())
            broken.append(f"{path}:{number}: {reasons}")
    if broken:
        more = f"\n... and {len(broken) - limit} more" if len(broken) > limit else ""
        raise RecordError("\n".join(broken[:limit]) + more)
    return found


def write_jsonl(path: Path, records: Iterable[BaseModel]) -> int:
    """Write the records, one a line, whole or not at all; returns how many."""
    lines = [record.model_dump_json(exclude_none=True) for record in records]
    write_text(path, "".join(line + "\n" for line in lines))
    return len(lines)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text`, whole or not at all: a temporary file beside `path` takes its place.

    A process that is killed outright can leave that `.tmp` behind; the next write replaces it.

    Raises:
        OSError: it could not be written, with the name of the file (a full disk alone does not say where).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tree_sha256(folder: Path) -> str:
    """One SHA-256 for a folder: over the sorted relative paths and contents of its files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()
