"""Glossaries side by side: what differs between two, and several made one.

Terms are the same if their names are (the id without the industry). In a merge a later file's rules and languages take the place of an
earlier file's, and what only the earlier one has stays: a file of English and German and one of English and Chinese make one of three.

Not covered: terms of the same meaning under different names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data.glossary.loading import Loaded, term_of
from data.glossary.term import Glossary, Term, entry_of


@dataclass(frozen=True)
class Change:
    """What a term says otherwise; an empty side is not there."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """Names of terms, and of those that changed, how."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[Change, ...]]


def difference(before: Glossary, after: Glossary) -> Difference:
    """What `after` says otherwise than `before`, terms in the order of their names."""
    old, new = ({term.name: term for term in glossary.terms} for glossary in (before, after))
    changes = {name: tuple(changes_of(old[name], new[name])) for name in sorted(old.keys() & new.keys())}
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed={name: found for name, found in changes.items() if found},
    )


def changes_of(before: Term, after: Term) -> Iterator[Change]:
    """The fields in which two terms differ."""
    old, new = fields_of(before), fields_of(after)
    for field in sorted(old.keys() | new.keys()):
        if old.get(field, "") != new.get(field, ""):
            yield Change(field, old.get(field, ""), new.get(field, ""))


def fields_of(term: Term) -> dict[str, str]:
    """What a term says, flat: `de` and `de.pl` for its words, `tags`, `note` ..."""
    found: dict[str, str] = {}
    for key, value in entry_of(term).items():
        if isinstance(value, dict):
            found.update({key if form == "base" else f"{key}.{form}": _shown(text, form) for form, text in value.items()})
        elif key != "id":
            found[key] = _shown(value, key)
    return found


def _shown(value: Any, key: str) -> str:
    if isinstance(value, list):
        texts = [text if isinstance(text, str) else ", ".join(text.values()) for text in value]
        return " | ".join(texts if key == "synonyms" else sorted(texts))
    return str(value).lower() if isinstance(value, bool) else str(value)


def merge(files: Sequence[Loaded], industry: str) -> tuple[Glossary, list[str]]:
    """The glossaries as one of that industry, and what a later file said otherwise than an earlier one, a sentence each."""
    entries: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    conflicts: list[str] = []
    for file in files:
        for line, term in zip(file.lines, file.glossary.terms, strict=True):
            place = f"{file.path}:{line}"
            earlier = entries.get(term.name)
            if earlier is not None:
                was = fields_of(term_of(industry, earlier))
                conflicts += [
                    f"{place}: {term.name}: {field} is {text!r}, {places[term.name]} had {was[field]!r}"
                    for field, text in fields_of(term).items()
                    if was.get(field, text) != text
                ]
            entries[term.name] = {**(earlier or {}), **entry_of(term)}
            places[term.name] = place
    return Glossary(industry, tuple(term_of(industry, entry) for entry in entries.values())), conflicts
