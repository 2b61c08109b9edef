"""Terms that no training text has: whether a model obeys a glossary shows on terms that it cannot know.

The terms are held out slot by slot, so that each kind of word is tested, or industry by industry where no patterns are used; a term of
which another term shares a form is not held out, for training could show it under the other's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.glossary import Glossary, Term
from data.glossary.term import ranked
from data.glossary.yaml_files import write_yaml
from data.records import Segment
from data.terms import term_matcher


def held_out_terms(groups: Iterable[Sequence[Term]], glossaries: Mapping[str, Glossary], percent: float) -> frozenset[str]:
    """The ids of so many of each group's terms, those with the greatest hashes, but none of which another term shares a form."""
    uses = Counter(form for glossary in glossaries.values() for term in glossary.terms for form in _all_forms(term))
    found: set[str] = set()
    for group in groups:
        own = [term for term in group if all(uses[form] == 1 for form in _all_forms(term))]
        found.update(term.id for term in ranked(own)[::-1][: round(len(group) * percent / 100)])
    return frozenset(found)


def slot_groups(slots: Mapping[str, Any], glossaries: Mapping[str, Glossary]) -> list[list[Term]]:
    """The terms of every slot that a glossary fills."""
    filled = [slot for slot in slots.values() if isinstance(slot, dict) and "glossary" in slot]
    return [[term for term in glossaries[slot["glossary"]].terms if slot["tag"] in term.tags] for slot in filled]


def _all_forms(term: Term) -> set[tuple[str, str]]:
    return {(language, form.casefold()) for language in term.forms for form in term.surfaces(language)}


class TermFinder:
    """Tells the segments that have one of some terms in any language.

    Args:
        glossaries: all terms: a longer one that holds a wanted one's words is not the wanted one.
        wanted: ids of those that are looked for.
        languages: of the segments.

    Attributes:
        wanted: as given.
    """

    def __init__(self, glossaries: Mapping[str, Glossary], wanted: Collection[str], languages: Iterable[str]) -> None:
        terms = [term for glossary in glossaries.values() for term in glossary.terms]
        self.wanted = frozenset(wanted)
        self._matchers = {language: term_matcher(terms, language) for language in languages if wanted}

    def finds(self, segment: Segment) -> bool:
        """Whether the segment has one."""
        return any(
            match.term.id in self.wanted
            for language, text in segment.texts.items()
            if language in self._matchers
            for match in self._matchers[language].find(text)
        )


def write_training_terms(glossaries: Mapping[str, Glossary], held_out: Collection[str], folder: Path) -> None:
    """Write the glossaries without the terms that are held out, which is what training may know."""
    for industry, glossary in glossaries.items():
        terms = tuple(term for term in glossary.terms if term.id not in held_out)
        named = {term.id for term in terms}
        kept = [replace(term, confused_with=tuple(i for i in term.confused_with if i in named)) for term in terms]
        write_yaml(folder / f"{industry}.yaml", Glossary(industry, tuple(kept)))
