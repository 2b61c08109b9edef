"""Patterns, phrases, hand-written tests and users' parallel text into training, validation and test segments.

The splits do not flatter: a combination of words (pattern and what fills its slots) is in one part only, numbers and codes of the
held-out parts come from a pool that training never sees, a share of the patterns is held out whole (`test_held_out`), and
`test_unseen` was written by hand, apart from the patterns. A leak fails the stage.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs.schema import PrepareTranslation, SegmentSource, load_intents
from data.checks import check_no_leak, combination_key
from data.glossary import load_glossaries
from data.grammar import REFERENCE, Expansion, Grammar, Pattern, Pool, load_grammar, load_slots
from data.intake import Cleaned, Dealt, Hashes, HeldOut, clean_source, deal_sources, text_hashes
from data.near import check_no_near
from data.readers.segments import read_segments
from data.records import RecordError, Reject, Segment, Writer, read_jsonl, write_json
from data.tally import check_named_once
from data.translations import load_translations
from data.unknown_terms import TermFinder, held_out_terms, slot_groups, write_training_terms
from data.utterances import load_utterances

PARTS = ("train", "validation", "test", "test_held_out", "test_unseen", "test_terms")
SEEN = ("validation", "test")  # held-out parts of seen patterns: near to what is trained on, but never the same combination
FEWEST_TO_TEST = 10  # combinations of a pattern; with fewer, a held-out one differs from a trained one by next to nothing


@dataclass(frozen=True)
class Sources:
    """Where the shipped text and the work folders lie.

    Attributes:
        corpora: patterns, slots and forms.
        glossaries: the terms that fill slots.
        phrases: short parallel texts without slots.
        messages: labelled messages.
        translations: of those messages.
        unseen: the hand-written test sentences.
        work: finished chunks of users' data.
    """

    corpora: Path = Path("data/corpora")
    glossaries: Path = Path("data/glossaries")
    phrases: Path = Path("data/phrases")
    messages: Path = Path("data/utterances")
    translations: Path = Path("data/translations")
    unseen: Path = Path("data/test_unseen")
    work: Path = Path("data/work")


def prepare(sources: Sources, settings: PrepareTranslation, seed: int, out: Path) -> dict[str, int]:
    """Write `PART.jsonl` per part of `PARTS`, `rejects/` and `counts.json`; returns the segments per part.

    Where users bring test sentences, theirs win: a shipped training segment that nearly repeats one is left out.

    Raises:
        LeakError: a shipped held-out text stands in the shipped training part.
        RejectedError: too many unreadable lines of a user's data set.
        ValueError: too few combinations or segments for the sizes asked for; broken sources.
    """
    glossaries = load_glossaries(sources.glossaries)
    groups = slot_groups(load_slots(sources.corpora), glossaries) if settings.shipped else [list(g.terms) for g in glossaries.values()]
    unknown = held_out_terms(groups, glossaries, settings.held_out_terms_percent)
    finder = TermFinder(glossaries, unknown, settings.languages)
    shipped = shipped_segments(sources, settings, seed, finder) if settings.shipped else {part: [] for part in PARTS}
    dealt = _take_in(settings, shipped["train"], seed, sources.work, out / "rejects")
    theirs = HeldOut(dealt.held_out(), settings.intake.near_duplicate_percent)
    shipped["train"] = [segment for segment in shipped["train"] if not theirs.repeated_by(segment)]
    write_training_terms(glossaries, unknown, out / "glossaries")
    counts = {part: {"segments": len(found), "patterns": len({s.pattern for s in found})} for part, found in shipped.items()}
    with ExitStack() as stack:
        writers = {part: stack.enter_context(Writer(out / f"{part}.jsonl")) for part in PARTS}
        for part, segments in shipped.items():
            for segment in segments:
                writers[part].write(segment.model_dump_json(exclude_defaults=True) + "\n")
        ours = (segment for part in PARTS[1:] for segment in shipped[part])
        held_out = HeldOut([*ours, *dealt.held_out()], settings.intake.near_duplicate_percent, finder)
        wanted = settings.term_test_segments - len(shipped["test_terms"])
        for part, line in dealt.deliver(held_out, wanted, settings.intake.processes):
            writers[part].write(line)
            counts[part]["segments"] += 1
    tallies = {cleaned.source.path: cleaned.tally.as_json() for cleaned in dealt.sources}
    write_json(out / "counts.json", {"parts": counts, "sources": tallies})
    return {part: found["segments"] for part, found in counts.items()}


def shipped_segments(sources: Sources, settings: PrepareTranslation, seed: int, unknown: TermFinder) -> dict[str, list[Segment]]:
    """The segments out of patterns, phrases and hand-written tests, per part, without leaks; `unknown` terms in `test_terms` only.

    Raises:
        LeakError: a held-out text stands in the training part, or nearly, where it must not.
    """
    grammar = load_grammar(sources.corpora, sources.glossaries, settings.terms_per_slot, unknown.wanted)
    key = functools.cache(combination_key)
    parts = split_segments(grammar, settings, seed, key)
    parts["test_unseen"] = load_unseen(sources.unseen)
    parts["test_terms"] = term_tests(sources, settings, seed, unknown.wanted)
    held_out = {pair for part in PARTS[1:] for segment in parts.get(part, []) for pair in _keys(segment, key)}
    parts["train"] += _repeated(load_phrases(sources.phrases, settings.languages), settings.phrase_repeats, held_out, key)
    parts["train"] += _repeated(load_messages(sources), settings.message_repeats, held_out, key)
    for part in ("train", "validation"):
        parts[part] = [segment for segment in parts[part] if not unknown.finds(segment)]
    check_leaks(parts, settings, key)
    return {part: parts[part] for part in PARTS}


def term_tests(sources: Sources, settings: PrepareTranslation, seed: int, unknown: Collection[str]) -> list[Segment]:
    """Sentences of the patterns, held-out ones among them, with terms that are in no training text.

    A slot of which no term is held out keeps its terms, which training knows; any other is filled with held-out ones alone.
    """
    if not unknown or not settings.term_test_segments:
        return []
    glossaries = load_glossaries(sources.glossaries)
    slots = [{term.id for term in terms} for terms in slot_groups(load_slots(sources.corpora), glossaries)]
    known = {term.id for glossary in glossaries.values() for term in glossary.terms}.difference(unknown)
    known = known.difference(*(terms for terms in slots if terms.isdisjoint(unknown)))
    grammar = load_grammar(sources.corpora, sources.glossaries, None, known)
    return [_segment(grammar, found, seed, "test") for found in expansions_with(grammar, unknown, settings.term_test_segments, seed)]


def expansions_with(grammar: Grammar, terms: Collection[str], count: int, seed: int) -> list[Expansion]:
    """At most `count` expansions that hold the terms, each term and each pattern about equally often.

    Args:
        grammar: whose slots the terms fill.
        terms: ids.
        count: expansions.
        seed: of the draws.
    """
    wanted = frozenset(terms)
    waiting = [e for p in grammar.patterns for e in grammar.expansions(p, 2, seed) if wanted & set(e.filling.terms)]
    uses: Counter[str] = Counter()
    chosen: list[Expansion] = []
    while waiting and len(chosen) < count:
        best = min(waiting, key=lambda e: (uses[e.pattern.id], min(uses[t] for t in e.filling.terms if t in wanted), e.key))
        uses.update([best.pattern.id, *best.filling.terms])
        chosen.append(best)
        waiting.remove(best)
    return chosen


def split_segments(grammar: Grammar, settings: PrepareTranslation, seed: int, key: Callable[[str], str]) -> dict[str, list[Segment]]:
    """The patterns' segments of each part.

    Args:
        grammar: the patterns.
        settings: sizes.
        seed: of every draw.
        key: `combination_key`, remembering what it was asked.

    Raises:
        LeakError: a held-out pattern nearly repeats a trained one.
        ValueError: too few combinations for the sizes asked for.
    """
    held_out = held_out_patterns(grammar.patterns, settings.held_out_patterns_percent, seed)
    trained = [pattern for pattern in grammar.patterns if pattern not in held_out]
    check_patterns(held_out, trained, settings.intake.near_duplicate_percent)
    seen = _expand(grammar, trained, settings.expansions_per_pattern, seed)
    random.Random(seed).shuffle(seen)
    takers = {"test_held_out": _expand(grammar, held_out, settings.expansions_per_held_out_pattern, seed), **_deal(seen, settings)}
    parts: dict[str, list[Segment]] = {}
    taken: set[tuple[str, str]] = set()
    for name in ("test_held_out", "test", "validation", "train"):
        pool: Pool = "train" if name == "train" else "test"
        segments = [_segment(grammar, expansion, seed, pool) for expansion in takers[name]]
        if name == "train":
            segments += _informal(grammar, takers[name], settings.informal_percent, seed)
        parts[name] = _without(segments, taken, key)
        taken.update(pair for segment in parts[name] for pair in _keys(segment, key))
    return parts


def held_out_patterns(patterns: list[Pattern], percent: float, seed: int) -> list[Pattern]:
    """The patterns that training never sees: those whose hash is smallest, so that a new pattern moves few others."""
    ranked = sorted(patterns, key=lambda p: hashlib.sha256(f"{seed}/{p.id}".encode()).hexdigest())
    return ranked[: round(len(patterns) * percent / 100)]


def check_patterns(held_out: Sequence[Pattern], trained: Sequence[Pattern], percent: float) -> None:
    """Compare held-out and trained patterns, whatever fills their slots.

    Raises:
        LeakError: two of them nearly say the same in a language.
    """
    for language in {language for pattern in held_out for language in pattern.templates}:
        bare = {side: [REFERENCE.sub("", p.templates[language]) for p in found] for side, found in (("out", held_out), ("in", trained))}
        check_no_near(map(combination_key, bare["in"]), bare["out"], percent, f"held-out patterns ({language})")


def check_leaks(parts: Mapping[str, list[Segment]], settings: PrepareTranslation, key: Callable[[str], str]) -> None:
    """Compare each held-out part with the training part, in every language.

    Combinations may stand in one part only; `test_unseen` may not come near any training text either.

    Raises:
        LeakError: a text stands, or nearly stands, in both.
    """
    for language in settings.languages:
        trained = [segment.texts[language] for segment in parts["train"] if language in segment.texts]
        for name in PARTS[1:]:
            held_out = [segment.texts[language] for segment in parts[name] if language in segment.texts]
            check_no_leak(trained, held_out, f"{name} ({language})", key)
        unseen = [segment.texts[language] for segment in parts["test_unseen"]]
        check_no_near(set(map(key, trained)), unseen, settings.intake.near_duplicate_percent, f"test_unseen ({language})")


def _expand(grammar: Grammar, patterns: Iterable[Pattern], count: int, seed: int) -> list[Expansion]:
    return [expansion for pattern in patterns for expansion in grammar.expansions(pattern, count, seed)]


def _deal(expansions: list[Expansion], settings: PrepareTranslation) -> dict[str, list[Expansion]]:
    """Test, validation and training part of shuffled expansions; patterns with few combinations only train."""
    per_pattern: dict[str, int] = {}
    for expansion in expansions:
        per_pattern[expansion.pattern.id] = per_pattern.get(expansion.pattern.id, 0) + 1
    dealt: dict[str, list[Expansion]] = {"test": [], "validation": [], "train": []}
    sizes = {"test": settings.test_segments, "validation": settings.validation_segments}
    for expansion in expansions:
        varied = per_pattern[expansion.pattern.id] >= FEWEST_TO_TEST
        part = next((name for name, size in sizes.items() if varied and len(dealt[name]) < size), "train")
        dealt[part].append(expansion)
    missing = [f"{name}: {len(dealt[name])} of {size}" for name, size in sizes.items() if len(dealt[name]) < size]
    if missing or not dealt["train"]:
        raise ValueError(f"the patterns give too few combinations ({', '.join(missing) or 'none left to train on'})")
    return dealt


def _segment(grammar: Grammar, expansion: Expansion, seed: int, pool: Pool) -> Segment:
    texts = grammar.render(expansion, seed, pool)
    name = hashlib.sha256(f"{pool}/{expansion.key}".encode()).hexdigest()[:12]
    return Segment(id=f"{expansion.pattern.id}.{name}", pattern=expansion.pattern.id, texts=texts, terms=expansion.filling.terms)


def _informal(grammar: Grammar, expansions: Iterable[Expansion], percent: float, seed: int) -> list[Segment]:
    """Some of the expansions once more, worded informally where their pattern says how."""
    chance = random.Random(f"{seed}/informal")
    chosen = [e for e in expansions if e.pattern.informal and 100 * chance.random() < percent]
    return [
        _segment(grammar, e, seed, "train").model_copy(
            update={
                "id": f"{e.pattern.id}.informal.{hashlib.sha256(e.key.encode()).hexdigest()[:12]}",
                "texts": grammar.render(e, seed, "train", informal=True),
                "source_only": sorted(e.pattern.informal),
            }
        )
        for e in chosen
    ]


def _keys(segment: Segment, key: Callable[[str], str]) -> list[tuple[str, str]]:
    return [(language, key(text)) for language, text in segment.texts.items()]


def _without(segments: Iterable[Segment], taken: set[tuple[str, str]], key: Callable[[str], str]) -> list[Segment]:
    """The segments of which no language's text is taken by another part."""
    return [segment for segment in segments if taken.isdisjoint(_keys(segment, key))]


def load_unseen(folder: Path) -> list[Segment]:
    """The hand-written test sentences of `*.jsonl`.

    Raises:
        RecordError: there are none, or broken lines.
    """
    found = [segment for path in sorted(folder.glob("*.jsonl")) for segment in read_jsonl(path, Segment)]
    if not found:
        raise RecordError(f"{folder}: holds no test sentences")
    return found


def load_phrases(folder: Path, languages: Sequence[str]) -> list[Segment]:
    """The phrases of `*.tsv`.

    Raises:
        RecordError: broken lines, all at once.
    """
    source = SegmentSource(path=str(folder), format="tsv", encoding="utf-8", columns={}, languages={}, part="train")
    found = list(read_segments(source, tuple(languages)))
    broken = [f"{item.file}:{item.line}: {item.reason}" for item in found if isinstance(item, Reject)]
    if broken:
        raise RecordError("\n".join(broken[:20]))
    return [item for item in found if isinstance(item, Segment)]


def load_messages(sources: Sources) -> list[Segment]:
    """The customers' messages that have translations."""
    return [found.as_segment() for found in load_translations(sources.translations, load_utterances(sources.messages, load_intents()))]


def _repeated(segments: Iterable[Segment], times: int, held_out: set[tuple[str, str]], key: Callable[[str], str]) -> list[Segment]:
    """Each segment that no held-out part has, as often as training is to see it."""
    kept = _without(segments, held_out, key)
    return [s.model_copy(update={"id": f"{s.id}#{n}"}) for s in kept for n in range(1, times + 1)]


def _take_in(settings: PrepareTranslation, trained: Iterable[Segment], seed: int, work: Path, rejects: Path) -> Dealt:
    """Read, clean and deal the users' data sets; what is trained on already is not held out of them."""
    check_named_once(settings.sources)
    cleaned = []
    for number, source in enumerate(settings.sources, 1):
        folder, tally = clean_source(source, settings.intake, settings.languages, work, rejects / f"{number}.jsonl")
        cleaned.append(Cleaned.read(source, folder, tally))
    if not cleaned:
        return Dealt([], [])
    sizes = {"test": settings.test_segments, "validation": settings.validation_segments}
    return deal_sources(cleaned, settings.intake, sizes, _hashes(trained), seed)


def _hashes(segments: Iterable[Segment]) -> Hashes:
    """The hashes of all their texts, protected values masked."""
    return np.unique(np.array([text_hashes(text)[1] for segment in segments for text in segment.texts.values()], dtype=np.uint64))
