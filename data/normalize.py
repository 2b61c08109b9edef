"""Text as the models read it: one Unicode form, one kind of space, no character that we use as a marker, no shouting.

Punctuation is left as it is: Chinese keeps its full-width marks.
"""

from __future__ import annotations

import re
import unicodedata

from data.annotation import GIVEN, bare
from data.language import HAN

SPACES = re.compile(r"\s+")
INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
SURROGATE = re.compile("[\ud800-\udfff]")  # half of a pair: no text for SentencePiece, which takes UTF-8
NOT_COMPARED = re.compile("[^\\w\ue000-\uf8ff]|_")
WORD = re.compile(r"[^\W\d_]\w*")
NO_CAPITAL = frozenset("ßºªµ")  # small letters that a caps-lock key leaves as they are
FEWEST_SHOUTED = 3  # words; fewer in capitals are more often abbreviations (CIF FOB?)
SENTENCEPIECE_SPACE = "\u2581"  # SentencePiece's own sign for a space


def normalize(text: str) -> str:
    """`text` in NFC, every run of white space one space, markers, half surrogate pairs and invisible characters gone.

    The result can be shorter than the input; offsets into the input do not hold for it.
    """
    text = SURROGATE.sub("\ufffd", PRIVATE_USE.sub("\ufffd", text))
    text = INVISIBLE.sub("", text).replace(SENTENCEPIECE_SPACE, "_")
    return SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def calm(text: str) -> str:
    """A sentence in lower case but for its first letter, where all of it is in capitals: a caps-lock key, not names.

    German nouns and abbreviations lose their capitals too; Latin words in Chinese keep theirs, and so does a sentence of few words.
    Applied to a source after its protected spans are masked, so that codes keep their letters; what an annotated term is to become keeps
    its own.
    """
    said = bare(text)
    words = [match for match in WORD.finditer(said) if match[0][0].isupper()]
    small = any(character.islower() and character not in NO_CAPITAL for character in said)
    if small or len(words) < FEWEST_SHOUTED or HAN.search(said):
        return text
    first = words[0].start()
    lowered = said[:first].lower() + said[first] + said[first + 1 :].lower()
    return lowered if said == text else _reannotated(text, lowered)


def _reannotated(text: str, said: str) -> str:
    """What is given in the annotated `text`, at its places in `said`, the same text in another case."""
    parts, position = [], 0
    for piece in re.split(f"({GIVEN.pattern})", text):
        if GIVEN.fullmatch(piece):
            parts.append(piece)
        else:
            parts.append(said[position : position + len(piece)])
            position += len(piece)
    return "".join(parts)


def comparable(text: str) -> str:
    """`text` reduced to what two copies of a sentence share: NFKC, lower case, letters, digits and private-use markers only."""
    return NOT_COMPARED.sub("", unicodedata.normalize("NFKC", text).casefold())
