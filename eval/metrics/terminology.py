"""Whether the terms of a glossary stand in a translation, and in the right surroundings.

    term_success(hypotheses, terms)    share of the terms that stand there, in any form that the glossary lists
    exact_match(segments)              the same as Alam et al. 2021 publish it, each place counted once
    window_overlap(segments, window)   how much of what stands around a term in the reference stands around it in the hypothesis
    term_weighted_score(segments)      1 - TERm: words in the right order, those of terms weighing twice

`python -m eval.metrics.terminology HYPOTHESIS SOURCE REFERENCE` prints BLEU and the last three of a hypothesis, its terms marked as
`eval/metrics/marked.py` says.

Case policy of `term_success`: case is ignored on both sides. `HYDRAULIKPUMPE` and `hydraulikpumpe` are both the term: whether a noun has
its capital is a matter of spelling that chrF sees, and a term that begins a sentence must not fail. It looks at word boundaries
(`data.terms.occurs`; Chinese has none), in whatever spelling (`data.folding`). The published metrics keep the case and take a space on
both sides for a boundary.

Not covered: lemmas from a tagger, which the published figures of exact match (15 of 774 hits), window overlap and TERm include; inflected
forms that the glossary does not list.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from data.console import command
from data.terms import occurs
from eval.metrics.marked import MarkedSegment, read_marked
from eval.metrics.ter import term_weighted_ter
from eval.metrics.text import bleu

Forms = Sequence[str]  # the target forms of one term, any of which will do

SPACED = "fr"  # BLEU takes words as they are; any language with spaces will do
WINDOWS = (2, 3)  # words on each side; Alam et al. 2021


def term_hits(hypothesis: str, terms: Iterable[Forms]) -> list[bool]:
    """For each term of the source, whether one of its target forms stands in the hypothesis."""
    return [occurs(hypothesis, forms) for forms in terms]


def term_success(hypotheses: Sequence[str], terms: Sequence[Sequence[Forms]]) -> float:
    """Share of the source's terms that stand in the translation, 0..100.

    Each term counts as often as it is listed, but how often it stands there is not looked at: twice in the source and once in the
    translation, both succeed, as in the term success of WMT 2025. `exact_match` is stricter: it takes a place once.

    Args:
        hypotheses: one per segment.
        terms: per segment, the target forms of each term found in its source: all forms of all admitted words.

    Raises:
        ValueError: not one list of terms per hypothesis, or not one term in all of them.

    Source: exact-match accuracy, Alam et al. 2021, https://arxiv.org/abs/2106.11891; WMT 2025's terminology task, track 1 (without its
        lemmas, and with word boundaries), https://github.com/wmt-conference/wmt25-terminology
    """
    if len(hypotheses) != len(terms):
        raise ValueError(f"term success needs the terms of each hypothesis, got {len(terms)} lists for {len(hypotheses)}")
    hits = [hit for hypothesis, wanted in zip(hypotheses, terms, strict=True) for hit in term_hits(hypothesis, wanted)]
    if not hits:
        raise ValueError(f"term success of {len(hypotheses)} segments without a single term")
    return 100 * sum(hits) / len(hits)


def exact_match(segments: Iterable[MarkedSegment], ignore_case: bool = False) -> tuple[int, int]:
    """Terms that stand in their hypothesis, and terms.

    Each form of a term takes the first place where no form before it, of this term or another, begins.

    Source: https://github.com/mahfuzibnalam/terminology_evaluation
    """
    spelled = _lower if ignore_case else list[str]
    hits = terms = 0
    for segment in segments:
        taken: set[int] = set()
        words = spelled(segment.hypothesis)
        for term in segment.terms:
            found = [_take(_places(words, spelled(form.split())), taken) for form in term.forms]
            hits += any(found)
            terms += 1
    return hits, terms


def _take(places: Iterable[int], taken: set[int]) -> bool:
    """Take the first place that is not taken; whether there was one."""
    free = next((i for i in places if i not in taken), None)
    if free is not None:
        taken.add(free)
    return free is not None


def window_overlap(segments: Sequence[MarkedSegment], window: int) -> float:
    """How much of the words around each term in the reference stands around it in the hypothesis, 0..100: the mean over all segments.

    A segment's value is the mean over the terms that stand in its hypothesis as in its reference; a segment without one counts 0, as it
    does in the published figures, so that 100 cannot be reached.

    Args:
        segments: at least one.
        window: words on each side, marks left out.

    Raises:
        ValueError: no segments.

    Source: Alam et al. 2021, https://arxiv.org/abs/2106.11891
    """
    if not segments:
        raise ValueError("window overlap needs a segment")
    return 100 * fmean(_overlap(segment, window) for segment in segments)


def _overlap(segment: MarkedSegment, window: int) -> float:
    """The mean over the terms of a segment, 0..1; of equal terms the best pairs of places count, none twice."""
    found: list[float] = []
    by_form: dict[tuple[str, ...], list[range]] = {}
    for term in (term for term in segment.terms if not term.inflected):
        by_form.setdefault(tuple(segment.reference[term.places.start : term.places.stop]), []).append(term.places)
    for form, wanted in by_form.items():
        places = [range(i, i + len(form)) for i in _places(segment.hypothesis, form)]
        shares = {
            (i, j): _shared(_around(segment.reference, there, window), _around(segment.hypothesis, here, window))
            for i, there in enumerate(wanted)
            for j, here in enumerate(places)
        }
        while shares:
            best = max(shares, key=lambda pair: shares[pair])
            found.append(shares[best])
            shares = {pair: share for pair, share in shares.items() if pair[0] != best[0] and pair[1] != best[1]}
    return fmean(found) if found else 0.0


def _around(words: Sequence[str], places: range, window: int) -> list[str]:
    """The nearest words before and behind, marks left out."""
    before = [word for word in reversed(words[: places.start]) if word not in string.punctuation]
    behind = [word for word in words[places.stop :] if word not in string.punctuation]
    return before[:window] + behind[:window]


def _shared(wanted: Sequence[str], found: Sequence[str]) -> float:
    """Share of the wanted words that are found, each as often as it is there."""
    rest = list(found)
    for word in wanted:
        if word in rest:
            rest.remove(word)
    return (len(found) - len(rest)) / len(wanted) if wanted else 0.0


def term_weighted_score(segments: Sequence[MarkedSegment]) -> float:
    """1 - TERm, 100 and below: the mean over the segments.

    Raises:
        ValueError: no segments, or a reference without a word.
    """
    if not segments:
        raise ValueError("TERm needs a segment")
    rates = (
        term_weighted_ter(s.hypothesis, s.reference, {i for term in s.terms if not term.inflected for i in term.places}) for s in segments
    )
    return 100 * (1 - fmean(rates))


def _places(words: Sequence[str], form: Sequence[str]) -> list[int]:
    """Where a form begins."""
    return [i for i in range(len(words) - len(form) + 1) if list(words[i : i + len(form)]) == list(form)] if form else []


def _lower(words: Iterable[str]) -> list[str]:
    return [word.lower() for word in words]


@command
def main(
    hypothesis: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    source: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    reference: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
) -> str:
    """Print the published terminology metrics of a hypothesis in SGML."""
    segments = read_marked(hypothesis, source, reference)
    hits, terms = exact_match(segments)
    if not terms:
        raise ValueError(f"{reference}: marks no term")
    folded, _ = exact_match(segments, ignore_case=True)
    score = bleu([" ".join(s.hypothesis) for s in segments], [" ".join(s.reference) for s in segments], SPACED).score
    typer.echo(f"BLEU                          {score:.2f}")
    typer.echo(f"exact match                   {hits} of {terms} ({100 * hits / terms:.2f})")
    typer.echo(f"exact match, case ignored     {folded} of {terms} ({100 * folded / terms:.2f})")
    for window in WINDOWS:
        typer.echo(f"window overlap, {window} words       {window_overlap(segments, window):.2f}")
    typer.echo(f"1 - TERm                      {term_weighted_score(segments):.2f}")
    return f"{len(segments)} segments"


if __name__ == "__main__":
    typer.run(main)
