"""Glossaries: the terms of one industry, in several languages, with their forms.

Not covered: TBX, TMX, CSV and XLSX; locales; forbidden forms; versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FEATURES = frozenset({"gender", "classifier", "article"})  # what a form entry says of a word that is not a form of it


class GlossaryError(ValueError):
    """A glossary that cannot be used; the message lists every problem with its file."""


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        id: `INDUSTRY/NAME`.
        tags: what it is (product, part, material ...).
        forms: language -> form name -> text; `base` is always there.
    """

    id: str
    tags: tuple[str, ...]
    forms: dict[str, dict[str, str]]

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
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            glossary = Glossary(str(content["industry"]), tuple(_term(content["industry"], entry) for entry in content["terms"]))
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{path}: {type(error).__name__}: {' '.join(str(error).split())}")
            continue
        ids = [term.id for term in glossary.terms]
        problems += [f"{path}: the id {i!r} stands twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
        found[glossary.industry] = glossary
    if problems:
        raise GlossaryError("\n".join(problems))
    return found


def _term(industry: str, entry: dict[str, Any]) -> Term:
    """One entry of a glossary file.

    Raises:
        ValueError: a language without a base form, or no language at all.
    """
    forms = {language: word_forms(value) for language, value in entry.items() if language not in {"id", "tags"}}
    if not forms or any(not f.get("base") for f in forms.values()):
        raise ValueError(f"term {entry.get('id')!r} needs a base form in each of its languages")
    return Term(f"{industry}/{entry['id']}", tuple(entry.get("tags", ())), forms)


def word_forms(value: Any) -> dict[str, str]:
    """A word's forms; plain text is its base form."""
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else {"base": str(value)}
