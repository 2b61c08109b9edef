"""Term pairs that parallel text proposes: candidates of both languages, linked by the segments in which they stand together.

    candidates.py, chinese.py   what may be a term, and where it stands (everyday.py: the words that are none)
    linking.py                  which are translations of each other
    mining.py                   the two put together: left out is what is known or a name

Proposals are for a person to look through: of the first fifty, between 78 and 94 in a hundred were right (eval/results/term_mining.json),
and further down fewer. 20,000 segments take 9 s of processor time at the most, and 200 MB (measured on shipped text). The same text
proposes the same terms, whatever the order of its segments.

Not covered: one term for each of several translations; verbs and adjectives; texts that are not aligned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.folding import fold
from data.glossary.candidates import Candidates, spaced_candidates
from data.glossary.chinese import chinese_candidates
from data.glossary.linking import Link, link_all
from data.glossary.term import Glossary

FEWEST_SEGMENTS = 50  # pairs; in fewer no word stands often enough beside its translation to tell it from the others
EXAMPLES = 2
EXAMPLE_LENGTH = 80  # characters of a source text that shows a term in use and is read at a glance; the nearest to it are shown
LONGEST_CHINESE = (2, 3)  # characters, and as many more per word of the other side: two of the 879 shipped forms are longer


@dataclass(frozen=True)
class Settings:
    """What is proposed.

    Attributes:
        fewest: segments in which a term stands beside its translation.
        most: proposals.
        min_score: of a proposal, 0..100.
        names: whether proper names are proposed, too.
        known: glossaries whose terms are left out.
    """

    fewest: int = 4
    most: int = 500
    min_score: float = 40.0
    names: bool = False
    known: tuple[Glossary, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A term and its translation.

    Attributes:
        source: the term's base form, as far as the text has it.
        target: its translation's.
        score: 0..100; `data.glossary.linking` says how it is made.
        source_count: segments with the term, where it is no part of a longer one.
        target_count: with the translation.
        joint: with both.
        examples: of those at most two, source and target, neither very short nor very long ones.
        source_forms: how the term is written, the base form first.
        target_forms: how the translation is.
    """

    source: str
    target: str
    score: float
    source_count: int
    target_count: int
    joint: int
    examples: tuple[tuple[str, str], ...]
    source_forms: tuple[str, ...]
    target_forms: tuple[str, ...]


def mine(pairs: Iterable[tuple[str, str]], source: str, target: str, settings: Settings | None = None) -> list[Proposal]:
    """The term pairs that segments propose, the best first.

    Args:
        pairs: source and target text of each segment; what stands there twice counts once.
        source: the source's language.
        target: the target's.
        settings: `None`: the usual ones.

    Raises:
        ValueError: the languages are one, or there are too few segments.
    """
    settings = settings or Settings()
    segments = sorted(set(pairs))
    if source == target:
        raise ValueError(f"terms are mined between two languages, not {source} and {target}")
    if len(segments) < FEWEST_SEGMENTS:
        raise ValueError(
            f"{len(segments)} different segments in {source} and {target}; at least {FEWEST_SEGMENTS} are needed to mine terms"
        )
    sources = candidates_of([text for text, _ in segments], source, settings.fewest)
    targets = candidates_of([text for _, text in segments], target, settings.fewest)
    wanted = _Wanted(sources, targets, source, target, settings)
    links = [link for link in link_all(sources, targets, settings.fewest, settings.min_score) if wanted.holds(link)][: settings.most]
    examples = _examples(segments, sources, targets, links)
    return [_proposal(link, sources, targets, [segments[place] for place in examples[link.source]]) for link in links]


def candidates_of(texts: Sequence[str], language: str, fewest: int) -> Candidates:
    """What may be a term in the texts of a language."""
    if language.split("-")[0] == "zh":
        return chinese_candidates(texts, fewest)
    return spaced_candidates(texts, language, fewest)


class _Wanted:
    """Which links are proposed."""

    def __init__(self, sources: Candidates, targets: Candidates, source: str, target: str, settings: Settings) -> None:
        self._sources, self._targets = sources, targets
        self._names = settings.names
        self._known = (_forms(settings.known, source), _forms(settings.known, target))
        self._chinese = (source.startswith("zh"), target.startswith("zh"))

    def holds(self, link: Link) -> bool:
        """Whether a link is neither known nor a name nor a string of Chinese too long for a word."""
        one, other = self._sources.forms[link.source], self._targets.forms[link.target]
        known = any(fold(form).text in forms for side, forms in zip((one, other), self._known, strict=True) for form in side)
        return not known and (self._names or not self._is_name(link)) and self._fits(one[0], other[0])

    def _is_name(self, link: Link) -> bool:
        """Whether the capitals say name, in both languages if both have such capitals."""
        said = [number in side.names for number, side in ((link.source, self._sources), (link.target, self._targets)) if side.capitals]
        return bool(said) and all(said)

    def _fits(self, one: str, other: str) -> bool:
        if self._chinese[0] == self._chinese[1]:
            return True
        chinese, words = (one, other) if self._chinese[0] else (other, one)
        return len(chinese) <= LONGEST_CHINESE[0] + LONGEST_CHINESE[1] * len(words.split()) or chinese.isascii()


def _forms(glossaries: Iterable[Glossary], language: str) -> frozenset[str]:
    """How the terms of glossaries are written in a language, folded."""
    return frozenset(fold(form).text for glossary in glossaries for term in glossary.terms for form in term.read_as(language))


def _examples(segments: Sequence[tuple[str, str]], sources: Candidates, targets: Candidates, links: Iterable[Link]) -> dict[int, list[int]]:
    """Source candidate -> segments in which it stands beside its translation."""
    wanted = {link.source: link.target for link in links}
    found: dict[int, list[int]] = defaultdict(list)
    for place in sorted(range(len(segments)), key=lambda place: (abs(len(segments[place][0]) - EXAMPLE_LENGTH), place)):
        there = {number for _, _, number in targets.places[place]}
        for number in sorted({number for _, _, number in sources.places[place]}):
            if number in wanted and wanted[number] in there and len(found[number]) < EXAMPLES:
                found[number].append(place)
    return found


def _proposal(link: Link, sources: Candidates, targets: Candidates, examples: Sequence[tuple[str, str]]) -> Proposal:
    one, other = sources.forms[link.source], targets.forms[link.target]
    counts = (link.source_count, link.target_count, link.joint)
    return Proposal(one[0], other[0], round(link.score, 1), *counts, tuple(examples), one, other)
