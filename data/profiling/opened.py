"""What a path holds: parallel text or labelled messages, in which columns, languages and encodings.

What is not named is guessed from the first rows, and the guess is said: `DataSet.guess` for people, `DataSet.source` as the entry that
`configs/params.yaml` wants.

Not covered: JSON documents over many lines, folders that hold both kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from configs.schema import MessageSource, SegmentSource
from data.language import UnknownLanguageError, detect
from data.readers.codes import base_code
from data.readers.encoding import open_text
from data.readers.messages import COLUMNS, read_messages
from data.readers.moses import moses_files
from data.readers.rows import ENDINGS, Row, read_rows
from data.readers.segments import NESTED, read_segments
from data.readers.sources import OF_LINES, pieces
from data.records import Reject, Utterance

PARALLEL, MESSAGES = "parallel text", "labelled messages"
FORMATS = (*ENDINGS, "moses")
LOOKED_AT = 1_000  # rows that a guess looks at
FILES_LOOKED_AT = 10  # of a folder
TOLD = 100  # texts that tell a data set's language
SERVED = ("en", "zh", "de", "es")  # what a message's language is guessed among
SURE_PERCENT = 80  # of the messages looked at that are in one language, so that it is taken for all
USUAL_NAMES = {  # what data sets call a message and its label (Bitext, Banking77, CLINC150 and their kind)
    "text": ("text", "utterance", "message", "query", "instruction", "sentence"),
    "intent": ("intent", "label", "category"),
}


class Item(NamedTuple):
    """One segment or message.

    Attributes:
        where: `NAME:LINE`.
        texts: language -> text; one of them in a message.
        labels: intent, sentiment, urgency of a message, as far as it has them.
        turns: of the conversation before a message.
    """

    where: str
    texts: dict[str, str]
    labels: dict[str, str]
    turns: int = 0


@dataclass(frozen=True)
class Options:
    """What the user names; the rest is guessed."""

    columns: Mapping[str, str | int]
    languages: Mapping[str, str]
    language: str | None = None
    format: str | None = None
    encoding: str | None = None

    @property
    def header(self) -> bool:
        """Whether files have one: columns named by number say that they have not."""
        return not any(isinstance(column, int) for column in self.columns.values())


@dataclass(frozen=True)
class DataSet:
    """A data set found: how to read it, and what was guessed.

    Attributes:
        kind: `PARALLEL` or `MESSAGES`.
        source: as the parameters name it.
        languages: of the texts; of messages none until they are read, or the one that is said or guessed.
        guess: one sentence.
    """

    kind: str
    source: SegmentSource | MessageSource
    languages: tuple[str, ...]
    guess: str

    def items(self) -> Iterator[Item | Reject]:
        """The records, streamed; broken lines as rejects.

        Raises:
            ValueError: a file is not what its format says.
        """
        if isinstance(self.source, SegmentSource):
            for found in read_segments(self.source, self.languages):
                yield found if isinstance(found, Reject) else Item(found.id, found.texts, {})
        else:
            for message in read_messages(self.source):
                yield message if isinstance(message, Reject) else _message(message)

    def files(self) -> list[dict[str, str]]:
        """Name, format and encoding of each file, and the name that its items carry."""
        found = []
        for path, kind in pieces(self.source):
            for file in moses_files(path).values() if kind == "moses" else [path]:
                encoding = open_text(file, self.source.encoding).encoding if kind in OF_LINES else "as the format says"
                found.append({"file": file.name, "format": kind, "encoding": encoding, "items": path.name})
        return found


def _message(message: Utterance) -> Item:
    labels = {"intent": message.intent, "sentiment": message.sentiment, "urgency": message.urgency}
    return Item(message.id, {message.language: message.text}, {name: x for name, x in labels.items() if x}, len(message.history))


def open_data(path: str, options: Options) -> DataSet:
    """Find out what a path holds.

    Args:
        path: a file, a folder, or what Moses files share.
        options: what need not be guessed.

    Raises:
        ValueError: there is nothing there, nothing of a known format, or it is neither parallel text nor labelled messages.
    """
    if options.format not in {None, *FORMATS}:
        raise ValueError(f"format {options.format!r} is unknown; valid: {', '.join(FORMATS)}")
    source: dict[str, Any] = {"path": path, "format": options.format, "encoding": options.encoding, "part": "split"}
    rows = _first_rows(MessageSource(**source, columns={}, language=None), options)
    there = list(dict.fromkeys(name for row in rows for name in row.values))
    columns = _message_columns(options, there)
    if columns is not None:
        return _messages(source, columns, options, rows)
    return _segments(source, options, rows, there)


def _first_rows(source: MessageSource, options: Options) -> list[Row]:
    """The first good rows of the first files.

    Raises:
        ValueError: there are none; the message says what is wrong with the first line.
    """
    first = pieces(source)[:FILES_LOOKED_AT]
    found: list[Row | Reject] = []
    for path, kind in first:
        found += islice(read_rows(path, format=kind, encoding=options.encoding, header=options.header), LOOKED_AT // len(first))
    rows = [row for row in found if isinstance(row, Row)]
    if not rows:
        reason = next((f"; line {item.line}: {item.reason}" for item in found if isinstance(item, Reject)), "")
        raise ValueError(f"{source.path}: nothing in it can be read as {first[0][1]}{reason}")
    return rows


def _message_columns(options: Options, there: list[str]) -> dict[str, str | int] | None:
    """The columns of labelled messages; `None` for parallel text.

    Raises:
        ValueError: the columns named are of both kinds.
    """
    named = [name for name in options.columns if name in COLUMNS]
    if named and len(named) < len(options.columns):
        raise ValueError(f"columns {', '.join(options.columns)}: all of {', '.join(COLUMNS)}, or all of them languages, are valid")
    if options.languages or (options.columns and not named):
        return None
    usual = {what: next((name for name in names if name in there), "") for what, names in USUAL_NAMES.items() if what not in named}
    if named or all(usual.values()):
        return {**{what: name for what, name in usual.items() if name and name != what}, **options.columns}
    return None


def _messages(source: dict[str, Any], columns: dict[str, str | int], options: Options, rows: list[Row]) -> DataSet:
    column = str(columns.get("language", "language"))
    language, guess = options.language, ""
    if language is None and not any(column in row.values for row in rows):
        language = _likely_language([row.values.get(str(columns.get("text", "text")), "") for row in rows])
        guess = f"; no column says the language: {language or 'none is clear'} by the first {len(rows):,} rows"
    said = ", ".join(f"{what} is {columns.get(what, what)}" for what in ("text", "intent"))
    found = MessageSource(**source, columns=columns, language=language)
    return DataSet(MESSAGES, found, (language,) if language else (), f"Taken for labelled messages: {said}{guess}.")


def _likely_language(texts: Sequence[str]) -> str | None:
    """The language that most of the texts are in; `None` where none is clear."""
    found: Counter[str] = Counter()
    for text in texts[:: -(-len(texts) // TOLD)]:
        try:
            found[detect(text, SERVED)] += 1
        except UnknownLanguageError:
            found[""] += 1
    language, count = found.most_common(1)[0]
    return language if language and 100 * count >= SURE_PERCENT * found.total() else None


def _segments(source: dict[str, Any], options: Options, rows: list[Row], there: list[str]) -> DataSet:
    """Parallel text.

    Raises:
        ValueError: fewer than two languages, or a language that is none.
    """
    wrong = [name for name in options.columns if not base_code(name)]
    if wrong:
        raise ValueError(f"columns: {', '.join(wrong)} is neither a language's code nor one of {', '.join(COLUMNS)}")
    codes = _codes(options, rows, there)
    languages = tuple(dict.fromkeys(filter(None, map(base_code, codes))))
    if len(languages) < 2:
        raise ValueError(
            f"{source['path']}: neither parallel text nor labelled messages by its columns: {', '.join(there)}; name them, "
            "--columns en=NAME --columns de=NAME or --columns text=NAME --columns intent=NAME, in rows of mixed languages "
            "--languages TEXT=LANGUAGE for two columns"
        )
    found = SegmentSource(**source, columns=dict(options.columns), languages=dict(options.languages))
    by = "as named" if options.columns or options.languages else "by the names of its columns"
    return DataSet(PARALLEL, found, languages, f"Taken for parallel text in {', '.join(languages)}, {by}.")


def _codes(options: Options, rows: list[Row], there: list[str]) -> Iterable[str]:
    """What may be the codes of the languages, in the order of the columns."""
    if options.languages:
        return [row.values.get(column, "") for column in options.languages.values() for row in rows]
    if options.columns:
        return options.columns
    return [name.removeprefix(NESTED[0]).removeprefix(NESTED[1]) for name in there]
