"""What may be a term in Chinese texts, which put no spaces between words, and where it stands.

A candidate is a string of two to eight characters whose parts belong together and which may have anything beside it:

- *Inside.* Wherever it is cut in two, it is more frequent than its parts would have it (pointwise mutual information, Church and Hanks
  1990).
- *Outside.* Many different characters stand before it and behind it (branching entropy, Jin and Tanaka-Ishii 2006). Of 液压泵, 液压 has 泵
  behind it whenever it is no word of its own.

Latin words and abbreviations count as one character. What holds a particle, a pronoun or a conjunction is no candidate.

Not covered: single characters (泵 beside 水泵); Traditional Chinese, for which the lists hold no words.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from data.glossary.candidates import HIDDEN, Candidates, Span, kept_spans
from data.glossary.everyday import BREAKS, EVERYDAY, NOT_FIRST, NOT_LAST, general_words
from data.language import HAN

LONGEST = 8  # characters; one of the shipped glossaries' 879 forms is longer
TOGETHER = 2.0  # chosen on the texts that data/glossary/candidates.py names; bits of pointwise mutual information at the weakest cut
BRANCHING = 1.0  # the same; bits of entropy of what stands beside
EVERYDAY_WORD = re.compile("|".join(sorted((word for word in EVERYDAY["zh"] if len(word) > 1), key=lambda word: (-len(word), word))))
TOKEN = re.compile(rf"{HAN.pattern}|[A-Za-z][A-Za-z0-9\-]*|\S")
LATIN = re.compile(r"[A-Za-z]")


def chinese_candidates(texts: Sequence[str], fewest: int) -> Candidates:
    """The candidates of Chinese texts, in at least `fewest` segments each."""
    segments = [_tokens(text) for text in texts]
    counts, before, behind = _count(segments, fewest)
    total = sum(count for gram, count in counts.items() if len(gram) == 1)
    good = {
        gram
        for gram, count in counts.items()
        if count >= fewest
        and _may_be(gram)
        and _together(gram, counts, total) >= TOGETHER
        and min(_entropy(before[gram]), _entropy(behind[gram])) >= BRANCHING
    }
    found = [[span for span in _spans(tokens) if span[2] in good] for tokens in segments]
    return _numbered(kept_spans(segments, found, fewest))


def _tokens(text: str) -> list[str]:
    """Characters and Latin words; everyday words, marks and numbers are empty."""
    text = EVERYDAY_WORD.sub("|", HIDDEN.sub("|", text))
    return [token if (HAN.match(token) or LATIN.match(token)) and token not in BREAKS else "" for token in TOKEN.findall(text)]


def _spans(tokens: Sequence[str]) -> Iterator[Span]:
    """Every string of characters, with where it stands."""
    for begin in range(len(tokens)):
        for end in range(begin + 1, min(begin + LONGEST, len(tokens)) + 1):
            if not tokens[end - 1]:
                break
            yield begin, end, tuple(tokens[begin:end])


Gram = tuple[str, ...]


def _count(segments: Sequence[Sequence[str]], fewest: int) -> tuple[Counter[Gram], dict[Gram, Counter[str]], dict[Gram, Counter[str]]]:
    """How often each string stands there, and what stands beside the frequent ones."""
    counts: Counter[Gram] = Counter(gram for tokens in segments for _, _, gram in _spans(tokens))
    before: dict[Gram, Counter[str]] = defaultdict(Counter)
    behind: dict[Gram, Counter[str]] = defaultdict(Counter)
    for number, tokens in enumerate(segments):
        for begin, end, gram in _spans(tokens):
            if counts[gram] >= fewest and len(gram) > 1:
                before[gram][_beside(tokens, begin - 1, number)] += 1
                behind[gram][_beside(tokens, end, number)] += 1
    return counts, before, behind


def _beside(tokens: Sequence[str], place: int, number: int) -> str:
    """The character there; a mark or the segment's end is another each time, for anything may stand beyond it."""
    return (tokens[place] if 0 <= place < len(tokens) else "") or f"|{number}"


def _may_be(gram: Gram) -> bool:
    """Whether a string of characters begins and ends as a word does."""
    if len(gram) == 1:
        return bool(LATIN.match(gram[0])) and len(gram[0]) > 1
    return "".join(gram) not in general_words("zh") and gram[0] not in NOT_FIRST and gram[-1] not in NOT_LAST and any(map(HAN.match, gram))


def _together(gram: Gram, counts: Counter[Gram], total: int) -> float:
    """Bits of pointwise mutual information at the weakest cut."""
    if len(gram) == 1:
        return math.inf
    cuts = (counts[gram[:cut]] * counts[gram[cut:]] for cut in range(1, len(gram)))
    return math.log2(counts[gram] * total / max(cuts))


def _entropy(counts: Counter[str]) -> float:
    """Bits of entropy; infinite where nothing was counted (a Latin word)."""
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else math.inf


def _numbered(found: Sequence[Sequence[Span]]) -> Candidates:
    numbers: dict[Gram, int] = {}
    places = [[(begin, end, numbers.setdefault(gram, len(numbers))) for begin, end, gram in spans] for spans in found]
    return Candidates([("".join(gram),) for gram in numbers], places)
