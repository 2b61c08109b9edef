"""What a term is: its words per language, and the rules for using them.

A language of a term may be a locale (`es-MX`, `zh-Hant`): what is said there in place of the language's own word. Of the words of a
language the first is preferred, the others (`synonyms`) are admitted, and some may be forbidden.

Not covered: definitions, context sentences, pictures; rules that hold for one direction only.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FEATURES = frozenset({"gender", "classifier", "article"})  # what a word's entry says of it that is not a form of it
CASES = ("ignore", "keep")
VERSION_DIGITS = 12  # hexadecimal: 48 bits, so that two of a million versions are alike once in 560 such sets (birthday bound)

Word = dict[str, str]  # form name -> text; `base` is always there


class GlossaryError(ValueError):
    """A glossary that cannot be used; the message lists every problem with its file."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term.

    Attributes:
        id: `INDUSTRY/NAME`.
        tags: what it is (product, part, material ...).
        forms: language or locale -> the preferred word.
        confused_with: ids of the terms of the same glossary that must not stand for it.
        note: what a translator needs to know, one sentence.
        synonyms: language or locale -> further admitted words, the better ones first.
        forbidden: language or locale -> what must not be written for the term.
        case: `keep`: it is another word in other capitals (LED, led); `ignore`: it is not.
        pos: part of speech, lower case (noun, proper noun, verb ...); empty: not said.
        translate: false for what stays as it is in every language.
    """

    id: str
    tags: tuple[str, ...]
    forms: dict[str, Word]
    confused_with: tuple[str, ...] = ()
    note: str = ""
    synonyms: dict[str, tuple[Word, ...]] = field(default_factory=dict)
    forbidden: dict[str, tuple[str, ...]] = field(default_factory=dict)
    case: str = "ignore"
    pos: str = ""
    translate: bool = True

    @property
    def name(self) -> str:
        """The id without the industry."""
        return self.id.partition("/")[2]

    def words(self, language: str) -> list[Word]:
        """The admitted words of a language with their forms, the preferred one first; none where the language is missing."""
        return [self.forms[language], *self.synonyms.get(language, ())] if language in self.forms else []

    def read_as(self, language: str) -> list[str]:
        """The forms of a language and of its locales: how a customer may write the term."""
        locales = [name for name in self.forms if name == language or name.startswith(f"{language}-")]
        return list(dict.fromkeys(text for name in sorted(locales or [language]) for text in self.surfaces(name)))

    def surfaces(self, language: str) -> list[str]:
        """Every written form that a language admits, the preferred base form first, none twice.

        Empty where the language is missing, but for a term that is not translated: that is written in any language as in its own.
        """
        if language not in self.forms and not self.translate:
            language = min(self.forms)
        return list(dict.fromkeys(text for word in self.words(language) for text in written(word)))


def written(word: Word) -> list[str]:
    """The written forms of a word, the base form first."""
    if len(word) == 1:
        return [word["base"]]
    return [word[name] for name in sorted(word, key=lambda n: (n != "base", n)) if name not in FEATURES]


def ranked(terms: Iterable[Term]) -> list[Term]:
    """The terms in the order of their ids' hashes: a new one changes the place of few others."""
    return sorted(terms, key=lambda term: hashlib.sha256(term.id.encode()).hexdigest())


def entry_of(term: Term) -> dict[str, Any]:
    """A term as the YAML files write it, with nothing in it that goes without saying."""
    rules: dict[str, Any] = {"id": term.name, "tags": list(term.tags), "pos": term.pos}
    if term.case != "ignore":
        rules["case"] = term.case
    words = {language: _words_entry(term, language) for language in term.forms}
    names = [identifier.partition("/")[2] for identifier in term.confused_with]
    found = {**rules, **words, "confused_with": names, "note": term.note}
    found = {key: value for key, value in found.items() if value}
    return found if term.translate else {**found, "translate": False}


def _words_entry(term: Term, language: str) -> dict[str, Any]:
    entry: dict[str, Any] = dict(term.forms[language])
    if language in term.synonyms:
        entry["synonyms"] = [word["base"] if len(word) == 1 else dict(word) for word in term.synonyms[language]]
    if language in term.forbidden:
        entry["forbidden"] = list(term.forbidden[language])
    return entry


@dataclass(frozen=True)
class Glossary:
    """The terms of one industry."""

    industry: str
    terms: tuple[Term, ...]

    @functools.cached_property
    def version(self) -> str:
        """The beginning of a SHA-256 over what the glossary says.

        The file's format, the order of terms, languages, forms, tags and forbidden words, and comments change nothing in it.
        """
        digest = hashlib.sha256(json.dumps(self.industry).encode())
        for term in sorted(self.terms, key=lambda term: term.id):
            digest.update(json.dumps(_canonical(entry_of(term)), sort_keys=True).encode())
        return digest.hexdigest()[:VERSION_DIGITS]


def _canonical(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with its lists sorted, but for the synonyms, whose order says something."""
    return dict(_sorted_lists(entry))


def _sorted_lists(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in entry.items():
        if isinstance(value, dict):
            yield key, _canonical(value)
        else:
            yield key, sorted(value) if isinstance(value, list) and key != "synonyms" else value
