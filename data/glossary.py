"""Glossaries: the terms of one industry, in several languages, with their forms.

A language of an entry may be a locale (`es-MX`, `zh-Hant`): what is said there in place of the language's own word.

Not covered: TBX, TMX, CSV and XLSX; answering in a locale; forbidden forms; versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.records import read_yaml

PLAIN_KEYS = frozenset({"id", "tags", "confused_with", "note"})  # the keys of an entry that are not languages
FEATURES = frozenset({"gender", "classifier", "article"})  # what a form entry says of a word that is not a form of it


class GlossaryError(ValueError):
    """A glossary that cannot be used; the message lists every problem with its file."""


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        id: `INDUSTRY/NAME`.
        tags: what it is (product, part, material ...).
        forms: language or locale -> form name -> text; `base` is always there.
        confused_with: ids of the terms of the same glossary that must not stand for it.
        note: what a translator needs to know, one sentence.
    """

    id: str
    tags: tuple[str, ...]
    forms: dict[str, dict[str, str]]
    confused_with: tuple[str, ...] = ()
    note: str = ""

    def read_as(self, language: str) -> list[str]:
        """The forms of a language and of its locales: how a customer may write the term."""
        locales = [name for name in self.forms if name == language or name.startswith(f"{language}-")]
        return list(dict.fromkeys(text for name in sorted(locales) for text in self.surfaces(name)))

    def surfaces(self, language: str) -> list[str]:
        """Every written form in a language, the base form first, none twice; empty where the language is missing."""
        forms = self.forms.get(language, {})
        texts = [forms[name] for name in sorted(forms, key=lambda n: (n != "base", n)) if name not in FEATURES]
        return list(dict.fromkeys(texts))


@dataclass(frozen=True)
class Glossary:
    """The terms of one industry."""

    industry: str
    terms: tuple[Term, ...]


def load_glossaries(folder: Path) -> dict[str, Glossary]:
    """Every `*.yaml` of a folder, by industry.

    Raises:
        GlossaryError: broken files or terms, all of them at once.
    """
    problems: list[str] = []
    found: dict[str, Glossary] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            glossary = _glossary(path)
        except GlossaryError as error:
            problems.append(str(error))
            continue
        if glossary.industry in found:
            problems.append(f"{path}: the industry {glossary.industry!r} stands in another file too")
        found[glossary.industry] = glossary
    if problems:
        raise GlossaryError("\n".join(problems))
    return found


def _glossary(path: Path) -> Glossary:
    """The glossary of one file.

    Raises:
        GlossaryError: it is not YAML, has no industry or terms, or has broken terms; all of them at once.
    """
    try:
        content = read_yaml(path)
    except ValueError as error:
        raise GlossaryError(str(error)) from None
    if not isinstance(content, dict) or not content.get("industry") or not isinstance(content.get("terms"), list):
        raise GlossaryError(f"{path}: needs an industry and a list of terms")
    terms, problems = [], []
    for number, entry in enumerate(content["terms"], 1):
        try:
            terms.append(_term(content["industry"], entry))
        except ValueError as error:
            problems.append(f"{path}: term {number}: {error}")
    ids = [term.id for term in terms]
    problems += [f"{path}: the id {i!r} stands twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
    problems += [f"{path}: {t.id!r}: confused_with names no term: {i!r}" for t in terms for i in t.confused_with if i not in ids]
    if problems:
        raise GlossaryError("\n".join(problems))
    return Glossary(str(content["industry"]), tuple(terms))


def _term(industry: str, entry: Any) -> Term:
    """One entry of a glossary file.

    Raises:
        ValueError: no id, a language without a base form, or no language at all.
    """
    if not isinstance(entry, dict) or not entry.get("id"):
        raise ValueError("needs an id")
    for key in ("tags", "confused_with"):
        if not isinstance(entry.get(key) or [], list):
            raise ValueError(f"{entry['id']!r}: {key} is a list, not {entry[key]!r}")
    try:
        forms = {str(language): word_forms(value) for language, value in entry.items() if language not in PLAIN_KEYS}
    except ValueError as error:
        raise ValueError(f"{entry['id']!r}: {error}") from None
    if not forms or any(not f.get("base") for f in forms.values()):
        raise ValueError(f"{entry['id']!r} needs a base form in each of its languages")
    confused = tuple(f"{industry}/{name}" for name in entry.get("confused_with") or ())
    return Term(f"{industry}/{entry['id']}", tuple(entry.get("tags") or ()), forms, confused, str(entry.get("note") or ""))


def word_forms(value: Any) -> dict[str, str]:
    """A word's forms; plain text is its base form.

    Raises:
        ValueError: a form is not text. Nothing is guessed: YAML reads `no`, `on` and an empty value as something else.
    """
    forms = value if isinstance(value, dict) else {"base": value}
    wrong = [f"{name}: {text!r} is not text (quote it)" for name, text in forms.items() if not isinstance(text, str)]
    if wrong:
        raise ValueError("; ".join(wrong))
    return {str(name): text for name, text in forms.items()}
