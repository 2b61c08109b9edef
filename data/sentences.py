"""A text into sentences and back, every space and line break in its place.

`split(text)` gives `gaps` and `sentences` with `gaps[0] + sentences[0] + gaps[1] + ... + gaps[-1] == text`. Bullets and numbering of
lists belong to the gaps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENGLISH_GERMAN_SPANISH = """
    mr mrs ms dr no nos approx incl excl e.g i.e etc vs inc ltd corp co fig qty ref tel attn dept
    z.b d.h u.a bzw bspw ca nr art abb inkl zzgl bzgl vgl evtl ggf usw str hr fr herr std min max mio
    sr sra sres srta ud uds p.ej ej ee uu cía ltda aprox núm núms págs pág dpto tfno atte
"""
ABBREVIATIONS = frozenset(_ENGLISH_GERMAN_SPANISH.split())  # their full stop ends no sentence; lower case
LONGEST_WORD = 40  # characters looked back for an abbreviation
COMPOUND_ENDS = ("nr", "str")  # German writes them in one word: Bestellnr., Hauptstr.
LINE_START = re.compile(r"[^\S\r\n]*(?:(?:[-*•‣–]|\(?\d{1,2}[.)])[^\S\r\n]+)?")
# Possessive: marks and quotes at the end of a line stay together. The look-behinds keep long runs of marks from taking quadratic time.
BOUNDARY = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'“”’»)\]]*+(?P<spaced>[ \t\u00a0]++)(?=[\"'“„‘«(\[¿¡]*+[\w\U0001f000-\U0001faff\u2600-\u27bf])"
    r"|(?<![。！？；])[。！？；]++[”’」』）】》]*+(?P<joined>[ \t\u3000]*+)(?=\S)"
)


@dataclass(frozen=True)
class SplitText:
    """Sentences, and what stands before, between and after them: one more gap than sentences."""

    gaps: list[str]
    sentences: list[str]

    def join(self, translated: list[str], *, spaced: bool) -> str:
        """The translated sentences with the source's gaps.

        Args:
            translated: one per sentence.
            spaced: whether the target language puts a space between sentences. Between two sentences of a line, an empty gap
                becomes a space for a spaced language, and a single space disappears for one that is not.
        """
        parts = [self.gaps[0]]
        for index, sentence in enumerate(translated):
            gap = self.gaps[index + 1]
            inner = index + 1 < len(translated)
            if inner and spaced and gap == "":
                gap = " "
            elif inner and not spaced and gap == " ":
                gap = ""
            parts += [sentence, gap]
        return "".join(parts)


def split(text: str) -> SplitText:
    """The sentences of a text of any length; a text of white space has none."""
    gaps, sentences, pending = [], [], ""
    for line in re.split(r"(\r\n|\n|\r)", text):
        if not line.strip():
            pending += line
            continue
        start = LINE_START.match(line)
        position = start.end() if start and line[start.end() :].strip() else len(line) - len(line.lstrip())
        pending += line[:position]
        for sentence, gap in _sentences(line[position:]):
            gaps.append(pending)
            sentences.append(sentence)
            pending = gap
    return SplitText([*gaps, pending], sentences)


def _sentences(line: str) -> list[tuple[str, str]]:
    """(sentence, the space behind it) of one line that does not begin with white space."""
    found, start = [], 0
    for match in BOUNDARY.finditer(line):
        kind = "spaced" if match.group("spaced") is not None else "joined"
        sentence = line[start : match.start(kind)]
        if kind == "spaced" and (_abbreviated(sentence) or _quoted(sentence, line[match.end()])):
            continue
        found.append((sentence, match.group(kind)))
        start = match.end(kind)
    last = line[start:]
    body = last.rstrip()
    return [*found, (body, last[len(body) :])]


def _quoted(sentence: str, following: str) -> bool:
    """Whether the mark ends only what stands in quotes or brackets: the sentence goes on in lower case."""
    return sentence[-1] not in ".!?…" and following.islower()


def _abbreviated(sentence: str) -> bool:
    """Whether the full stop at the end belongs to an abbreviation, an initial or an ordinal."""
    if not sentence.endswith("."):
        return False
    word = re.split(r"[\s(]", sentence[-LONGEST_WORD:-1])[-1].lower().lstrip("[\"'“„‘‚«‹¿¡")
    last_part = re.split(r"[-/]", word)[-1]  # Art.-Nr.
    if word in ABBREVIATIONS or last_part in ABBREVIATIONS or last_part.endswith(COMPOUND_ENDS):
        return True
    return bool(re.fullmatch(r"(?:[a-zà-ÿ]\.)*[a-zà-ÿ]|\d{1,2}", word))
