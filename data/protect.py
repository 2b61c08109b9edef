"""What must not change in translation: found in the source and masked for the model.

A protected span becomes one private-use character ("marker"), which is a single piece of our own vocabularies; the model learns to
copy it. One mechanism in preparation and in serving; `data.restoring` is the way back. The kinds are tried in the order of `KINDS`; a
longer span of an earlier kind wins.

Not covered: names of people and companies; codes in lower case with fewer than five digits; number formats are kept as they were
written.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from data.annotation import REGION

FIRST_MARKER = 0xE000
MARKERS = tuple(chr(FIRST_MARKER + i) for i in range(20))

_NUMBER = r"\d+(?:[.,:/\-]\d+)*"
# Of two units that begin alike the longer stands first. "5in" is inches, "5 in" is mostly the preposition.
_UNIT = (
    r"(?:[kcm]?m[²³]|[kKMGmuµμn]?(?:Wh|VA|Ah|Hz|Pa|W|V|A|m|g|l|L|N|J|B|Ω)|kg|cm|bar|psi|rpm|dB|Nm|°C|°F|℃|dpi|px|(?<=\d)in|ft|lbs?|oz|GSM|gsm)"
    r"(?:/(?:min|h|s|kg|l|L|[kcm]?m[²³]?)(?![A-Za-z]))?"
)
_CURRENCY = r"(?:USD|EUR|CNY|RMB|GBP|CHF|MXN|JPY|US\$|\$|€|£|¥|￥)"
_NOT_IN_URL = r"\s<>\"'«»\u2010-\u206f\u3000-\u303f\uff00-\uffef\u4e00-\u9fff\ue000-\uf8ff"  # typographic quotes, Chinese, markers
_NO_LETTER_BEFORE = r"(?<![A-Za-z0-9_\u00c0-\u024f])"
_CAPITALS = r"[\-_/.x×][A-Z0-9]+(?![A-Za-z0-9])"  # "PO-123456.Please" ends at the full stop
_NO_WORD_AFTER = r"(?!/[A-Za-z]|-[a-z])"  # "30 A/C units" are not 30 A, nor "25 V-belts" 25 V
_NO_LETTER_AFTER = r"(?![A-Za-z0-9_\u00c0-\u024f])"

KINDS: dict[str, str] = {
    "url": rf"(?:https?://|www\.)[^{_NOT_IN_URL}]*[^{_NOT_IN_URL}.,;:!?)\]]",
    "email": r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}",
    "placeholder": r"\{\{\s?[A-Za-z_][\w.]*\s?\}\}|\{[A-Za-z_][\w.]*\}|\{\d+\}|#[A-Z][A-Z_]*#|%\(\w+\)s",
    "markup": r"</?[A-Za-z][^<>]{0,200}>|&(?:[a-z]{2,8}|#\d{1,5});",
    "phone": rf"{_NO_LETTER_BEFORE}\+\d[\d ()/\-]{{6,20}}\d",
    "amount": rf"{_NO_LETTER_BEFORE}{_CURRENCY}\s?{_NUMBER}|{_NO_LETTER_BEFORE}{_NUMBER}\s?{_CURRENCY}(?!\s?\d){_NO_LETTER_AFTER}",
    "code": (
        rf"{_NO_LETTER_BEFORE}(?=[A-Za-z0-9\-_/.]{{0,60}}\d)(?=[0-9\-_/.]{{0,60}}[A-Za-z])"
        rf"(?:[A-Z]+[A-Z0-9]*(?:[\-_x×][A-Za-z0-9]+|{_CAPITALS})*|\d+[A-Z]+[A-Z0-9]*(?:{_CAPITALS})*)"  # X3-Hybrid, but 380V of 380V-Motor
        rf"{_NO_LETTER_AFTER}|{_NO_LETTER_BEFORE}[A-Za-z]{{1,6}}[\-_]?\d{{5,}}{_NO_LETTER_AFTER}"
    ),
    "measure": (
        rf"{_NO_LETTER_BEFORE}(?:[±+\-]\s?)?{_NUMBER}(?:\s?[x×]\s?{_NUMBER})*\s?{_UNIT}(?:/{_NUMBER}\s?{_UNIT})*"
        rf"{_NO_LETTER_AFTER}{_NO_WORD_AFTER}"
    ),
    "number": rf"[±+\-]?{_NUMBER}(?:\s?[x×]\s?{_NUMBER})*(?:\s?[%‰])?",
    "emoji": r"(?:[\U0001f1e6-\U0001faff\u2600-\u27bf\u2b50\u2b55][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*)+",
}
# No span begins with white space or, but for addresses, inside a lower-case word: said once, it halves the time of a search.
_NOT_HERE = r"(?!\s|(?<=[A-Za-z])[a-z](?!ttps?://|ww\.))"
PATTERN = re.compile(_NOT_HERE + "(?:" + "|".join(f"(?P<{kind}>{expression})" for kind, expression in KINDS.items()) + ")")


TERM_KIND = "term"  # of the span of a term that goes through the models as a marker; no kind of what is protected


@dataclass(frozen=True)
class Span:
    """A piece of a text that is masked; offsets are code points, `end` exclusive."""

    kind: str
    text: str
    start: int
    end: int

    def cut_by(self, start: int, end: int) -> bool:
        """Whether what stands at `start:end` has a part of the span, but not all of it: then it is no term."""
        return self.start < end and start < self.end and not (start <= self.start and self.end <= end)


def find_protected(text: str) -> list[Span]:
    """The protected spans of `text`, in order, without overlaps; an annotated term is not protected, nor what stands in it."""
    found = [Span(str(m.lastgroup), m.group(), m.start(), m.end()) for m in PATTERN.finditer(text)]
    regions = [match.span() for match in REGION.finditer(text)]
    return [span for span in found if all(span.end <= start or end <= span.start for start, end in regions)]


def mask(text: str, spans: Sequence[Span], markers: Sequence[str] = MARKERS) -> str:
    """`text` with its i-th span replaced by the i-th marker.

    Raises:
        ValueError: more spans than markers.
    """
    if len(spans) > len(markers):
        raise ValueError(f"{len(spans)} protected spans, but only {len(markers)} markers")
    parts, position = [], 0
    for span, marker in zip(spans, markers, strict=False):
        parts += [text[position : span.start], marker]
        position = span.end
    return "".join(parts) + text[position:]


def mask_pair(source: str, target: str, chance: random.Random) -> tuple[str, str]:
    """A training pair with markers on both sides, for the spans of the source that the target repeats.

    The markers are drawn at random, in rising order, so that training sees all of them. A source span that the target lacks stays
    text on both sides: the model must not learn to drop a marker.
    """
    source_spans, target_spans = find_protected(source), find_protected(target)
    markers = sorted(chance.sample(MARKERS, min(len(source_spans), len(MARKERS))))
    kept: list[tuple[Span, Span]] = []
    for span in source_spans[: len(MARKERS)]:
        match = next((t for t in target_spans if t.text == span.text), None)
        if match is not None:
            target_spans.remove(match)
            kept.append((span, match))
    marker_of = {id(match): marker for (_, match), marker in zip(kept, markers, strict=False)}
    by_place = sorted((match for _, match in kept), key=lambda t: t.start)
    masked_target = mask(target, by_place, [marker_of[id(match)] for match in by_place])
    return mask(source, [span for span, _ in kept], markers), masked_target
