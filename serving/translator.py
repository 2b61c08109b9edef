"""Translates segments of any length: language, sentences, protected spans, pivot, terms.

A segment is split into sentences; what must not change is masked; sentences of all segments of a request are decoded together; the
result gets its protected spans, spaces and line breaks back. A pair without a model of its own goes through English and says so.

Not covered: `strict_terms`, `context` (the models are not trained for them yet).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from data.glossary import Glossary, load_glossaries
from data.language import UNSPACED, UnknownLanguageError, canonical, detect
from data.normalize import calm, normalize
from data.pieces import MarianPieces
from data.protect import MARKERS, Span, find_protected, mask
from data.sentences import SplitText, split
from data.terms import TermMatcher, Wanted, occurs
from serving.answers import AppliedTerm, Translation
from serving.engine.decoding import Decoder, Hypothesis, never
from serving.errors import Detail, InvalidError
from serving.finishing import finish
from serving.glossaries import Glossaries
from serving.models import ModelInfo

if TYPE_CHECKING:
    from serving.bundle import Bundle

PIVOT = "en"
BATCH_ROWS = 32  # sentences decoded together; bounds the memory of a request, not tuned for speed
CLAUSE = re.compile(r"(?<=[,;:，；：、])|(?<=\s)")
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Direction:
    """One translation model: the pairs it serves, its pieces and its decoder."""

    info: ModelInfo
    pieces: MarianPieces
    decoder: Decoder
    max_pieces: int
    glossaries: dict[str, Glossary] = field(default_factory=dict)

    @classmethod
    def load(cls, bundle: Bundle, threads: int, precision: str | None = None) -> Direction:
        """The model of a verified translation bundle; `precision` takes other graphs than the bundle's own choice."""
        chosen = precision or bundle.manifest.serve
        decoding = bundle.manifest.decoding
        if decoding is None:
            raise ValueError(f"{bundle.folder}: a translation bundle needs `decoding` in its manifest")
        decoder = Decoder(bundle.folder / chosen, decoding, threads)
        info = replace(bundle.info, precision=chosen)
        pieces = MarianPieces(bundle.folder, bundle.manifest.codes)
        return cls(info, pieces, decoder, decoding.max_pieces, load_glossaries(bundle.folder / "glossaries"))

    def encode(self, text: str, target: str) -> list[int]:
        """The ids of a masked sentence."""
        return self.pieces.encode(text, target if self.pieces.languages else None)


@dataclass
class Sentence:
    """A sentence on its way: `text` is masked, and becomes the translation leg by leg."""

    text: str
    spans: list[Span]
    translate: bool
    log_probability: float = 0.0
    pieces: int = 0

    @property
    def probability(self) -> float:
        """The mean probability of a piece, over all legs."""
        return math.exp(self.log_probability / self.pieces) if self.pieces else 1.0


@dataclass
class Work:
    """One segment on its way."""

    segment: str
    source: str
    parts: SplitText
    sentences: list[Sentence]


class Translator:
    """Every translation model of the service.

    Args:
        directions: the models; no pair twice.
        beams: width of the search where a call names none; 1 is greedy.

    Attributes:
        glossaries: those of the models; of two of one industry the later model's.
    """

    def __init__(self, directions: Sequence[Direction], beams: int = 1) -> None:
        self._beams = beams
        self.described = [direction.info for direction in directions]
        self._by_pair = {pair: direction for direction in directions for pair in direction.info.pairs}
        self.languages = tuple(sorted({language for pair in self._by_pair for language in pair}))
        self.glossaries = Glossaries({name: glossary for direction in directions for name, glossary in direction.glossaries.items()})

    def model_for(self, source: str | None, target: str) -> ModelInfo:
        """The model that makes the last step into `target`."""
        path = self.path(source or PIVOT, target)
        return self._by_pair[path[-1] if path else next(iter(self._by_pair))].info

    def path(self, source: str, target: str) -> list[tuple[str, str]]:
        """The pairs that lead from `source` to `target`: one, two by way of English, or none where they are the same.

        Raises:
            InvalidError: there is no way.
        """
        if source == target:
            return []
        for path in ([(source, target)], [(source, PIVOT), (PIVOT, target)]):
            if all(pair in self._by_pair for pair in path):
                return path
        raise InvalidError(f"no model translates {source} to {target}", [Detail("target", f"valid languages: {', '.join(self.languages)}")])

    def translate(
        self,
        segments: Sequence[str],
        *,
        source: str | None,
        target: str,
        industry: str | None = None,
        inline: Sequence[tuple[str, str]] = (),
        beams: int | None = None,
        glossaries: Glossaries | None = None,
        should_stop: Callable[[], bool] = never,
    ) -> list[Translation]:
        """The translations, one per segment, in order.

        Args:
            segments: texts of any length, several lines too.
            source: their language; `None` detects it for each.
            target: language to translate into.
            industry: whose glossary is to be reported on.
            inline: (source, target) terms of this request; they win over the glossary's.
            beams: width of the search; `None`: the translator's own.
            glossaries: where the industry's is looked up; `None`: the translator's own.
            should_stop: asked between decoding steps.

        Raises:
            InvalidError: a language that is not served or cannot be told.
            NotFoundError: an industry without a glossary.
            DeadlineError: `should_stop` said so.
        """
        target = self._language(target, "target")
        glossaries = glossaries or self.glossaries
        if industry is not None:
            glossaries.get(industry)  # an unknown one is refused before anything is computed
        works = [self._prepare(i, segment, source) for i, segment in enumerate(segments)]
        paths = {work.source: self.path(work.source, target) for work in works}
        for leg in (0, 1):
            by_pair: dict[tuple[str, str], list[Sentence]] = {}
            for work in works:
                if leg < len(paths[work.source]):
                    by_pair.setdefault(paths[work.source][leg], []).extend(s for s in work.sentences if s.translate)
            for pair, sentences in by_pair.items():
                self._decode(pair, sentences, beams or self._beams, should_stop)
        matchers = {language: glossaries.matcher(industry, language, target) for language in paths}
        return [self._finish(work, target, len(paths[work.source]) > 1, matchers[work.source], inline) for work in works]

    def _language(self, code: str, name: str) -> str:
        try:
            return canonical(code, self.languages)
        except UnknownLanguageError as error:
            raise InvalidError(str(error), [Detail(name, str(error))]) from None

    def _prepare(self, index: int, segment: str, source: str | None) -> Work:
        """A segment split and masked."""
        parts = _split(segment)
        sentences = [_prepare_sentence(text) for text in parts.sentences]
        if source is not None:
            language = self._language(source, "source")
        elif not any(sentence.translate for sentence in sentences):
            language = PIVOT  # nothing to translate: any language does
        else:
            language = self._detect(index, segment)
        return Work(segment, language, parts, sentences)

    def _detect(self, index: int, segment: str) -> str:
        try:
            return detect(segment, self.languages)
        except UnknownLanguageError as error:
            raise InvalidError(f"segment {index}: {error}", [Detail(f"segments.{index}", str(error))]) from None

    def _decode(self, pair: tuple[str, str], sentences: list[Sentence], beams: int, should_stop: Callable[[], bool]) -> None:
        """One leg: every sentence's text becomes its translation; one of which the model writes nothing stays, rather than be lost."""
        direction = self._by_pair[pair]
        chunks = [(i, chunk) for i, sentence in enumerate(sentences) for chunk in _chunks(sentence.text, direction, pair[1])]
        written: list[list[str]] = [[] for _ in sentences]
        for (i, _), found in zip(chunks, _hypotheses([ids for _, ids in chunks], direction, beams, should_stop), strict=True):
            written[i].append(direction.pieces.decode(found.ids))
            sentences[i].pieces += len(found.ids) + 1
            sentences[i].log_probability += found.score * (len(found.ids) + 1)
        joiner = "" if pair[1] in UNSPACED else " "
        for sentence, parts in zip(sentences, written, strict=True):
            sentence.text = joiner.join(filter(None, parts)) or sentence.text

    def _finish(self, work: Work, target: str, pivoted: bool, matcher: TermMatcher, inline: Sequence[tuple[str, str]]) -> Translation:
        """The translation of a segment, put together again."""
        kept = _wanted_forms(work.segment, matcher, inline)
        sentences = zip(work.parts.sentences, work.sentences, strict=True)
        written = [finish(text, s.text, s.spans, target, kept, s.probability) if s.translate else s.text for text, s in sentences]
        changed = work.source != target and any(sentence.translate for sentence in work.sentences)
        text = work.parts.join(written, spaced=target not in UNSPACED) if changed else work.segment
        pieces = sum(sentence.pieces for sentence in work.sentences)
        mean = sum(sentence.log_probability for sentence in work.sentences) / pieces if pieces else 0.0
        return Translation(
            text=text,
            source=work.source,
            pivot=PIVOT if pivoted else None,
            terms=tuple(self._terms(work, text, matcher, inline)),
            protected=sum(len(sentence.spans) for sentence in work.sentences),
            score=round(100 * math.exp(mean), 2),
        )

    def _terms(self, work: Work, text: str, matcher: TermMatcher, inline: Sequence[tuple[str, str]]) -> Iterable[AppliedTerm]:
        """The request's terms found in the source, and whether the translation has them."""
        taken: list[tuple[int, int]] = []
        own = TermMatcher(Wanted(source, (source,), (wanted,)) for source, wanted in inline)
        for finder in (own, matcher):
            for match in finder.find(work.segment):
                if any(match.start < end and start < match.end for start, end in taken):
                    continue
                taken.append((match.start, match.end))
                yield AppliedTerm(match.text, match.term.targets[0], occurs(text, match.term.targets), match.start, match.end)


def _wanted_forms(segment: str, matcher: TermMatcher, inline: Sequence[tuple[str, str]]) -> list[str]:
    """What the answer may have for the terms of a segment: their text stays as the glossary has it."""
    return [*(wanted for _, wanted in inline), *(form for match in matcher.find(segment) for form in match.term.targets)]


def _split(text: str) -> SplitText:
    """The sentences of a text; one with more protected spans than there are markers is cut before the first span too many."""
    parts = split(text)
    gaps, sentences = parts.gaps[:1], []
    for sentence, gap in zip(parts.sentences, parts.gaps[1:], strict=True):
        cuts = [span.start for span in find_protected(sentence)[len(MARKERS) :: len(MARKERS)]]
        for start, end in pairwise([0, *cuts, len(sentence)]):
            sentences.append(sentence[start:end].rstrip())
            gaps.append(sentence[start + len(sentences[-1]) : end])
        gaps[-1] = gap
    return SplitText(gaps, sentences)


def _prepare_sentence(text: str) -> Sentence:
    """A sentence normalised, masked and calmed; one without letters of its own is not translated."""
    plain = normalize(text)
    spans = find_protected(plain)[: len(MARKERS)]
    masked = mask(plain, spans)
    if not LETTER.search(masked):
        return Sentence(text, spans, translate=False)
    return Sentence(calm(masked), spans, translate=True)


def _hypotheses(sources: list[list[int]], direction: Direction, beams: int, should_stop: Callable[[], bool]) -> list[Hypothesis]:
    """What a model makes of every source; those of like length are decoded together, which changes no result but the time."""
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    found: dict[int, Hypothesis] = {}
    for start in range(0, len(order), BATCH_ROWS):
        rows = order[start : start + BATCH_ROWS]
        batch = [sources[i] for i in rows]
        longest = [3 * len(ids) + 10 for ids in batch]  # no sentence grows more in translation; what does is a loop
        answers = direction.decoder.decode(batch, beams=beams, max_pieces=longest, should_stop=should_stop)
        found |= zip(rows, answers, strict=True)
    return [found[i] for i in range(len(sources))]


def sentence_ids(text: str, direction: Direction, target: str) -> list[list[int]]:
    """The ids of every sentence of a text that is to be translated, as the model of `direction` reads them."""
    sentences = [_prepare_sentence(sentence) for sentence in _split(text).sentences]
    return [ids for sentence in sentences if sentence.translate for ids in _chunks(sentence.text, direction, target)]


def _chunks(text: str, direction: Direction, target: str) -> list[list[int]]:
    """The ids of a sentence, cut where the model cannot read it whole: at clauses and spaces first, in the middle of a word last."""
    ids = direction.encode(text, target)
    room = direction.max_pieces // 2  # the translation may be longer than its source
    if len(ids) <= room or len(text) < 2:
        return [ids]
    middle = len(text) // 2
    cuts = [match.start() for match in CLAUSE.finditer(text) if 0 < match.start() < len(text)]
    cut = min(cuts, key=lambda place: abs(place - middle), default=middle)
    return [*_chunks(text[:cut].strip(), direction, target), *_chunks(text[cut:].strip(), direction, target)]
