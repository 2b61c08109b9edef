"""What a model wrote about a masked sentence, with the protected spans of that sentence put back.

    restore(written, masked, spans)     every span once, as it was, a word of its own, and none that the source lacks
    invented(written, masked, allowed)  the values that a model wrote by itself

A model may lose a marker, repeat it, move it, make one up, or write a value of its own. What comes out of it here:

- a marker that stands twice counts where it stands first; markers without a span go;
- a value of the model's own (a number, code, address, {placeholder} that the masked source lacks) is not shown. The masked source has no
  digit: whatever the model writes in digits it has from its training text, and a reader believes a wrong number but asks about a missing
  one. It gives its place to a lost span, else it goes. Where the source spells numbers (`data.numerals`) it stays: "two" is "2" too;
- a lost span is put beside the span next to which it stood in the source, or else where the source has it, in proportion, between words.

Not covered: a number that the model writes in words; a value moved to another sentence, for each is translated alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from data.language import HAN
from data.normalize import PRIVATE_USE
from data.numerals import spells_number, spells_one
from data.protect import MARKERS, TERM_KIND, Span, find_protected

FINAL = ".!?…。！？；\"'“”’»)）」』"  # what may stand at the end of a sentence
LISTED = re.compile(r"[\s,;/、，；+&\-–]*")  # what stands between the values of a list
LAST_NUMBER = re.compile(r"\d[\d.,]*$")
NEXT_WORD = re.compile(r"(?<=\s)\S")
CHINESE_MARK = re.compile(r"[，；：、]")
OPENING = "([{“‘„«¿¡（《「『"
EMPTY = re.compile(r" ?[(（]\s*[)）]")
TRACES = re.compile(r" +(?=[.,;:!?，。；：？！])|^[ ,;:，；：、]+")
SENTENCE_MARKS = re.compile(r"[.,;:!?]+(?=\S)")
JOINING = ".,:/-&=#_~@+"  # between two of what a value can hold
JOINING_BEHIND = "/&=#_~@+"  # PO-123456-Auftrag is German
SEPARATORS = (" ", ", ", "; ")  # tried in this order until a span is found again as itself


def restore(written: str, masked: str, spans: Sequence[Span], allowed: Sequence[str] = (), markers: Sequence[str] = MARKERS) -> str:
    """`written` with each marker replaced by its span, without space at its ends.

    Args:
        written: what the model wrote.
        masked: the source sentence, its i-th span replaced by the i-th marker.
        spans: what `masked` had there.
        allowed: texts whose values are not the model's own: the wanted forms of terms.
        markers: those of `masked`.
    """
    own = markers[: len(spans)]
    written = _each_once(written, own)
    written = _without_inventions(written, masked, own, allowed)
    for i in range(len(own)):
        if own[i] not in written:
            written = _with_lost(written, masked, own, i)
    return _filled(written, masked, dict(zip(own, spans, strict=True))).strip()


def _each_once(written: str, own: Sequence[str]) -> str:
    """`written` with the first of each of our own markers and without any other."""
    left = set(own)
    kept = []
    for character in written:
        if character in left:
            left.remove(character)
        elif PRIVATE_USE.match(character):
            continue
        kept.append(character)
    return _tidy("".join(kept)) if len(kept) < len(written) else written


def invented(written: str, masked: str, allowed: Sequence[str] = ()) -> list[Span]:
    """The protected spans of `written` that stand neither in the masked source nor in what is allowed, nor there spelled in words."""
    known = [masked, *allowed]
    return [span for span in find_protected(written) if not any(span.text in text for text in known) and not _spelled(span, masked)]


def _spelled(span: Span, masked: str) -> bool:
    """Whether a span can be what the source says in words: a value that begins with a number."""
    if span.kind not in {"number", "measure", "amount"} and not span.text[0].isdigit():
        return False
    return spells_number(masked) or (span.text == "1" and spells_one(masked))


def _without_inventions(written: str, masked: str, own: Sequence[str], allowed: Sequence[str]) -> str:
    """`written` with a lost marker in the place of each invented value while there are any, and nothing in that of the others."""
    lost = [marker for marker in own if marker not in written]
    parts, position = [], 0
    for span in invented(written, masked, allowed):
        parts += [written[position : span.start], lost.pop(0) if lost else ""]
        position = _whole_end(written, span)
    return _tidy("".join([*parts, written[position:]])) if position else written


def _whole_end(written: str, span: Span) -> int:
    """Where a value ends with the unit of its last number, which is not part of an address: in `x.example99.5 kg` behind the unit."""
    number = LAST_NUMBER.search(span.text)
    if number is None:
        return span.end
    start = span.start + number.start()
    return max([span.end, *(start + found.end for found in find_protected(written[start:])[:1])])


def _tidy(text: str) -> str:
    """`text` without what a value leaves that is taken out: empty brackets, two spaces, one before a mark, a comma at the start."""
    return re.sub(" {2,}", " ", TRACES.sub("", EMPTY.sub("", text))).strip()


def _with_lost(written: str, masked: str, own: Sequence[str], i: int) -> str:
    """`written` with the i-th marker, which it lacks, put in; those before it are there."""
    before = own[i - 1] if i else ""
    after = next((marker for marker in own[i + 1 :] if marker in written), "")
    at = masked.index(own[i])
    if before and LISTED.fullmatch(gap := masked[masked.index(before) + 1 : at]):
        place, text = written.index(before) + 1, CHINESE_MARK.sub(", ", gap) + own[i]
        return written[:place] + text + _spaced("", "", written[place:]) + written[place:]
    if after and LISTED.fullmatch(gap := masked[at + 1 : masked.index(after)]):
        place, text = written.index(after), own[i] + CHINESE_MARK.sub(", ", gap)
        return written[:place] + _spaced(written[:place], text, "") + written[place:]
    if before and after and written.index(before) > written.index(after):
        before = after = ""
    place = _place(written, _between(written, before, after), _share(masked, at, before, after))
    return written[:place] + _spaced(written[:place], own[i], written[place:]) + written[place:]


def _between(text: str, before: str, after: str) -> tuple[int, int]:
    """From behind the marker `before` to the marker `after`; from the start or to the final mark without them."""
    start = text.index(before) + 1 if before else 0
    return start, max(start, text.index(after) if after else len(text.rstrip(FINAL)))


def _share(masked: str, at: int, before: str, after: str) -> float:
    """How far on the way from `before` to `after` the source has what stands at `at`, 0..1."""
    start, end = _between(masked, before, after)
    return min(1.0, (at - start) / max(1, end - start - 1))


def _place(written: str, bounds: tuple[int, int], share: float) -> int:
    """The place between two words, within `bounds` if there is one, that comes nearest to `share` of the way."""
    start, end = bounds
    wanted = start + share * (end - start)
    return min((place for place in _places(written, end) if start <= place <= end), key=lambda place: abs(place - wanted), default=end)


def _places(written: str, end: int) -> Iterable[int]:
    """Where a value can stand without cutting a word; among Chinese characters only at marks, for their words show no bounds."""
    yield from (0, end)
    yield from (match.start() for match in NEXT_WORD.finditer(written))
    yield from (match.end() for match in CHINESE_MARK.finditer(written))


def _spaced(left: str, text: str, right: str) -> str:
    """`text` with the spaces that a word needs between `left` and `right`."""
    first = " " if left and not left[-1].isspace() and left[-1] not in OPENING and not _chinese(left[-1]) else ""
    last = " " if right and _joins(right[0]) else ""
    return first + text + last


def _chinese(character: str) -> bool:
    """Whether a character is Chinese or a full-width mark."""
    return HAN.match(character) is not None or "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff60"


def _filled(written: str, masked: str, span_of: dict[str, Span]) -> str:
    """`written` with the spans in place, those apart that would be read as one with what stands beside them."""
    for marker, span in span_of.items():
        if span.text[0].isalnum() and _letter_before(written, marker, span_of) and not _letter_before(masked, marker, span_of):
            written = written.replace(marker, f" {marker}")
    for separator in SEPARATORS:
        text, places = _fill(written, span_of)
        found = {(span.start, span.end) for span in find_protected(text)}
        for marker in (marker for marker, place in places.items() if place not in found and _kept_apart(span_of[marker], separator)):
            written = _apart(written, marker, separator)
    return _fill(written, span_of)[0]


def _kept_apart(span: Span, separator: str) -> bool:
    """Whether a span that is not found again needs this separator: a term is a word, for which a space does."""
    return span.kind != TERM_KIND or separator == SEPARATORS[0]


def _fill(written: str, span_of: dict[str, Span]) -> tuple[str, dict[str, tuple[int, int]]]:
    """`written` with the spans in place, and where each stands."""
    parts, places, size = [], {}, 0
    for character in written:
        part = span_of[character].text if character in span_of else character
        if character in span_of:
            places[character] = size, size + len(part)
        parts.append(part)
        size += len(part)
    return "".join(parts), places


def _letter_before(text: str, marker: str, span_of: dict[str, Span]) -> bool:
    """Whether a letter that is not Chinese stands right before a marker, or ends the span that does."""
    place = text.index(marker)
    before = text[place - 1 : place]
    last = span_of[before].text[-1] if before in span_of else before
    return last.isalpha() and not HAN.match(last)


def _apart(written: str, marker: str, separator: str) -> str:
    """`written` with `separator` between a marker and what it must not be read with."""
    left, right = written.split(marker)
    if separator != " " and left.endswith(" ") and PRIVATE_USE.match(left[-2:]):
        left = left[:-1] + separator
    elif left and (_joins(left[-1]) or left[-1] in JOINING):
        left += separator
    marks = SENTENCE_MARKS.match(right)
    if marks:
        right = marks[0] + separator + right[marks.end() :]
    elif right and (_joins(right[0]) or right[0] in JOINING_BEHIND):
        right = separator + right
    return left + marker + right


def _joins(character: str) -> bool:
    """Whether what stands beside this character can be read as one with it."""
    return PRIVATE_USE.match(character) is not None or (character.isalnum() and not HAN.match(character))
