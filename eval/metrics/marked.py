"""Segments whose terms are marked, from the SGML of WMT 2021's shared task on terminology.

    hypothesis    <seg id="1"> une pompe </seg>                                               one a line
    reference     <seg id="1"> une <term tgt="pompe|pompes" type="..."> pompe </term> </seg>   `tgt`: what may stand there
    source        as the reference

A `type` with `tgt_lemma` says that the reference has the term in a form that is not listed.

Source: https://www.statmt.org/wmt21/terminology-task.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.readers.row import library


@dataclass(frozen=True)
class MarkedTerm:
    """A term of a segment.

    Attributes:
        forms: of the target, any of which will do.
        places: of its words in the reference.
        inflected: the reference has a form that the glossary does not list.
    """

    forms: tuple[str, ...]
    places: range
    inflected: bool = False


@dataclass(frozen=True)
class MarkedSegment:
    """A translated segment whose terms are marked in the reference; words are what stands between spaces."""

    hypothesis: list[str]
    reference: list[str]
    terms: list[MarkedTerm]


def read_marked(hypothesis: Path, source: Path, reference: Path) -> list[MarkedSegment]:
    """The segments of three SGML files, by their ids.

    Raises:
        ValueError: a file is no such SGML, or lacks segments of another.
    """
    hypotheses = {key: "".join(seg.itertext()).split() for key, seg in _segs(hypothesis).items()}
    references, sources = _segs(reference), _segs(source)
    for path, ids in ((hypothesis, hypotheses.keys()), (source, sources.keys())):
        if lacking := sorted(references.keys() - ids):
            raise ValueError(f"{path}: lacks {len(lacking)} of the segments of {reference}, the first of them {lacking[0]!r}")
    return [MarkedSegment(hypotheses[key], *_marked(seg)) for key, seg in references.items()]


def _segs(path: Path) -> dict[str, Any]:
    """Segment id -> its element.

    Raises:
        ValueError: not one segment in it.
    """
    etree = library("lxml.etree", path)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True)  # which takes a lone < or & for what it is
    root = etree.parse(str(path), parser).getroot()
    found = {seg.get("id"): seg for seg in root.iter("seg")} if root is not None else {}
    if not found:
        raise ValueError(f"{path}: no <seg id=...> in it")
    return found


def _marked(seg: Any) -> tuple[list[str], list[MarkedTerm]]:
    """The words of a reference, and its terms."""
    words, terms = (seg.text or "").split(), []
    for term in seg:
        own = "".join(term.itertext()).split()
        listed = term.get("tgt", "")
        forms = [*listed.split("|"), *([] if " ".join(own) in listed else [" ".join(own)])]
        inflected = "tgt_lemma" in term.get("type", "")
        terms.append(MarkedTerm(tuple(forms), range(len(words), len(words) + len(own)), inflected))
        words += own + (term.tail or "").split()
    return words, terms
