"""The terminology metrics of any translations, and the terms that fail, from a file of segments.

    python -m eval.score_terms eval/results/work/translations/en-de.jsonl

The file has a JSON object a line: `source`, `reference`, `translation`, and if there is one `document` (its name; without it nothing is
said of consistency). The terms are those of the glossaries that stand in the sources and have a word in the target language.

What the references themselves score stands beside: translators, too, say some things in other words.

Not covered: permuted or forced terms, which the file does not know; intervals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from configs.schema import ROOT
from data.console import command
from data.glossary import load_glossaries
from data.records import read_jsonl
from data.terms import term_matcher
from eval.metrics.consistency import consistency
from eval.metrics.context import chrf_context
from eval.metrics.forbidden import forbidden_used
from eval.metrics.inflected import inflected, inflected_counts
from eval.metrics.scorecard import TermCard, scorecard
from eval.metrics.script import to_simplified
from eval.metrics.terminology import term_success
from eval.metrics.text import chrf
from eval.metrics.wanted import TermForms

GLOSSARIES = ROOT / "data/glossaries"
WORST = 10  # terms shown


class Row(BaseModel):
    """A translated segment, as `evaluate_translation` writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    reference: str
    translation: str
    document: str = ""
    id: str = ""
    part: str = ""


@dataclass(frozen=True)
class Translations:
    """Segments, their translations, and the terms that their sources have."""

    sources: list[str]
    references: list[str]
    hypotheses: list[str]
    documents: list[str]
    terms: list[list[TermForms]]


def read_translations(path: Path, pair: tuple[str, str], glossaries: Path) -> Translations:
    """A file of translations with the terms of the glossaries in it; Chinese ones in Simplified characters.

    Raises:
        ValueError: broken lines or glossaries, or no term in any source.
    """
    source, target = pair
    rows = read_jsonl(path, Row)
    known = {term.id: term for glossary in load_glossaries(glossaries).values() for term in glossary.terms if term.surfaces(target)}
    matcher = term_matcher(known.values(), source)
    terms = [[TermForms.of(known[match.term.id], target) for match in matcher.find(row.source)] for row in rows]
    if not any(terms):
        raise ValueError(f"{path}: none of {len(known)} terms of {glossaries} stands in a source of its {len(rows)} segments")
    spelled = to_simplified if target.split("-")[0] == "zh" else str
    references, hypotheses = [spelled(row.reference) for row in rows], [spelled(row.translation) for row in rows]
    return Translations([row.source for row in rows], references, hypotheses, [row.document for row in rows], terms)


def scores(found: Translations, hypotheses: Sequence[str]) -> dict[str, float]:
    """Every metric of some translations of the sources; without those that have nothing to count."""
    surfaces = [[term.surfaces for term in wanted] for wanted in found.terms]
    measured = {
        "term_success": term_success(hypotheses, surfaces),
        "terms": sum(map(len, found.terms)),
        "forbidden": forbidden_used(hypotheses, found.terms),
        "chrf": chrf(hypotheses, found.references).score,
        "chrf_context": chrf_context(hypotheses, found.references, surfaces, surfaces).score,
    }
    if inflected_counts(hypotheses, found.references, found.terms)[:, 1].any():
        share = inflected(hypotheses, found.references, found.terms)
        measured |= {"inflected": share.score, "inflected_terms": share.count}
    return measured | _consistency(found, hypotheses)


def _consistency(found: Translations, hypotheses: Sequence[str]) -> dict[str, float]:
    """Of the segments that have a document; nothing where no document has a term more than once."""
    kept = [i for i, document in enumerate(found.documents) if document]
    try:
        made = consistency([hypotheses[i] for i in kept], [found.documents[i] for i in kept], [found.terms[i] for i in kept])
    except ValueError:
        return {}
    among_found = {} if made.found is None else {"consistency_found": made.found}
    return {"consistency": made.score, **among_found, "consistency_occurrences": made.occurrences}


def table(ours: Mapping[str, float], references: Mapping[str, float]) -> str:
    """The scores, those of the references beside them."""
    lines = [f"{'':24}{'translation':>12}{'reference':>12}"]
    for name in {**ours, **references}:
        lines.append(f"{name:24}{_number(ours.get(name)):>12}{_number(references.get(name)):>12}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    """Counts whole, scores with two decimals, a dash for none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def card_lines(card: TermCard) -> str:
    """A term that fails, with an example."""
    forms = f", inflected {card.inflected_hits} of {card.inflected_wanted}" if card.inflected_wanted else ""
    example = asdict(card.miss) if card.miss else {}
    return "\n".join([f"{card.id}: {card.hits} of {card.wanted}{forms}", *(f"    {name:12}{text}" for name, text in example.items())])


def _pair(path: Path, pair: str | None) -> tuple[str, str]:
    """The languages.

    Raises:
        ValueError: no pair was given, and the file's name is none.
    """
    source, _, target = (pair or path.name.partition(".")[0]).partition("-")
    if not (source and target):
        raise ValueError(f"{path}: its name is no pair of languages (en-de.jsonl); give one with --pair en-de")
    return source, target


@command
def main(
    translations: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    pair: Annotated[str | None, typer.Option(help="source-target; by default the file's name")] = None,
    glossaries: Annotated[Path, typer.Option(exists=True, file_okay=False)] = GLOSSARIES,
    worst: Annotated[int, typer.Option(help="how many of the terms that fail are shown")] = WORST,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores and the worst terms as JSON")] = False,
) -> str:
    """Print the terminology metrics of a file of translations, and its worst terms."""
    found = read_translations(translations, _pair(translations, pair), glossaries)
    ours, theirs = scores(found, found.hypotheses), scores(found, found.references)
    cards = [card for card in scorecard(found.sources, found.references, found.hypotheses, found.terms) if card.miss]
    if as_json:
        made = {**ours, "references": theirs, "worst": [asdict(card) for card in cards[:worst]]}
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False))
        raise typer.Exit
    typer.echo("\n".join([table(ours, theirs), *map(card_lines, cards[:worst])]))
    return f"{translations}: {len(found.sources)} segments, {len(cards)} terms fail somewhere"


if __name__ == "__main__":
    typer.run(main)
