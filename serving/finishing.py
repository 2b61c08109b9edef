"""From what a model wrote about a masked sentence to the sentence of the answer.

The protected spans come back (`data.restoring`), the punctuation is the target language's (`data.punctuation`), and little stays little:

- where the model wrote no letter although the source has some, the source stands;
- so it does where up to four words, or Chinese characters, became far more (`most_words`), or something of which the model was not sure
  (`LEAST_PROBABILITY`): what nobody said is worse than a word that is not translated. It does not where the answer has a term's wanted
  form;
- up to four words without a final mark have none in the answer;
- OK is OK in every language.

Not covered: a translation of the right length that is wrong; names of one word, which a model may translate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from data.language import HAN
from data.protect import TERM_KIND, Span
from data.punctuation import punctuate
from data.restoring import restore

FEW = 4  # words or Chinese characters
WORD = re.compile(rf"{HAN.pattern}|(?:(?!{HAN.pattern})[^\W\d_])+(?:['’-](?:(?!{HAN.pattern})[^\W\d_])+)*")
# A choice, tried by hand on short phrases with the demo's models: below it none of their answers was right.
LEAST_PROBABILITY = 0.2
FINAL_MARKS = ".!?…。！？；"
CLOSING = " \"'”’»)）」』"
SAME_EVERYWHERE = frozenset({"ok", "okay"})


class Written(NamedTuple):
    """What the models made of a sentence.

    Attributes:
        text: with markers for the spans.
        masked: the source, with the same markers.
        spans: what they stand for.
        probability: the mean of the pieces.
    """

    text: str
    masked: str
    spans: Sequence[Span]
    probability: float = 1.0


def finish(source: str, written: Written, target: str, kept: Sequence[str] = ()) -> str:
    """The sentence of the answer.

    Args:
        source: the sentence as it was sent.
        written: what became of it.
        target: language of the answer.
        kept: wanted forms of terms, which stay as they are.
    """
    text, masked = written.text, written.masked
    words = len(WORD.findall(masked))
    given = [span.text for span in written.spans if span.kind == TERM_KIND]
    if not given and (masked.strip(f"{FINAL_MARKS}, ").lower() in SAME_EVERYWHERE or not WORD.search(text)):
        return source
    if words <= FEW and not given and not any(term in text for term in kept if term) and _guessed(masked, text, written.probability):
        return source
    if words <= FEW and not masked.rstrip(CLOSING).endswith(tuple(FINAL_MARKS)):
        text = _unmarked(text, kept)
    return restore(punctuate(text, target, kept), masked, written.spans, kept)


def most_words(masked: str) -> int:
    """The most words that a translation of few words may have; Chinese characters count as words.

    Of 28,266 such pairs in the shipped glossaries and phrases 11 are longer (clockwise: en el sentido de las agujas del reloj). Half
    the letters are for German compounds: 3 words and 2 alone would be too few for 108.
    """
    return max(3 * len(WORD.findall(masked)) + 2, len(masked) // 2)


def _guessed(masked: str, written: str, probability: float) -> bool:
    """Whether a model that read few words did not know what to write."""
    return probability < LEAST_PROBABILITY or len(WORD.findall(written)) > most_words(masked)


def _unmarked(written: str, kept: Sequence[str]) -> str:
    """`written` without a mark at its end, and without the one that Spanish then has at its start; terms keep theirs."""
    bare = written.rstrip(f"{FINAL_MARKS} ")
    if any(written.rstrip().endswith(term) for term in kept if term):
        return written
    return bare.lstrip("¿¡") if bare != written and not re.search(r"[¿¡].*[?!]", bare) else bare
