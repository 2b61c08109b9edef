"""Translates segments of any length: language, sentences, protected spans, pivot, terms.

A segment is split into sentences; what must not change is masked; sentences of all segments of a request are decoded together; the
result gets its protected spans, spaces and line breaks back. A pair without a model of its own goes through English and says so.

Terms are annotated, or held where a model knows no annotations (`serving/terms.py`). What a model still misses is repaired where a request
asks for it: the sentence is translated once more with those terms held; should one be lost even so, it is put at the sentence's end.

Not covered: `context` (the models are not trained for it).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from data.annotation import REGION, TERM_MARKS, TERMS, bare
from data.glossary import Glossary, load_glossaries
from data.language import UNSPACED, UnknownLanguageError, canonical, detect
from data.normalize import calm, normalize
from data.pieces import MarianPieces
from data.protect import MARKERS, TERM_KIND, Span, find_protected, mask
from data.sentences import SplitText, split
from serving.answers import AppliedTerm, Translation
from serving.engine.decoding import Decoder, Hypothesis, never
from serving.errors import Detail, InvalidError
from serving.finishing import Written, finish
from serving.glossaries import PIVOT, Glossaries
from serving.models import ModelInfo
from serving.terms import HELD, RequestTerms, Use, applied, first_leg, later_leg, spelled, with_missing

if TYPE_CHECKING:
    from serving.bundle import Bundle

REPAIRS = 2  # the second one is for terms that the first repair lost
BATCH_ROWS = 32  # sentences decoded together; bounds the memory of a request, not tuned for speed
CLAUSE = re.compile(r"(?<=[,;:，；：、])|(?<=\s)")
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Direction:
    """One translation model: the pairs it serves, its pieces and its decoder.

    Attributes:
        annotates: whether it was trained on annotated terms.
        marks: (source, target) ids of the pieces that stand for what is protected, and for terms.
    """

    info: ModelInfo
    pieces: MarianPieces
    decoder: Decoder
    max_pieces: int
    glossaries: dict[str, Glossary] = field(default_factory=dict)
    annotates: bool = False
    marks: tuple[tuple[int, int], ...] = ()

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
        annotates = all(mark in pieces for mark in TERM_MARKS)
        marks = tuple((pieces.encode(mark)[-2], pieces.encode_target(mark)[-2]) for mark in (*MARKERS, *TERMS) if mark in pieces)
        return cls(info, pieces, decoder, decoding.max_pieces, load_glossaries(bundle.folder / "glossaries"), annotates, marks)

    def encode(self, text: str, target: str) -> list[int]:
        """The ids of a masked sentence."""
        return self.pieces.encode(text, target if self.pieces.languages else None)


@dataclass
class Sentence:
    """A sentence on its way.

    Attributes:
        sent: as it was sent.
        plain: normalised.
        uses: its terms.
        masked: the same, its spans masked.
        text: what the models read and write, leg by leg; masked, its terms annotated or spelled.
        spans: what is masked in it.
        marked: the terms that are annotated.
        translate: false for one without letters of its own.
        log_probability, pieces: of the translation, over all legs.
    """

    sent: str
    plain: str
    uses: list[Use]
    masked: str = ""
    text: str = ""
    spans: list[Span] = field(default_factory=list)
    marked: list[Use] = field(default_factory=list)
    translate: bool = True
    log_probability: float = 0.0
    pieces: int = 0

    def start(self, path: Sequence[tuple[str, str]]) -> None:
        """Make `text` what the first model is to read."""
        reading = first_leg(self.plain, self.uses, path[0][1])
        self.spans, self.marked = reading.spans, reading.marked
        masked = mask(reading.text, self.spans).replace(HELD, "")
        self.masked = bare(masked)
        self.translate = LETTER.search(masked) is not None or bool(self.uses)
        self.text, self.log_probability, self.pieces = calm(masked), 0.0, 0

    def spell(self, path: Sequence[tuple[str, str]], leg: int) -> None:
        """Spell the terms in what the model of this leg wrote; before another leg they are annotated for it."""
        if leg + 1 < len(path):
            self.text = later_leg(self.text, self.marked, path[leg][1], path[leg + 1][1])
        else:
            self.text = spelled(self.text, self.marked, path[leg][1])

    def written(self, target: str) -> str:
        """The sentence of the answer, in the target language."""
        wanted = [form for use in self.uses for form in use.term.targets]
        found = Written(self.text, self.masked, self.spans, self.probability)
        return finish(self.sent, found, target, wanted) if self.translate else self.sent

    @property
    def probability(self) -> float:
        """The mean probability of a piece, over all legs."""
        return math.exp(self.log_probability / self.pieces) if self.pieces else 1.0


@dataclass
class Work:
    """One segment on its way.

    Attributes:
        segment: as it was sent.
        source: its language.
        path: the pairs of languages that lead to the target.
        parts: its sentences and what is between them.
        sentences: one for each of `parts`.
        waiting: those of them that are to be translated.
    """

    segment: str
    source: str
    path: list[tuple[str, str]]
    parts: SplitText
    sentences: list[Sentence]
    waiting: list[Sentence]

    @property
    def uses(self) -> list[Use]:
        """The terms of all sentences, from left to right."""
        return [use for sentence in self.sentences for use in sentence.uses]

    def start(self) -> None:
        """Make the waiting sentences ready for the first model."""
        for sentence in self.waiting if self.path else ():
            sentence.start(self.path)

    def spell(self, leg: int) -> None:
        """Spell the terms in what the model of this leg wrote."""
        for sentence in self.waiting:
            sentence.spell(self.path, leg)

    def text(self, target: str) -> str:
        """The translation as it stands, put together again."""
        if not self.path or not any(sentence.translate for sentence in self.sentences):
            return self.segment
        return self.parts.join([sentence.written(target) for sentence in self.sentences], spaced=target not in UNSPACED)

    def hold_missing(self, target: str) -> None:
        """Hold the terms that the translation lacks, so that their sentences are translated once more."""
        missing = [use for use, found in zip(self.uses, applied(self.uses, self.text(target)), strict=True) if not found and not use.held]
        for use in missing:
            use.held = True
        self.waiting = [sentence for sentence in self.sentences if any(use is other for use in missing for other in sentence.uses)]


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
        strict_terms: bool = False,
        beams: int | None = None,
        glossaries: Glossaries | None = None,
        should_stop: Callable[[], bool] = never,
    ) -> list[Translation]:
        """The translations, one per segment, in order.

        Args:
            segments: texts of any length, several lines too.
            source: their language; `None` detects it for each.
            target: language to translate into.
            industry: whose glossary is to be obeyed.
            inline: (source, target) terms of this request; they win over the glossary's.
            strict_terms: whether every term found is to stand in the translation; sentences that lack one are translated again.
            beams: width of the search; `None`: the translator's own.
            glossaries: where the industry's is looked up; `None`: the translator's own.
            should_stop: asked between decoding steps.

        Raises:
            InvalidError: a language that is not served or cannot be told.
            NotFoundError: an industry without a glossary.
            DeadlineError: `should_stop` said so.
        """
        target = self._language(target, "target")
        terms = RequestTerms(glossaries or self.glossaries, industry, inline, target)
        works = [self._prepare(i, segment, source, target, terms) for i, segment in enumerate(segments)]
        self._run(works, beams or self._beams, should_stop)
        for _ in range(REPAIRS if strict_terms else 0):
            for work in works:
                work.hold_missing(target)
            if not any(work.waiting for work in works):
                break
            self._run(works, beams or self._beams, should_stop)
        return [_finish(work, target, strict_terms) for work in works]

    def _run(self, works: Sequence[Work], beams: int, should_stop: Callable[[], bool]) -> None:
        """Translate the sentences that wait, leg by leg, those of a pair of languages together."""
        for work in works:
            work.start()
        for leg in (0, 1):
            going = [work for work in works if leg < len(work.path)]
            by_pair: dict[tuple[str, str], list[Sentence]] = {}
            for work in going:
                by_pair.setdefault(work.path[leg], []).extend(sentence for sentence in work.waiting if sentence.translate)
            for pair, sentences in by_pair.items():
                self._decode(pair, sentences, beams, should_stop)
            for work in going:
                work.spell(leg)
        for work in works:
            work.waiting = []

    def _language(self, code: str, name: str) -> str:
        try:
            return canonical(code, self.languages)
        except UnknownLanguageError as error:
            raise InvalidError(str(error), [Detail(name, str(error))]) from None

    def _prepare(self, index: int, segment: str, source: str | None, target: str, terms: RequestTerms) -> Work:
        """A segment split, with its terms found."""
        parts = _split(segment)
        plain = [normalize(sentence) for sentence in parts.sentences]
        if source is not None:
            language = self._language(source, "source")
        elif not any(LETTER.search(_masked(text)) for text in plain):
            language = PIVOT  # nothing to translate: any language does
        else:
            language = self._detect(index, segment)
        path = self.path(language, target)
        sentences, position = [], 0
        for gap, sent, text in zip(parts.gaps, parts.sentences, plain, strict=False):
            position += len(gap)
            spans = [] if path else find_protected(text)  # what is translated is masked when its turn comes
            sentences.append(Sentence(sent, text, terms.find(sent, text, language, position), spans=spans))
            position += len(sent)
        work = Work(segment, language, path, parts, sentences, sentences)
        if not all(self._by_pair[pair].annotates for pair in path):
            for use in work.uses:
                use.held = True
        return work

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
            sentence.text = joiner.join(filter(None, parts)) or bare(sentence.text)


def _finish(work: Work, target: str, strict: bool) -> Translation:
    """The translation of a segment, with what there is to say about it."""
    text = work.text(target)
    if strict and work.path:
        missing = [use.term.targets[0] for use, found in zip(work.uses, applied(work.uses, text), strict=True) if not found]
        text = with_missing(text, missing, target)
    found = zip(work.uses, applied(work.uses, text), strict=True)
    pieces = sum(sentence.pieces for sentence in work.sentences)
    mean = sum(sentence.log_probability for sentence in work.sentences) / pieces if pieces else 0.0
    return Translation(
        text=text,
        source=work.source,
        pivot=PIVOT if len(work.path) > 1 else None,
        terms=tuple(AppliedTerm(use.text, use.term.targets[0], done, use.start, use.end, use.overrides) for use, done in found),
        protected=sum(span.kind != TERM_KIND for sentence in work.sentences for span in sentence.spans),
        score=round(100 * math.exp(mean), 2),
    )


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


def _masked(plain: str) -> str:
    """A normalised sentence with what is protected masked."""
    return mask(plain, find_protected(plain)[: len(MARKERS)])


def _hypotheses(sources: list[list[int]], direction: Direction, beams: int, should_stop: Callable[[], bool]) -> list[Hypothesis]:
    """What a model makes of every source; those of like length are decoded together, which changes no result but the time."""
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    found: dict[int, Hypothesis] = {}
    for start in range(0, len(order), BATCH_ROWS):
        rows = order[start : start + BATCH_ROWS]
        batch = [sources[i] for i in rows]
        longest = [3 * len(ids) + 10 for ids in batch]  # no sentence grows more in translation; what does is a loop
        answers = direction.decoder.decode(batch, beams=beams, max_pieces=longest, once=direction.marks, should_stop=should_stop)
        found |= zip(rows, answers, strict=True)
    return [found[i] for i in range(len(sources))]


def sentence_ids(text: str, direction: Direction, target: str) -> list[list[int]]:
    """The ids of every sentence of a text that is to be translated, as the model of `direction` reads them."""
    sentences = [_masked(normalize(sentence)) for sentence in _split(text).sentences]
    return [ids for masked in sentences if LETTER.search(masked) for ids in _chunks(calm(masked), direction, target)]


def _chunks(text: str, direction: Direction, target: str) -> list[list[int]]:
    """The ids of a sentence, cut where the model cannot read it whole: at clauses and spaces first, in the middle of a word last."""
    ids = direction.encode(text, target)
    room = direction.max_pieces // 2  # the translation may be longer than its source
    if len(ids) <= room or len(text) < 2:
        return [ids]
    middle = len(text) // 2
    terms = [match.span() for match in REGION.finditer(text)]
    cuts = [i for i in (match.start() for match in CLAUSE.finditer(text)) if 0 < i < len(text) and not any(s < i < e for s, e in terms)]
    if not cuts and terms:
        return _chunks(bare(text), direction, target)
    cut = min(cuts, key=lambda place: abs(place - middle), default=middle)
    return [*_chunks(text[:cut].strip(), direction, target), *_chunks(text[cut:].strip(), direction, target)]
