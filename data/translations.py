"""Translations of the shipped training messages: parallel text as customers write it, for both kinds of model.

`LANGUAGE.tsv` holds the translations of messages first written in LANGUAGE: a header `id` and the other languages, then one message a
line. The translation models read the original and write the translation, never the other way round: originals have typos. The
classifier gets every translation as a message of its own. A translation goes where its original goes: what is tested, in any language,
is not trained on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data.records import RecordError, Segment, Utterance


@dataclass(frozen=True)
class Translation:
    """A message and its translations.

    Attributes:
        message: the original.
        texts: language -> translation; the original's own language is not among them.
    """

    message: Utterance
    texts: dict[str, str]

    def as_segment(self) -> Segment:
        """The message in all its languages; the original's wording is read, never written."""
        texts = {self.message.language: self.message.text, **self.texts}
        return Segment(id=f"message.{self.message.id}", pattern="message", texts=texts, source_only=[self.message.language])

    def as_messages(self) -> list[Utterance]:
        """The translations as labelled messages; none where earlier turns, which are not translated, give the message its meaning."""
        if self.message.history:
            return []
        return [
            self.message.model_copy(update={"id": f"{self.message.id}>{language}", "language": language, "text": text})
            for language, text in self.texts.items()
        ]


def load_translations(folder: Path, messages: Iterable[Utterance]) -> list[Translation]:
    """The translations of every `LANGUAGE.tsv` of a folder, in order.

    Raises:
        RecordError: broken lines, ids that no message has or that stand twice; all of them at once.
    """
    known = {message.id: message for message in messages}
    found: dict[str, Translation] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.tsv")):
        lines = path.read_text(encoding="utf-8").splitlines()
        header = lines[0].split("\t") if lines else []
        if header[:1] != ["id"] or len(header) < 2 or path.stem in header:
            problems.append(f"{path}: its first line names id and the other languages, not {header}")
            continue
        for number, line in enumerate(lines[1:], 2):
            fields = line.split("\t")
            message = known.get(fields[0])
            if len(fields) != len(header) or not all(field.strip() for field in fields):
                problems.append(f"{path}:{number}: needs {', '.join(header)}, has {len(fields)} fields, some empty or none")
            elif message is None or fields[0] in found or message.language != path.stem:
                problems.append(f"{path}:{number}: {fields[0]!r} is no {path.stem} message, or stands twice")
            else:
                found[message.id] = Translation(message, dict(zip(header[1:], fields[1:], strict=True)))
    if problems:
        raise RecordError("\n".join(problems[:20]))
    return list(found.values())
