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

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

Record = TypeVar("Record", bound=BaseModel)

OUT_OF_SCOPE = "out_of_scope"  # the intent of a message that wants nothing of ours


class RecordError(ValueError):
    """A file of records with broken lines; the message lists them, one a line."""


class Segment(BaseModel):
    """The same sentence in several languages.

    Attributes:
        id: unique within its file.
        pattern: the pattern it was expanded from, or the document it was read from.
        texts: language -> text.
        terms: ids of the glossary terms in it.
        source_only: the languages whose wording is read by the models but never written by them (informal, or with typos).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    pattern: str
    texts: dict[str, str]
    terms: list[str] = []
    source_only: list[str] = []

    def translates(self, source: str, target: str) -> bool:
        """Whether it can teach or test a direction: it has both languages, the target in wording that a model may write."""
        return {source, target} <= self.texts.keys() and target not in self.source_only


class Reject(BaseModel):
    """A line that could not be read, or that a filter dropped.

    Attributes:
        file: where it stood.
        line: its number from 1: line, row, or unit of a TMX.
        reason: what was wrong, one sentence.
        text: what stood there, at most 200 characters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    line: int
    reason: str
    text: str = ""


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


def read_yaml(path: Path) -> Any:
    """What a YAML file holds, by the parser in C, which takes a fifth of the time.

    Raises:
        ValueError: it is no YAML, or not UTF-8; the message is one line.
        OSError: it cannot be read.
    """
    return read_yaml_list(path, "")[0]


def read_yaml_list(path: Path, key: str) -> tuple[Any, list[int]]:
    """What a YAML file holds, and the line of each item of the list under one of its keys; it raises what `read_yaml` raises."""
    try:
        loader = yaml.CSafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        lines = _item_lines(node, key)
        return (None if node is None else loader.construct_document(node)), lines
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None


def _item_lines(node: Any, key: str) -> list[int]:
    if not isinstance(node, yaml.MappingNode):
        return []
    lists = [value for name, value in node.value if name.value == key and isinstance(value, yaml.SequenceNode)]
    return [item.start_mark.line + 1 for value in lists[-1:] for item in value.value]


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


class Writer:
    """A text file written piece by piece that appears whole, when the `with` block ends well, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(path.name + ".tmp")

    def __enter__(self) -> Writer:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._temporary.open("w", encoding="utf-8")
        return self

    def write(self, text: str) -> None:
        """Append `text`.

        Raises:
            OSError: it could not be written, with the name of the file.
        """
        try:
            self._file.write(text)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                os.replace(self._temporary, self._path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None
        finally:
            self._temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text`, whole or not at all: a temporary file beside `path` takes its place.

    A process that is killed outright can leave that `.tmp` behind; the next write replaces it.

    Raises:
        OSError: it could not be written, with the name of the file (a full disk alone does not say where).
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` as `write_text` writes text; it raises what that raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
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
