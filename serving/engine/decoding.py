"""Greedy and beam search with the results of transformers' `generate`.

B rows (sentences), N beams, V pieces of the vocabulary, T pieces written.

One call decodes one batch from beginning to end; rows that are done leave it. The scheduler that lets rows of other requests join between
steps takes the place of `Decoder.decode` behind the same signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from serving.engine.sessions import Array, DecoderState, open_session, pad
from serving.errors import DeadlineError

IMPOSSIBLE = np.float32(-1e9)  # transformers' value for a beam that cannot be chosen
LENGTH_PENALTY = 1.0  # transformers' default: the score is the mean log-probability per piece


class Limits(Protocol):
    """What `Decoder` needs to know of the model; `serving.bundle.Decoding` has it."""

    start: int
    end: int
    suppressed: list[int]
    renormalized: bool
    max_pieces: int


@dataclass(frozen=True)
class Hypothesis:
    """What was written: ids without start and end, and the mean log-probability of its pieces, the end included."""

    ids: list[int]
    score: float


def never() -> bool:
    """A `should_stop` that never stops."""
    return False


def log_softmax(logits: Array) -> Array:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def largest(values: Array, count: int) -> Array:
    """The places of the `count` largest values, the largest first, the first of equal ones first: (n,) -> (count,).

    For few of many: each search is one pass, where sorting and partitioning take many. Where fewer are above minus infinity, a place comes
    again: nothing that is impossible is ever written.
    """
    left = values.copy()
    found = np.empty(count, np.int64)
    for i in range(count):
        found[i] = left.argmax()
        left[found[i]] = -np.inf
    return found


class Marks:
    """Which of some pieces each row may still write: those of its source, each once. M such pieces, B rows.

    Args:
        ids: (source, target) id of each piece, M pairs: they differ where the two have vocabularies of their own.
        sources: ids of each row's source.
    """

    def __init__(self, ids: Sequence[tuple[int, int]], sources: Sequence[Sequence[int]]) -> None:
        read, self._ids = np.array(ids, dtype=np.int64).reshape(-1, 2).T  # (M,) each
        self._barred = ~np.array([np.isin(read, source) for source in sources])  # (B, M)

    def bar(self, scores: Array) -> None:
        """Make what is barred impossible, in place: (B, V)."""
        if len(self._ids):
            scores[:, self._ids] = np.where(self._barred, -np.inf, scores[:, self._ids])

    def write(self, ids: Array) -> None:
        """Bar what was written: (B,)."""
        self._barred |= ids[:, None] == self._ids

    def select(self, rows: Array) -> None:
        """Keep these rows, in this order."""
        self._barred = self._barred[rows]


class Decoder:
    """One translation model's graphs, ready to decode.

    Args:
        folder: holds `encoder.onnx` and `decoder_step.onnx`.
        limits: control ids and maximum length.
        threads: processor threads.
    """

    def __init__(self, folder: Path, limits: Any, threads: int) -> None:
        self._encoder = open_session(folder / "encoder.onnx", threads)
        self._step = open_session(folder / "decoder_step.onnx", threads)
        self._limits: Limits = limits

    def decode(
        self,
        sources: Sequence[Sequence[int]],
        *,
        beams: int = 1,
        max_pieces: int | Sequence[int] | None = None,
        once: Sequence[tuple[int, int]] = (),
        should_stop: Callable[[], bool] = never,
    ) -> list[Hypothesis]:
        """The best hypothesis of each source.

        Args:
            sources: ids, end of sentence included.
            beams: 1 is greedy.
            once: (source, target) ids of pieces that are written only where the source has them, and once: what stands for one thing
                is not said twice.
            max_pieces: most pieces to write, the end included, for all sources or for each; `None`: as many as the model has positions.
            should_stop: asked between steps.

        Raises:
            DeadlineError: `should_stop` said so.
        """
        if not sources:
            return []
        most = self._limits.max_pieces - 1
        limits = np.minimum(np.broadcast_to(most if max_pieces is None else np.asarray(max_pieces), len(sources)), most)  # (B,)
        ids, lengths = pad(sources)
        cross = self._encoder.run(None, {"ids": ids, "lengths": lengths})
        state = DecoderState(self._step, cross, lengths, int(limits.max()))
        marks = Marks(once, sources)
        if beams == 1:
            return self._greedy(state, limits, marks, should_stop)
        return self._beam(state, beams, limits, marks, should_stop)

    def _log_probabilities(self, state: DecoderState, ids: Array, last: Array, should_stop: Callable[[], bool]) -> Array:
        """One step: (B,) -> (B, V), with what must not be written impossible; for rows at their last step only the end is possible."""
        if should_stop():
            raise DeadlineError("the translation was not ready in time")
        scores = self._without_suppressed(state.step(ids))
        scores[last] = -np.inf
        scores[last, self._limits.end] = 0.0
        return scores

    def _without_suppressed(self, logits: Array) -> Array:
        """Log-probabilities, (B, V), in which what is suppressed is impossible, and counts no more if they are renormalized."""
        if self._limits.renormalized:
            logits[:, self._limits.suppressed] = -np.inf
            return log_softmax(logits)
        scores = log_softmax(logits)
        scores[:, self._limits.suppressed] = -np.inf
        return scores

    def _greedy(self, state: DecoderState, limits: Array, marks: Marks, should_stop: Callable[[], bool]) -> list[Hypothesis]:
        """The likeliest piece at every step."""
        rows = len(limits)
        written: list[list[int]] = [[] for _ in range(rows)]
        totals = np.zeros(rows)
        open_rows = np.arange(rows)
        ids = np.full(rows, self._limits.start)
        for step in range(limits.max()):
            scores = self._log_probabilities(state, ids, limits[open_rows] == step + 1, should_stop)
            marks.bar(scores)
            ids = scores.argmax(axis=-1)
            marks.write(ids)
            totals[open_rows] += scores[np.arange(len(ids)), ids]
            for row, piece in zip(open_rows, ids, strict=True):
                written[row].append(int(piece))
            going = np.flatnonzero(ids != self._limits.end)
            if not len(going):
                break
            if len(going) < len(ids):
                state.select(going)
                marks.select(going)
                ids, open_rows = ids[going], open_rows[going]
        return [Hypothesis(ids[:-1], float(totals[i]) / len(ids)) for i, ids in enumerate(written)]

    def _beam(self, state: DecoderState, beams: int, limits: Array, marks: Marks, should_stop: Callable[[], bool]) -> list[Hypothesis]:
        """Beam search as transformers 5 does it, with `early_stopping=False` and `length_penalty=1`."""
        rows = len(limits)
        state.select(np.repeat(np.arange(rows), beams))
        marks.select(np.repeat(np.arange(rows), beams))
        searches = [BeamSearch(beams, self._limits.start, self._limits.end) for _ in range(rows)]
        open_rows = list(range(rows))
        for step in range(limits.max()):
            ids = np.concatenate([searches[row].last for row in open_rows])
            scores = self._log_probabilities(state, ids, np.repeat(limits[open_rows] == step + 1, beams), should_stop)
            marks.bar(scores)
            by_row = scores.reshape(len(open_rows), beams, -1)  # (B, N, V)
            order = [place * beams + searches[row].advance(by_row[place]) for place, row in enumerate(open_rows)]
            going = [place for place, row in enumerate(open_rows) if not searches[row].done and limits[row] > step + 1]
            if not going:
                break
            chosen = np.concatenate([order[place] for place in going])
            state.select(chosen)
            open_rows = [open_rows[place] for place in going]
            marks.select(chosen)
            marks.write(np.concatenate([searches[row].last for row in open_rows]))
        return [search.best() for search in searches]


class BeamSearch:
    """The beams of one sentence.

    Source: transformers 5.23 `GenerationMixin._beam_search`, whose order of operations is kept, so that the results are the same.
    """

    def __init__(self, beams: int, start: int, end: int) -> None:
        self._beams, self._end = beams, end
        self._written: list[list[int]] = [[] for _ in range(beams)]
        self._scores = np.full(beams, IMPOSSIBLE, np.float32)
        self._scores[0] = 0.0  # all beams are alike at first: only one may go on
        self._finished: list[Hypothesis] = []
        self.last = np.full(beams, start)
        self.done = False

    def advance(self, log_probabilities: Array) -> Array:
        """Write one more piece: (N, V) -> the beam that each of the N new beams grew from, (N,)."""
        pieces = log_probabilities.shape[-1]
        totals = (log_probabilities + self._scores[:, None]).reshape(-1)
        best = largest(totals, min(2 * self._beams, len(totals)))
        parents, ids, scores = best // pieces, best % pieces, totals[best]
        length = len(self._written[0]) + 1
        ended = ids == self._end
        for place in np.flatnonzero(ended[: self._beams]):
            if scores[place] > IMPOSSIBLE:
                self._finish([*self._written[parents[place]]], float(scores[place]) / length**LENGTH_PENALTY)
        running = np.flatnonzero(~ended)[: self._beams]
        running = np.concatenate([running, np.flatnonzero(ended)[: self._beams - len(running)]])
        self._written = [[*self._written[parents[place]], int(ids[place])] for place in running]
        self._scores = np.where(ended[running], IMPOSSIBLE, scores[running]).astype(np.float32)
        self.last = ids[running]
        self.done = self._cannot_improve(length)
        return np.asarray(parents[running])

    def _finish(self, ids: list[int], score: float) -> None:
        self._finished.append(Hypothesis(ids, score))
        self._finished.sort(key=lambda hypothesis: -hypothesis.score)
        del self._finished[self._beams :]

    def _cannot_improve(self, length: int) -> bool:
        """Whether the best running beam, at its present length, is no better than the worst of N finished ones."""
        if self._scores[0] <= IMPOSSIBLE:
            return True
        if len(self._finished) < self._beams:
            return False
        return bool(self._scores[0] / length**LENGTH_PENALTY <= self._finished[-1].score)

    def best(self) -> Hypothesis:
        """The best finished hypothesis; the best running one where none has finished."""
        if self._finished:
            return self._finished[0]
        return Hypothesis(self._written[0], float(self._scores[0]) / max(1, len(self._written[0])))
