"""Labelled messages of users: the rows of any format as utterances, broken ones as rejects.

Not covered: whether intent, sentiment and urgency are labels that the classifier knows (`data/utterances.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from configs.schema import MessageSource
from data.readers.codes import base_code
from data.readers.row import Row, rejected
from data.readers.rows import read_rows
from data.readers.sources import pieces
from data.records import Reject, Turn, Utterance

COLUMNS = ("text", "intent", "sentiment", "urgency", "language", "history")
NEEDED = ("text", "intent")
LOOKED_AT = 100  # rows from which the columns of formats without header are known
HISTORY = TypeAdapter(list[Turn])


def read_messages(source: MessageSource) -> Iterator[Utterance | Reject]:
    """The messages of a source, file by file, line by line.

    Args:
        source: where the data set lies; a column that `columns` does not map has the name of what it holds.

    Raises:
        ValueError: there is nothing to read, a file is not of its format, or has no column of texts or intents.
    """
    columns = {name: str(source.columns.get(name, name)) for name in (*COLUMNS, *source.columns)}
    numbered = any(isinstance(column, int) for column in source.columns.values())
    for path, kind in pieces(source):
        rows = read_rows(path, format=kind, encoding=source.encoding, header=not numbered)
        first = list(islice(rows, LOOKED_AT))
        _check(path, dict.fromkeys(name for row in first if isinstance(row, Row) for name in row.values), columns, source)
        for row in chain(first, rows):
            yield row if isinstance(row, Reject) else _utterance(path, row, columns, source.language or "")


def _check(path: Path, names: Iterable[str], columns: Mapping[str, str], source: MessageSource) -> None:
    """Look at the columns that a file has.

    Raises:
        ValueError: one that is needed or was named is not there, or means nothing to us.
    """
    there = list(names)
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise ValueError(f"{path}: columns: {', '.join(unknown)} is not known; valid: {', '.join(COLUMNS)}")
    absent = [column for name, column in columns.items() if column not in there and (name in NEEDED or name in source.columns)]
    if there and absent:
        raise ValueError(f"{path}: has no column {', '.join(absent)}; its columns: {', '.join(there)}")


def _utterance(path: Path, row: Row, columns: Mapping[str, str], language: str) -> Utterance | Reject:
    found = {name: row.values.get(column, "") for name, column in columns.items()}
    lacking = "text" if columns["text"] not in row.values else "intent" if not found["intent"].strip() else ""
    if lacking:
        return rejected(path, row.number, f"no {lacking}", "\t".join(row.values.values()))
    code = found["language"].strip()
    try:
        history = HISTORY.validate_json(found["history"]) if found["history"].strip() else []
    except ValidationError:
        return rejected(path, row.number, 'history is not a list of {"role": "customer" or "agent", "text": "..."}', found["history"])
    return Utterance(
        id=f"{path.name}:{row.number}",
        text=found["text"],
        intent=found["intent"].strip(),
        sentiment=found["sentiment"].strip() or None,
        urgency=found["urgency"].strip() or None,
        history=history,
        language=base_code(code) or code or language,
    )
