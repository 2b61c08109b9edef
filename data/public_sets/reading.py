"""The files of public data sets as records: through the readers of users' data, or, for two JSON formats of their own, converted here.

A record's id is `FILE:LINE`, or `FILE:LINE:MORE` where more is known: the sender of a chat message, the list that an utterance was in.
Of a chat message the language it was written in comes first in `texts`, and `pattern` is its conversation; messages keep their order. That
order of languages outlives preparation, which knows nothing of conversations: whole ones are held out here.

The files are those whose checksum was found right (`fetching.py`), so that the JSON is not looked at for mistakes.

Not covered: entity spans (Bitext), dictionaries of terms (TICO-19).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from configs.schema import MessageSource, SegmentSource
from data.readers.messages import read_messages
from data.readers.row import Row
from data.readers.rows import read_rows
from data.readers.segments import read_segments
from data.records import OUT_OF_SCOPE, Reject, Segment, Utterance

LANGUAGES = ("en", "zh", "de", "es", "fr", "ja", "ko", "nl", "pt", "cs")
WRITTEN_IN = {"customer": ("de", "en"), "agent": ("en", "de")}  # BConTrasT: languages of `source` and `target`
HELD_OUT_PERCENT = {"test": 12, "validation": 3}  # of the conversations: a choice, about 2,000 and 500 of WMT-Chat's en-de messages

Items = Iterator[Segment | Utterance | Reject]
Reader = Callable[[Path], Items]  # from the folder with the set's files


def parallel(name: str) -> Reader:
    """A reader of a file, or of what Moses files share, whose columns are called by their languages."""

    def read(folder: Path) -> Items:
        return read_segments(_segment_source(folder / name), LANGUAGES)

    return read


def chat(name: str) -> Reader:
    """A reader of WMT-Chat's tables.

    Source: https://github.com/WMT-Chat-task/chat-task-2024-data
    """

    def read(folder: Path) -> Items:
        path = folder / name
        source = _segment_source(path, languages={"source": "source_language", "reference": "target_language"})
        for found, row in zip(read_segments(source, LANGUAGES), read_rows(path), strict=True):
            if isinstance(found, Segment) and isinstance(row, Row):
                yield found.model_copy(update={"id": f"{found.id}:{row.values['sender']}", "pattern": row.values["doc_id"]})
            else:
                yield found

    return read


def conversations(read: Reader, part: str) -> Reader:
    """A reader of those segments of another whose conversations are in a part: for a set that has no parts of its own.

    A conversation is in one part whole, whichever by the hash of its name: others added to the set move none.
    """

    def read_part(folder: Path) -> Items:
        return (item for item in read(folder) if _part(item) == part)

    return read_part


def _part(item: Segment | Utterance | Reject) -> str:
    """The part of a segment's conversation; lines that are no segments go with the training part, to be told once."""
    if not isinstance(item, Segment):
        return "train"
    place, end = int(hashlib.sha256(item.pattern.encode()).hexdigest(), 16) % 100, 0
    for part, percent in HELD_OUT_PERCENT.items():
        end += percent
        if place < end:
            return part
    return "train"


def dialogues(name: str) -> Reader:
    """A reader of BConTrasT's JSON, `{dialogue: [{utteranceID, speaker, source, target}]}`; a line is a turn, counted through the file.

    Source: https://github.com/Unbabel/BConTrasT
    """

    def read(folder: Path) -> Items:
        turns = [(dialogue, turn) for dialogue, found in _json(folder / name).items() for turn in found]
        for number, (dialogue, turn) in enumerate(turns, 1):
            languages = WRITTEN_IN[turn["speaker"]]
            texts = dict(zip(languages, (turn["source"], turn["target"]), strict=True))
            yield Segment(id=f"{name}:{number}:{turn['speaker']}", pattern=dialogue, texts=texts)

    return read


def messages(name: str, text: str, intent: str) -> Reader:
    """A reader of a table of English messages with its columns of texts and intents."""

    def read(folder: Path) -> Items:
        columns: dict[str, str | int] = {"text": text, "intent": intent}
        return read_messages(
            MessageSource(path=str(folder / name), format=None, encoding="utf-8", columns=columns, part="split", language="en")
        )

    return read


def labelled(name: str, key: str) -> Reader:
    """A reader of one list of CLINC150's JSON, `{key: [[text, intent]]}`; a line is a place in the list.

    Source: https://github.com/clinc/oos-eval
    """

    def read(folder: Path) -> Items:
        for number, (text, intent) in enumerate(_json(folder / name)[key], 1):
            label = OUT_OF_SCOPE if intent == "oos" else intent
            yield Utterance(id=f"{name}:{number}:{key}", text=text, intent=label, language="en")

    return read


def blank(item: Segment | Utterance) -> Reject | None:
    """What to say of a record that lacks a text; `None` if it has all."""
    file, line = item.id.split(":")[:2]
    if isinstance(item, Utterance):
        return None if item.text.strip() else Reject(file=file, line=int(line), reason="no text", text=item.intent)
    lacking = ", ".join(language for language, text in item.texts.items() if not text.strip())
    shown = " | ".join(item.texts.values())[:200]
    return Reject(file=file, line=int(line), reason=f"no text in {lacking}", text=shown) if lacking else None


def _segment_source(path: Path, languages: dict[str, str] | None = None) -> SegmentSource:
    return SegmentSource(
        path=str(path),
        format=None if path.suffix in (".csv", ".tmx") else "moses",
        encoding="utf-8",
        columns={},
        languages=languages or {},
        part="split",
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
