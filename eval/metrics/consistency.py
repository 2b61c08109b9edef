"""Whether a document (a dialogue) calls the same thing by the same word throughout.

    consistency(hypotheses, documents, terms)

Definition: an occurrence is a place of a term that its document wants more than once. What is compared is which of the term's admitted
words stands there, whatever its form. The score is the mean, over the occurrences, of the share of the other occurrences of the same term
in the same document that have the same word. Scale 0..100: 100 where one word is used throughout, 0 where no two places agree; neither
references nor the preferred word play a part.

An occurrence without an admitted word agrees with none: `score` counts it, so that 100 needs every term to be there; `found` leaves it
out. A word that stands there more often than the source has the term counts each time.

Case policy: ignored, as in `term_success`.

Source: the task is that of Semenov and Bojar 2022, https://aclanthology.org/2022.wmt-1.41, and of WMT 2025's terminology task
(https://github.com/wmt-conference/wmt25-terminology, term-consistency): occurrences of predefined terms, lemmas compared, what is not
found counts as wrong. They compare each occurrence with a pseudo-reference (the first, the most frequent or the glossary's translation);
here every two are compared instead, so that two words in two places are 0 and not 50: the Herfindahl-Hirschman index of terminology
(Dunđer et al. 2022, https://doi.org/10.3390/info13020043) without the pairs of an occurrence with itself.

Not covered: words that the glossary does not list, whose alignment takes a model; consistency from one document to another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics.wanted import TermForms, check_lists, find_forms

Word = int | None  # the place of an admitted word in its term; None: none of them stands there


@dataclass(frozen=True)
class Consistency:
    """How consistent the terms are.

    Attributes:
        score: 0..100, occurrences without an admitted word included.
        found: 0..100, of occurrences with an admitted word; None where no term has two in a document.
        occurrences: of terms that a document wants more than once.
        missed: those without an admitted word.
    """

    score: float
    found: float | None
    occurrences: int
    missed: int


def consistency(hypotheses: Sequence[str], documents: Sequence[str], terms: Sequence[Sequence[TermForms]]) -> Consistency:
    """How consistently the terms of each document are translated.

    Args:
        hypotheses: one per segment.
        documents: per segment, the name of its document; its segments need not stand together.
        terms: per segment, those found in its source, each as often as it is there.

    Raises:
        ValueError: the three differ in length, or no document has a term more than once.
    """
    check_lists("consistency", hypotheses, documents=documents, lists_of_terms=terms)
    chains = _chains(hypotheses, documents, terms)
    if not chains:
        raise ValueError(f"consistency of {len(set(documents))} documents: none wants a term more than once")
    found = [[word for word in chain if word is not None] for chain in chains]
    compared = [chain for chain in found if len(chain) > 1]
    occurrences, missed = sum(map(len, chains)), sum(chain.count(None) for chain in chains)
    return Consistency(_agreement(chains), _agreement(compared) if compared else None, occurrences, missed)


def _chains(hypotheses: Sequence[str], documents: Sequence[str], terms: Sequence[Sequence[TermForms]]) -> list[list[Word]]:
    """The words that stand for each term in each document that wants it more than once."""
    wanted: Counter[tuple[str, str]] = Counter()
    chains: dict[tuple[str, str], list[Word]] = defaultdict(list)
    for hypothesis, document, listed in zip(hypotheses, documents, terms, strict=True):
        for name, (count, words) in _words(hypothesis, listed).items():
            wanted[document, name] += count
            chains[document, name] += words + [None] * (count - len(words))
    return [chain for key, chain in chains.items() if wanted[key] > 1]


def _words(hypothesis: str, terms: Sequence[TermForms]) -> dict[str, tuple[int, list[Word]]]:
    """Id of each term -> how often it is wanted, and the words that stand for it."""
    distinct = list({term.id: term for term in terms}.values())
    wanted = Counter(term.id for term in terms)
    words: dict[str, list[Word]] = {term.id: [] for term in distinct}
    for found in find_forms(hypothesis, distinct):
        words[distinct[found.term].id].append(found.word)
    return {name: (wanted[name], words[name]) for name in words}


def _agreement(chains: Sequence[Sequence[Word]]) -> float:
    """The mean share of the other occurrences that agree with one, 0..100; each chain has two or more."""
    agreeing = 0.0
    for chain in chains:
        counts = Counter(word for word in chain if word is not None)
        agreeing += sum(count * (count - 1) for count in counts.values()) / (len(chain) - 1)
    return 100 * agreeing / sum(map(len, chains))
