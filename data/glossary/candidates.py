"""What may be a term in the texts of one language, and where it stands.

Without a tagger or a dictionary: a candidate is one to four words of a sentence, none of them a function word or an everyday word but for
the `of` of *bill of lading*, and its head stands where nouns stand: in German with a capital, in English last behind an article, in Spanish
first behind one. Chinese, which has no spaces, is another module's (data/glossary/chinese.py).

Words that differ in an ending are one where the texts have both (*pump*, *pumps*), and so are a candidate's forms.

The shares below were chosen by reading what mining proposed from half of TICO-19, from the chats of WMT 2024, and for half of the shipped
glossaries' terms; what a measurement says is beside them.

Not covered: verbs and adjectives as terms; nouns of languages without the lists of data/glossary/everyday.py, where the most frequent words
stand for the function words and any other word may be a head.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data.glossary.everyday import ARTICLES_IN_LINKS, BEFORE_NOUN, BEFORE_VERB, LINKS, general_words, stop_words
from data.protect import KINDS

LONGEST = 4  # words beside `of` and `de`; all but 4 of the shipped glossaries' 3,319 forms in English and Spanish have no more
NESTED = 0.9  # of a candidate's segments: from this share on in one and the same longer candidate, it is a part of that
# Of a candidate's places, those with the same words beside it: from this share on it is a part of a set phrase. Of the first 200 proposals
# from shipped text 68 were of the known half, without this 48 (en-de), and 60, without 45 (en-zh).
FIXED = 0.8
NOUN = 0.6  # of a word's occurrences that say anything, those that say noun
OFTEN = 0.15  # of all occurrences of a noun, those behind an article or preposition; 0.25 loses *death*, *laboratory*, *toilet paper*
CAPITAL = 0.7  # of the occurrences inside sentences of a German noun, or of a name elsewhere, those with a capital
SURELY_STOP = 100  # most frequent words of a language without lists: about what such lists hold of articles, prepositions and auxiliaries
COMMON = 0.1  # of all occurrences of a candidate, those of a form that may be its base form
SHORTEST_STEM = 4  # letters before an ending: *bus* and *bu* are two words
HIDDEN = re.compile("|".join(KINDS[kind] for kind in ("url", "email", "placeholder", "markup")) + r"|#?\w+_\w+#?|#\w[\w-]*#")
TOKEN = re.compile(r"[^\W_]+(?:['’\-‐‑][^\W_]+)*|[^\w\s]|_")
PARTICIPLE = {"en": re.compile(r".{2,}[^e]ed$")}  # stands where nouns stand: *the infected*
NAME = re.compile(r"[^\W\d_a-zß-ÿ][^\W\d_A-Z]+$")
LINK_LENGTH = 3  # letters that a word inside a name may have without a capital: *of*, *del*
ENDINGS = {
    "en": (("ies", "y"), ("es", ""), ("s", "")),
    "es": (("ces", "z"), ("es", ""), ("s", "")),
    "de": (("nen", ""), ("en", ""), ("er", ""), ("es", ""), ("n", ""), ("e", ""), ("s", "")),
}
ADJECTIVE = re.compile(r"(?:e|en|er|es|em)$")  # German endings before a noun

Stems = tuple[str, ...]
Span = tuple[int, int, Stems]  # where a candidate begins and ends in its segment's words (exclusive), and their stems
Place = tuple[int, int, int]  # where a candidate begins and ends in its segment's words (exclusive), and its number


@dataclass(frozen=True)
class Candidates:
    """Those of one language.

    Attributes:
        forms: number -> its forms as they are written, the base form first, then the more frequent ones.
        places: segment -> where candidates stand in it.
        names: the numbers of those that are written as names are.
        capitals: whether the language writes names otherwise than nouns.
    """

    forms: list[tuple[str, ...]]
    places: list[list[Place]]
    names: frozenset[int] = frozenset()
    capitals: bool = False


class Word(NamedTuple):
    """A word of a sentence, or a mark (`key` empty)."""

    text: str
    key: str
    first: bool


def spaced_candidates(texts: Sequence[str], language: str, fewest: int) -> Candidates:
    """The candidates of a language that puts spaces between words, in at least `fewest` segments each."""
    segments = [_words(text) for text in texts]
    grammar = _Grammar(segments, language)
    found = [list(_spans([grammar.stem(word.key) for word in words], words, grammar)) for words in segments]
    kept = kept_spans([[word.key for word in words] for words in segments], found, fewest)
    return _numbered(segments, kept, language)


def kept_spans(segments: Sequence[Sequence[str]], found: Sequence[Sequence[Span]], fewest: int) -> list[list[Span]]:
    """The candidates that stand in enough segments, in more than one wording, and not nearly always in the same longer candidate.

    Args:
        segments: their words; a mark is empty.
        found: all candidates of each.
        fewest: segments.
    """
    counts: Counter[Stems] = Counter()
    for spans in found:
        counts.update({stems for _, _, stems in spans})
    often = {stems for stems, count in counts.items() if count >= fewest}
    beside: dict[Stems, Counter[tuple[str, str]]] = defaultdict(Counter)
    for words, spans in zip(segments, found, strict=True):
        for begin, end, stems in spans:
            if stems in often:
                beside[stems][words[begin - 1] if begin else "", words[end] if end < len(words) else ""] += 1
    various = {stems for stems in often if max(beside[stems].values()) < FIXED * beside[stems].total()}
    kept = various - _inner(various, counts)
    return [[span for span in spans if span[2] in kept] for spans in found]


def _inner(kept: Iterable[Stems], counts: Counter[Stems]) -> set[Stems]:
    """Those that are nearly always a part of one and the same longer one."""
    found: set[Stems] = set()
    for stems in kept:
        for size in range(1, len(stems)):
            parts = (stems[begin : begin + size] for begin in range(len(stems) - size + 1))
            found |= {part for part in parts if counts[stems] >= NESTED * counts[part] > 0}
    return found


def _words(sentence: str) -> list[Word]:
    """The words and marks of a text; what is protected in translation is a mark."""
    words: list[Word] = []
    first = True
    for match in TOKEN.finditer(HIDDEN.sub(" | ", sentence)):
        text = match[0]
        if not text[0].isalnum() or not any(map(str.isalpha, text)):
            words.append(Word(text, "", first))
            first = first or text in ".!?:;|"
            continue
        words.append(Word(text, unicodedata.normalize("NFC", text.replace("’", "'").casefold()), first))
        first = False
    return words


class _Grammar:
    """What the texts of a language say about its words.

    Args:
        segments: the words of all texts.
        language: its code.
    """

    def __init__(self, segments: Iterable[Sequence[Word]], language: str) -> None:
        self._language = language
        self.links = LINKS.get(language, frozenset())
        counts: Counter[str] = Counter()
        capitals: Counter[str] = Counter()
        inside: Counter[str] = Counter()
        for words in segments:
            counts.update(word.key for word in words)
            inside.update(word.key for word in words if not word.first)
            capitals.update(word.key for word in words if not word.first and word.text[:1].isupper())
        self.stop = stop_words(language) or frozenset(word for word, _ in counts.most_common(SURELY_STOP))
        self.general = general_words(language)
        self._stems = {word: _stem(word, counts, language) for word in counts}
        self._counts: Counter[str] = Counter()
        for word, count in counts.items():
            self._counts[self.stem(word)] += count
        self._before_verb = BEFORE_VERB.get(language, frozenset())
        self._capitals, self._inside = capitals, inside
        self._nouns, self._verbs = self._evidence(segments)

    def _evidence(self, segments: Iterable[Sequence[Word]]) -> tuple[Counter[str], Counter[str]]:
        """How often each stem stands where nouns stand, and where verbs do."""
        nouns: Counter[str] = Counter()
        verbs: Counter[str] = Counter()
        before_noun, before_verb = (lists.get(self._language, frozenset()) for lists in (BEFORE_NOUN, BEFORE_VERB))
        for words in segments:
            for begin, end in self._runs(words):
                before = words[begin - 1].key if begin else ""
                if before in before_noun:
                    nouns[self.stem(words[begin if self._language == "es" else end - 1].key)] += 1
                if before in before_verb:
                    verbs[self.stem(words[begin].key)] += 1
        return nouns, verbs

    def _runs(self, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
        """Where words stand side by side that are neither marks nor function words."""
        begin = 0
        for place in range(len(words) + 1):
            if place == len(words) or not self.fits(words[place].key):
                if begin < place:
                    yield begin, place
                begin = place + 1

    def stem(self, key: str) -> str:
        """The word that an inflected one is counted as."""
        return self._stems.get(key, key)

    def fits(self, key: str) -> bool:
        """Whether a word can be one of a term's."""
        return len(key) > 1 and key.removesuffix("'s") not in self.stop and ("'" not in key or key.endswith("'s") or self._language != "en")

    def is_term(self, words: Sequence[Word]) -> bool:
        """Whether words without function words among them can be a term: their head a noun, the others what stands beside one."""
        if words[-1].key.endswith("'s"):
            return False
        if self._language == "de":
            return self._capital(words[-1]) and all(self._capital(word) or ADJECTIVE.search(word.key) for word in words[:-1])
        if self._language not in BEFORE_NOUN:
            return True
        return self._noun(words[0 if self._language == "es" else -1])

    def _capital(self, word: Word) -> bool:
        return word.text[:1].isupper() and self._capitals[word.key] >= CAPITAL * max(1, self._inside[word.key])

    def _noun(self, word: Word) -> bool:
        participle = PARTICIPLE.get(self._language)
        if participle and participle.match(word.key):
            return False
        stem = self.stem(word.key)
        nouns, verbs = self._nouns[stem], self._verbs[stem]
        return nouns >= NOUN * (nouns + verbs) and nouns > OFTEN * self._counts[stem]

    def is_verb(self, words: Sequence[Word], place: int) -> bool:
        """Whether a word is a verb where it stands."""
        stem = self.stem(words[place].key)
        before = words[place - 1].key if place else ""
        return self._verbs[stem] > self._nouns[stem] and (words[place].first or before in self._before_verb)


def _stem(word: str, counts: Counter[str], language: str) -> str:
    """The shortest attested word that `word` is a form of by its ending, or itself."""
    for ending, instead in ENDINGS.get(language, ()):
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and len(stem) >= SHORTEST_STEM:
            if stem in counts:
                return _stem(stem, counts, language)
            plain = _without_umlaut(stem)
            if language == "de" and plain != stem and plain in counts:
                return _stem(plain, counts, language)
    return word


def _without_umlaut(word: str) -> str:
    return word.translate(str.maketrans("äöü", "aou"))


def _spans(stems: Sequence[str], words: Sequence[Word], grammar: _Grammar) -> Iterator[Span]:
    """Where candidates stand in a segment, shorter ones inside longer ones included."""
    for begin, word in enumerate(words):
        if not grammar.fits(word.key) or grammar.is_verb(words, begin):
            continue
        parts = [[word]]  # what function words part: [[bill], [lading]]
        end = begin + 1
        while True:
            general = end == begin + 1 and word.key in grammar.general
            if not general and all(map(grammar.is_term, parts)):
                yield begin, end, tuple(stems[begin:end])
            following = _behind(words, end, grammar)
            if following < 0 or sum(map(len, parts)) == LONGEST:
                break
            if following == end:
                parts[-1].append(words[following])
            else:
                parts.append([words[following]])
            end = following + 1


def _behind(words: Sequence[Word], end: int, grammar: _Grammar) -> int:
    """Where the next word of a term stands, function words between them passed over; -1 for none."""
    place = end
    if place < len(words) and words[place].key in grammar.links:
        place += 1
        if place < len(words) and words[place - 1].key == "de" and words[place].key in ARTICLES_IN_LINKS:
            place += 1
    return place if place < len(words) and grammar.fits(words[place].key) else -1


def _numbered(segments: Sequence[Sequence[Word]], found: Sequence[Sequence[Span]], language: str) -> Candidates:
    """The spans with numbers for their stems, and how each is written."""
    numbers: dict[Stems, int] = {}
    written: list[Counter[str]] = []
    inside: Counter[int] = Counter()
    named: Counter[int] = Counter()
    places: list[list[Place]] = []
    for words, spans in zip(segments, found, strict=True):
        row = []
        for begin, end, stems in spans:
            number = numbers.setdefault(stems, len(numbers))
            if number == len(written):
                written.append(Counter())
            span = words[begin:end]
            written[number][_as_inside(span, language)] += 1
            inside[number] += not span[0].first
            named[number] += not span[0].first and all(NAME.match(word.text) for word in span if len(word.key) > LINK_LENGTH)
            row.append((begin, end, number))
        places.append(row)
    names = {number for number, count in named.items() if count and count >= CAPITAL * inside[number]} if language != "de" else ()
    return Candidates([_by_use(counts) for counts in written], places, frozenset(names), capitals=language != "de")


def _as_inside(words: Sequence[Word], language: str) -> str:
    """Words as they are written inside a sentence."""
    texts = [word.text for word in words]
    if words[0].first and language != "de" and texts[0][1:].islower():
        texts[0] = texts[0].lower()
    return " ".join(texts)


def _by_use(counts: Counter[str]) -> tuple[str, ...]:
    """The forms of a candidate: its base form first, which is the shortest of those that are used, then the more frequent ones."""
    used = COMMON * counts.total()
    base = min((form for form, count in counts.items() if count >= used), key=lambda form: (len(form), -counts[form], form))
    return tuple(sorted(counts, key=lambda form: (form != base, -counts[form], form)))
