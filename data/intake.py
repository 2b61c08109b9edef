"""Users' parallel text: read, cleaned, counted, free of duplicates and of held-out texts, whatever its size.

The text never stands in memory as a whole. It is cut into chunks; each is cleaned by a process of its own and written to a work folder
with the hashes of its texts. What must be known of all segments (duplicates, which are held out) is decided on the hashes alone, 8
bytes a text. A run that was killed finds the finished chunks in the work folder and goes on behind them.

    work folder, named by the hash of sources, settings and code
    00000.jsonl  segments that passed the filters      00000.npy   hashes of their texts, (segments, languages, 2)
    00000.json   counts, examples and rejected lines; written last: a chunk without it is not finished

Not covered: text of one language alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from configs.schema import ROOT, Cleaning, Intake, SegmentSource
from data.checks import combination_key
from data.cleaning import DUPLICATE_SIDES, DUPLICATES, HELD_OUT, HELD_OUT_TERM, problem
from data.console import track
from data.near import NearTexts
from data.normalize import comparable, normalize
from data.readers.segments import count_lines, read_segments, source_files
from data.records import Reject, Segment, file_sha256, write_json, write_text
from data.tally import EXAMPLES, Tally, check_rejected
from data.unknown_terms import TermFinder

CHUNK = 5_000  # segments: a few seconds' work, so that little is lost when killed; a hundredth of a percent of the memory
CODE = ("checks", "cleaning", "intake", "language", "near", "normalize", "protect", "records", "tally")  # what decides over a chunk
NEAR, TERM = 1, 2  # why a segment cannot be trained on
ABSENT = 0  # hash of a text that a segment lacks

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Job:
    """What a process needs to clean chunks."""

    settings: Intake
    languages: tuple[str, ...]
    folder: Path


def work_folder(root: Path, source: SegmentSource, settings: Intake, languages: Sequence[str]) -> Path:
    """The folder for the finished chunks of a source: another file, other settings or other code make another name."""
    digest = hashlib.sha256(json.dumps([source.model_dump(), settings.model_dump(), list(languages)]).encode())
    code = [ROOT / "data" / f"{name}.py" for name in CODE] + sorted((ROOT / "data" / "readers").glob("*.py"))
    for path in [*source_files(source), *code]:
        digest.update(file_sha256(path).encode())
    return root / digest.hexdigest()[:16]


def clean_source(source: SegmentSource, settings: Intake, languages: Sequence[str], root: Path, rejects: Path) -> tuple[Path, Tally]:
    """Clean a whole source into its work folder; returns that folder and what became of the lines.

    Args:
        source: where the data set lies.
        settings: processes, limits and filters.
        languages: those wanted; texts in others are left out.
        root: where work folders lie.
        rejects: the file that gets the rejected lines, one `Reject` a line.

    Raises:
        RejectedError: more lines were rejected than allowed; `rejects` holds them.
        ValueError: the source cannot be read at all.
    """
    folder = work_folder(root, source, settings, languages)
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(settings, tuple(languages), folder)
    tally = Tally()
    chunks = _chunks(read_segments(source, tuple(languages)))
    total = -(-count_lines(source) // CHUNK) or None
    for found in track(_in_processes(job, chunks), f"cleaning {source.path}", total):
        tally.add(found)
    lines = [line for path in sorted(folder.glob("*.json")) for line in json.loads(path.read_text(encoding="utf-8"))["rejects"]]
    write_text(rejects, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    check_rejected(source.path, tally, [Reject(**line) for line in lines[:3]], settings.rejected_percent, rejects)
    return folder, tally


def _chunks(items: Iterable[Segment | Reject]) -> Iterator[tuple[int, list[Segment | Reject]]]:
    stream = iter(items)
    number = 0
    while chunk := list(islice(stream, CHUNK)):
        yield number, chunk
        number += 1


def _in_processes(job: Job, chunks: Iterable[tuple[int, list[Segment | Reject]]]) -> Iterator[Tally]:
    """Clean the chunks that are not finished, a few ahead of the slowest; the tallies come in order."""
    with ProcessPoolExecutor(job.settings.processes, mp_context=get_context("forkserver")) as pool:
        waiting: deque[Future[Tally] | Tally] = deque()
        for number, chunk in chunks:
            done = _finished(job.folder, number)
            waiting.append(done if done else pool.submit(clean_chunk, job, number, chunk))
            while len(waiting) > 2 * job.settings.processes:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())


def _result(found: Future[Tally] | Tally) -> Tally:
    return found if isinstance(found, Tally) else found.result()


def _finished(folder: Path, number: int) -> Tally | None:
    """What a chunk's counts say; `None` where it is still to be done."""
    path = folder / f"{number:05}.json"
    return Tally.from_json(json.loads(path.read_text(encoding="utf-8"))["tally"]) if path.is_file() else None


def clean_chunk(job: Job, number: int, items: Sequence[Segment | Reject]) -> Tally:
    """Clean one chunk and write its files; the segments come out normalised."""
    tally = Tally()
    lines: list[str] = []
    hashes: list[list[tuple[int, int]]] = []
    rejects = [item for item in items if isinstance(item, Reject)]
    tally.rejected = len(rejects)
    for segment in (item for item in items if isinstance(item, Segment)):
        tally.read += 1
        texts = {language: normalize(text) for language, text in segment.texts.items()}
        reason = problem(texts, job.settings.cleaning)
        if reason:
            tally.drop(reason, " | ".join(texts.values()))
            continue
        lines.append(segment.model_copy(update={"texts": texts}).model_dump_json(exclude_defaults=True) + "\n")
        hashes.append([text_hashes(texts.get(language)) for language in job.languages])
    stem = job.folder / f"{number:05}"
    write_text(stem.with_suffix(".jsonl"), "".join(lines))
    np.save(stem.with_suffix(".npy"), np.array(hashes, dtype=np.uint64).reshape(len(hashes), len(job.languages), 2))
    write_json(stem.with_suffix(".json"), {"tally": tally.as_json(), "rejects": [reject.model_dump() for reject in rejects]})
    return tally


def text_hashes(text: str | None) -> tuple[int, int]:
    """64 bits each of what the copies of a text share, and of what texts share that differ in protected values alone.

    Both are `ABSENT` without a text.
    """
    if text is None:
        return ABSENT, ABSENT
    return _hash(comparable(text)), _hash(combination_key(text))


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") or 1


@dataclass(frozen=True)
class Cleaned:
    """One source after the filters: its work folder, and the hashes of its segments, (segments, languages) each."""

    source: SegmentSource
    folder: Path
    tally: Tally
    exact: Hashes
    masked: Hashes

    @classmethod
    def read(cls, source: SegmentSource, folder: Path, tally: Tally) -> Cleaned:
        """The finished chunks of a source."""
        found = np.concatenate([np.load(path) for path in sorted(folder.glob("*.npy"))])  # (segments, languages, 2)
        return cls(source, folder, tally, found[:, :, 0].copy(), found[:, :, 1].copy())

    def __len__(self) -> int:
        return len(self.exact)


def repeated(rows: Hashes, settings: Cleaning) -> tuple[Flags, Flags]:
    """Which segments repeat an earlier one in every language, and which in one language only; (segments,) each."""
    whole, sides = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    if settings.duplicates:
        whole = ~_first(np.ascontiguousarray(rows).view([("", rows.dtype)] * rows.shape[1]).ravel())
    if settings.duplicate_sides:
        for column in rows.T:
            sides |= ~_first(column) & (column != ABSENT)
        sides &= ~whole
    return whole, sides


def _any_of(rows: Hashes, wanted: Hashes) -> Flags:
    """Which segments have one of the wanted hashes in any language, (segments,)."""
    return np.asarray(np.isin(rows, wanted[wanted != ABSENT]).any(axis=1))


def _first(values: npt.NDArray[Any]) -> Flags:
    """Whether each value stands there for the first time."""
    found = np.zeros(len(values), dtype=bool)
    found[np.unique(values, return_index=True)[1]] = True
    return found


def deal(rows: Hashes, free: Flags, sizes: Mapping[str, int], seed: int) -> Names:
    """The part of each segment, (segments,), `""` for none: held out are those whose mixed hash is smallest.

    Args:
        rows: hashes with values masked, (segments, languages).
        free: which segments take part at all.
        sizes: part -> segments to hold out.
        seed: of the mixing.

    Raises:
        ValueError: fewer segments than are to be held out, or none left to train on.
    """
    if free.sum() <= sum(sizes.values()):
        raise ValueError(f"{free.sum():,} segments are left, but {sum(sizes.values()):,} are to be held out of them")
    parts = np.where(free, "train", "").astype("<U10")
    leading = np.where(rows[:, 0] != ABSENT, rows[:, 0], rows.max(axis=1))
    order = np.argsort(_mix(leading, seed), kind="stable")
    order = order[free[order]]
    start = 0
    for part, size in sizes.items():
        end = start + size
        while end < len(order) and leading[order[end]] == leading[order[end - 1]]:  # a sentence is in one part, whatever its translations
            end += 1
        parts[order[start:end]] = part
        start = end
    return parts


def _mix(values: Hashes, seed: int) -> Hashes:
    """Another order for every seed (Knuth's multiplicative hashing)."""
    with np.errstate(over="ignore"):
        mixed: Hashes = (values ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    return mixed


class HeldOut:
    """The texts that no training segment may repeat, or nearly repeat, and the terms that none may have.

    Args:
        segments: the held-out ones.
        percent: from this similarity on texts are near (`data.near`).
        terms: finds the held-out terms; `None`: there are none.
    """

    def __init__(self, segments: Iterable[Segment], percent: float, terms: TermFinder | None = None) -> None:
        self._terms = terms
        texts: dict[str, list[str]] = {}
        for segment in segments:
            for language, text in segment.texts.items():
                texts.setdefault(language, []).append(text)
        hashes = [text_hashes(text)[1] for found in texts.values() for text in found]
        self.hashes: Hashes = np.unique(np.array(hashes, dtype=np.uint64))
        self._near = {language: NearTexts(found, percent) for language, found in texts.items()}

    def repeated_by(self, segment: Segment) -> bool:
        """Whether one of the segment's texts nearly repeats a held-out one."""
        found = ((language, combination_key(text)) for language, text in segment.texts.items() if language in self._near)
        return any(self._near[language].find(key) is not None for language, key in found)

    def has_term(self, segment: Segment) -> bool:
        """Whether the segment has one of the held-out terms."""
        return self._terms is not None and self._terms.finds(segment)


@dataclass(frozen=True)
class Dealt:
    """Cleaned sources with the part of every segment decided; the lines are still in the work folders."""

    sources: list[Cleaned]
    parts: list[Names]

    def held_out(self) -> list[Segment]:
        """The segments of all parts but the training part."""
        return [Segment.model_validate_json(line) for part, line in self._dealt() if part not in {"", "train"}]

    def _dealt(self) -> Iterator[tuple[str, str]]:
        for cleaned, parts in zip(self.sources, self.parts, strict=True):
            yield from zip(parts.tolist(), _stored(cleaned.folder), strict=True)

    def deliver(self, held_out: HeldOut, term_tests: int, processes: int) -> Iterator[tuple[str, str]]:
        """(part, JSON line) of every segment that stays.

        Training segments that repeat a held-out one, or have a held-out term, are counted out; of those with a term the first `term_tests`
        become the part `test_terms`.
        """
        if not self.sources:
            return
        with ProcessPoolExecutor(processes, get_context("forkserver"), _share, (held_out,)) as pool:
            for cleaned, parts in zip(self.sources, self.parts, strict=True):
                shares = _any_of(cleaned.masked, held_out.hashes)
                chunks = sorted(cleaned.folder.glob("*.jsonl"))
                near = pool.map(near_held_out, chunks)
                start = 0
                for path, found in zip(track(chunks, f"sorting {cleaned.source.path}", len(chunks)), near, strict=True):
                    lines = list(_lines(path))
                    rows = slice(start, start + len(lines))
                    reasons = np.where(found == TERM, TERM, np.where(shares[rows] | (found == NEAR), NEAR, 0))
                    for part, line in _counted(cleaned.tally, lines, parts[rows], reasons, term_tests):
                        term_tests -= part == "test_terms"
                        yield part, line
                    start += len(lines)


_shared: list[HeldOut] = []  # of this process


def _share(held_out: HeldOut) -> None:
    _shared[:] = [held_out]


def near_held_out(path: Path) -> npt.NDArray[np.int8]:
    """For each segment, `NEAR` if it nearly repeats a held-out text, else `TERM` if it has a held-out term, or 0; (segments,)."""
    segments = map(Segment.model_validate_json, _lines(path))
    found = (NEAR if _shared[0].repeated_by(segment) else TERM if _shared[0].has_term(segment) else 0 for segment in segments)
    return np.array(list(found), dtype=np.int8)


def _counted(tally: Tally, lines: Sequence[str], parts: Names, reasons: npt.NDArray[np.int8], term_tests: int) -> Iterator[tuple[str, str]]:
    for line, given, reason in zip(lines, parts.tolist(), reasons.tolist(), strict=True):
        part = given
        if part == "train" and reason == TERM and term_tests:
            part, term_tests = "test_terms", term_tests - 1
        if part == "train" and reason:
            tally.drop(HELD_OUT if reason == NEAR else HELD_OUT_TERM, " | ".join(json.loads(line)["texts"].values()))
        elif part:
            tally.kept[part] += 1
            yield part, line


def _stored(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.jsonl")):
        yield from _lines(path)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a chunk with their ends; `splitlines` would end some at other characters too."""
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from file


def deal_sources(sources: Sequence[Cleaned], settings: Intake, sizes: Mapping[str, int], trained: Hashes, seed: int) -> Dealt:
    """Decide the part of every segment of all sources together: a duplicate is one across sources too.

    Args:
        sources: in their order; of two that repeat each other the first keeps its segment.
        settings: which duplicates go.
        sizes: part -> segments that each `split` source gives up.
        trained: hashes, values masked, of texts that are trained on already: a segment with one of them is not held out.
        seed: of the dealing.

    Raises:
        ValueError: a source too small to hold that many out.
    """
    whole, sides = repeated(np.concatenate([cleaned.exact for cleaned in sources]), settings.cleaning)
    start, parts = 0, []
    for cleaned in sources:
        rows = slice(start, start + len(cleaned))
        start += len(cleaned)
        _count_repeated(cleaned, whole[rows], sides[rows])
        free = ~(whole[rows] | sides[rows])
        parts.append(_parts(cleaned, free, sizes, trained, seed))
    return Dealt(list(sources), parts)


def _parts(cleaned: Cleaned, free: Flags, sizes: Mapping[str, int], trained: Hashes, seed: int) -> Names:
    part = cleaned.source.part
    if part != "split":
        return np.where(free, part, "").astype("<U10")
    known = _any_of(cleaned.masked, trained)
    try:
        parts = deal(cleaned.masked, free & ~known, sizes, seed)
    except ValueError as error:
        raise ValueError(f"{cleaned.source.path}: {error}") from None
    parts[free & known] = "train"
    return parts


def _count_repeated(cleaned: Cleaned, whole: Flags, sides: Flags) -> None:
    """Count the duplicates of a source, with the first of them as examples."""
    wanted = {int(i): reason for flags, reason in ((whole, DUPLICATES), (sides, DUPLICATE_SIDES)) for i in np.flatnonzero(flags)[:EXAMPLES]}
    last = max(wanted, default=-1)
    for number, line in enumerate(islice(_stored(cleaned.folder), last + 1)):
        if number in wanted:
            cleaned.tally.examples.setdefault(wanted[number], []).append(" | ".join(json.loads(line)["texts"].values())[:300])
    for flags, reason in ((whole, DUPLICATES), (sides, DUPLICATE_SIDES)):
        if flags.any():
            cleaned.tally.dropped[reason] += int(flags.sum())
