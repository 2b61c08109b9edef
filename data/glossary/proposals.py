"""Mined terms in and out: segments from a parallel source, a glossary, the evidence beside it.

Writes  OUT               the terms, in any format of `data.glossary.files`
        OUT.evidence.tsv  a row a term: score, counts, forms, examples (OUT without its ending)

The evidence stands apart so that it is the same whatever the glossary's format, and so that nothing of it must be taken out of the glossary
when the terms have been looked through.

Not covered: plurals and genders as forms of the terms, which a text does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from configs.schema import SegmentSource
from data.glossary.files import with_names
from data.glossary.loading import assemble
from data.glossary.mining import EXAMPLES, Proposal
from data.glossary.tables import cell
from data.glossary.term import Glossary
from data.readers.segments import read_segments
from data.records import Reject, write_text

EVIDENCE = ".evidence.tsv"


def read_pairs(sources: SegmentSource, source: str, target: str) -> tuple[list[tuple[str, str]], int]:
    """The texts of a parallel source in two languages, and how many lines of it could not be read.

    Raises:
        ValueError: it cannot be read, or nothing in it is in both languages.
    """
    found: list[tuple[str, str]] = []
    rejects = 0
    for segment in read_segments(sources, (source, target)):
        if isinstance(segment, Reject):
            rejects += 1
        elif source in segment.texts and target in segment.texts:
            found.append((segment.texts[source], segment.texts[target]))
    if not found:
        raise ValueError(f"{sources.path}: no segment is in both {source} and {target} ({rejects:,} lines left out)")
    return found, rejects


def glossary_of(proposals: Iterable[Proposal], source: str, target: str, industry: str) -> Glossary:
    """The proposals as a glossary, named by their source words."""
    entries = [(0, {source: proposal.source, target: proposal.target}) for proposal in proposals]
    return assemble(Path(), industry, with_names(entries), []).glossary


def evidence_path(out: Path) -> Path:
    """Where the evidence of a glossary file stands."""
    return out.with_name(out.stem + EVIDENCE)


def write_evidence(path: Path, proposals: Iterable[Proposal]) -> None:
    """Write the evidence, a row a proposal."""
    write_text(path, "".join("\t".join(row) + "\n" for row in evidence(proposals)))


def evidence(proposals: Iterable[Proposal]) -> Iterator[list[str]]:
    """The rows of the evidence, the header first."""
    counts = ["score", "source_count", "target_count", "joint"]
    yield ["source", "target", *counts, "source_forms", "target_forms"] + [
        f"{side}_example_{number}" for number in range(1, EXAMPLES + 1) for side in ("source", "target")
    ]
    for proposal in proposals:
        texts = [text for example in proposal.examples for text in example] + [""] * (2 * (EXAMPLES - len(proposal.examples)))
        figures = [f"{proposal.score:.1f}", *map(str, (proposal.source_count, proposal.target_count, proposal.joint))]
        forms = [cell(proposal.source_forms), cell(proposal.target_forms)]
        yield [cell([proposal.source]), cell([proposal.target]), *figures, *forms, *(cell([text]) for text in texts)]


def table(proposals: Sequence[Proposal]) -> Iterator[str]:
    """The proposals as lines for a terminal."""
    yield "score  together  source  target  term"
    for found in proposals:
        counts = f"{found.joint:8,}  {found.source_count:6,}  {found.target_count:6,}"
        yield f"{found.score:5.1f}  {counts}  {found.source} = {found.target}"
