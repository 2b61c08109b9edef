"""The terms of a request: where they stand in a segment, and how they go through the models.

A term is annotated (`data.annotation`): the model writes its mark and the name of a form, and the glossary spells it. By way of English it
is annotated twice, in between under its English name.

One that is *held* goes through the models as what is protected does, and comes back in its base form: for models that know no annotations,
for a term that has no English name on a way through English, for more terms than there are marks, and for what `strict_terms` has to
repair, because the model left out the mark.

Not covered: a term that goes over the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data.annotation import START, TERMS, Annotation, annotate, form_of, grammar, spell
from data.language import UNSPACED
from data.protect import MARKERS, TERM_KIND, Span, find_protected
from data.terms import TermMatch, TermMatcher, Wanted, count
from serving.glossaries import Glossaries

HELD = "\ue02f"  # stands for a held term until it gets its marker
FINAL = re.compile(r"[.!?。！？\s]*$")


@dataclass
class Use:
    """A term at a place of a segment.

    Attributes:
        term: what stands there, and what it is to become.
        text: what stands there, as it was sent.
        start, end: code points of the segment, `end` exclusive.
        place: the same in the normalised sentence; `None` where it cannot be found there.
        overrides: what the industry's glossary would have it become, where the request itself says another thing.
        held: whether it goes through the models as what is protected does.
    """

    term: Wanted
    text: str
    start: int
    end: int
    place: tuple[int, int] | None = None
    overrides: str | None = None
    held: bool = False


class RequestTerms:
    """Finds the terms of one request: its own, which win, and its industry's.

    Args:
        glossaries: where the industry's is looked up.
        industry: whose terms count; `None`: nobody's.
        inline: (source, target) terms of the request.
        target: language.
    """

    def __init__(self, glossaries: Glossaries, industry: str | None, inline: Sequence[tuple[str, str]], target: str) -> None:
        if industry is not None:
            glossaries.get(industry)  # an unknown one is refused before anything is computed
        self._glossaries, self._industry, self._target = glossaries, industry, target
        self._own = TermMatcher(Wanted(source, (source,), (wanted,), words={target: {"base": wanted}}) for source, wanted in inline)

    def find(self, sentence: str, plain: str, source: str, offset: int) -> list[Use]:
        """The terms of a sentence, from left to right.

        Args:
            sentence: as it was sent.
            plain: normalised.
            source: its language.
            offset: of the sentence in its segment.
        """
        sent = self._matches(sentence, source)
        if not sent:
            return []
        normal = sent if plain == sentence else self._matches(plain, source)
        same = [match.term.id for match, _ in sent] == [match.term.id for match, _ in normal]
        spans = find_protected(plain)
        uses = []
        for i, (match, overrides) in enumerate(sent):
            place = (normal[i][0].start, normal[i][0].end) if same else None
            if place is None or not any(span.cut_by(*place) for span in spans):
                uses.append(Use(match.term, match.text, offset + match.start, offset + match.end, place, overrides))
        return uses

    def _matches(self, text: str, source: str) -> list[tuple[TermMatch, str | None]]:
        """The terms in a text, each with the glossary's translation that it overrides."""
        known = self._glossaries.matcher(self._industry, source, self._target).find(text)
        own = self._own.find(text)
        over = {id(match): next((k for k in known if (k.start, k.end) == (match.start, match.end)), None) for match in own}
        found = [(match, _overridden(match, over[id(match)])) for match in own]
        found += [(k, None) for k in known if all(k.end <= match.start or match.end <= k.start for match in own)]
        return sorted(found, key=lambda item: item[0].start)


def _overridden(own: TermMatch, known: TermMatch | None) -> str | None:
    """The glossary's translation, where it has one and admits not the request's."""
    if known is None or own.term.targets[0].casefold() in {target.casefold() for target in known.term.targets}:
        return None
    return known.term.targets[0]


@dataclass
class Reading:
    """A sentence as a model is to read it.

    Attributes:
        text: with its terms annotated; what is protected still stands in it.
        spans: what is to be masked in it, held terms too.
        marked: the annotated terms, in the order of their marks.
    """

    text: str
    spans: list[Span]
    marked: list[Use]


def first_leg(plain: str, uses: Sequence[Use], language: str) -> Reading:
    """The sentence as the first model is to read it.

    Args:
        plain: the normalised sentence.
        uses: its terms, from left to right; those that cannot be annotated are held from now on.
        language: that the model writes.
    """
    annotations: list[Annotation] = []
    marked: list[Use] = []
    held: list[Use] = []
    text, shift = plain, 0
    for use, place in [(use, use.place) for use in uses if use.place]:
        start, end = place[0] + shift, place[1] + shift
        use.held = use.held or language not in use.term.words or len(marked) == len(TERMS)
        if use.held:
            held.append(use)
            text, shift = text[:start] + HELD + text[end:], shift + len(HELD) - (end - start)
        else:
            marked.append(use)
            annotations.append(Annotation(start, end, grammar(use.term.words[language])))
    text = annotate(text, annotations)
    places = [i for i, character in enumerate(text) if character == HELD]
    spans = [Span(TERM_KIND, use.term.targets[0], i, i + 1) for use, i in zip(held, places, strict=True)]
    return Reading(text, sorted([*find_protected(text), *spans], key=lambda span: span.start)[: len(MARKERS)], marked)


def later_leg(text: str, marked: Sequence[Use], language: str, following: str) -> str:
    """What a model wrote, with its terms spelled and annotated for the next model.

    Args:
        text: with marks.
        marked: the terms, in the order of their marks.
        language: of `text`.
        following: language that the next model writes.
    """

    def annotated(number: int, form: str) -> str:
        """A term under its name in the language in between; nothing for a mark that stands for none."""
        if number >= len(marked):
            return ""
        words = marked[number].term.words
        return START + form_of(words[language], form) + TERMS[number] + grammar(words[following])

    return spell(text, annotated, language).replace(f" {START}", f"{START} ")


def spelled(text: str, marked: Sequence[Use], language: str) -> str:
    """What the last model wrote, with its terms spelled; `marked` has them in the order of their marks."""
    return spell(text, lambda number, form: form_of(marked[number].term.words[language], form) if number < len(marked) else "", language)


def applied(uses: Sequence[Use], text: str) -> list[bool]:
    """For each term of a segment, whether its translation has it; of one that stands there oftener, the first ones count as applied."""
    left = {use.term.id: count(text, use.term.targets) for use in uses}
    found = []
    for use in uses:
        found.append(left[use.term.id] > 0)
        left[use.term.id] -= 1
    return found


def with_missing(text: str, missing: Sequence[str], language: str) -> str:
    """`text` with what is missing in brackets before its final mark: the last resort, where a model lost even what was held."""
    if not missing:
        return text
    end = FINAL.search(text)
    place = end.start() if end else len(text)
    given = f"（{'、'.join(missing)}）" if language in UNSPACED else f" ({', '.join(missing)})"
    return text[:place] + given + text[place:]
