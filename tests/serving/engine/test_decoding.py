"""Whole sequences equal those of transformers' `generate`; a row's answer does not depend on the batch it is in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from eval.peers.transformers import MarianPeer
from serving.bundle import Decoding
from serving.engine.decoding import Decoder, Marks, largest, log_softmax
from serving.errors import DeadlineError
from training.onnx.marian import decoding

LIMITS = SimpleNamespace(start=59, end=0, suppressed=[59], renormalized=False, max_pieces=40)
SEPARATE = {"share_encoder_decoder_embeddings": False}
CHECKPOINTS: dict[str, dict[str, Any]] = {
    "pieces behind the padding": {"vocab_size": 70, "end_bias": 2.0},
    "a larger target vocabulary": {**SEPARATE, "decoder_vocab_size": 75, "init_std": 0.3, "seed": 3, "end_bias": 2.8},
    "a smaller target vocabulary": {**SEPARATE, "vocab_size": 90, "decoder_vocab_size": 60, "seed": 2, "end_bias": 1.8},
    "untied": {"tie_word_embeddings": False, "end_bias": 2.8},
}


def sources(count: int, seed: int = 5) -> list[list[int]]:
    chance = np.random.default_rng(seed)
    return [[*chance.integers(1, 59, size=chance.integers(1, 15)).tolist(), 0] for _ in range(count)]


@pytest.fixture(scope="module", params=[1.8, 2.0])
def pair(
    request: pytest.FixtureRequest,
    tiny_marian: Callable[..., Any],
    save_graphs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Decoder, MarianPeer]:
    """A decoder and transformers on the same weights; how likely the end of a sentence is decides how long they write."""
    folder = tmp_path_factory.mktemp("graphs")
    model = tiny_marian(end_bias=request.param)
    model.save_pretrained(folder)
    return Decoder(save_graphs(model, folder), LIMITS, threads=1), MarianPeer(folder, threads=1)


@pytest.mark.parametrize("beams", [1, 2, 4, 5])
def test_sequences_equal_generate_s(pair: tuple[Decoder, MarianPeer], beams: int) -> None:
    decoder, peer = pair
    rows = sources(40)
    ours = [hypothesis.ids for hypothesis in decoder.decode(rows, beams=beams)]
    assert ours == peer.generate(rows, beams, 39)
    assert len({len(ids) for ids in ours}) > 2, "the sentences should end at different steps"


@pytest.fixture(scope="module", params=CHECKPOINTS)
def published(
    request: pytest.FixtureRequest,
    tiny_marian: Callable[..., Any],
    save_graphs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Path]:
    """A checkpoint laid out as published ones are, with OPUS-MT's generation settings and a likely `<pad>`; and its folder."""
    folder = tmp_path_factory.mktemp("published")
    model = tiny_marian(**CHECKPOINTS[request.param])
    model.final_logits_bias[0, 59] = 3.0  # the converter from Marian gives it a logit of 0, where the others' are far below
    model.final_logits_bias[0, 60:] = 0.5
    model.generation_config.num_beams, model.generation_config.renormalize_logits = 6, True
    model.save_pretrained(folder)
    save_graphs(model, folder / "int8", "int8")
    return model, save_graphs(model, folder)


@pytest.mark.parametrize("beams", [1, 4, 6])
def test_sequences_of_published_layouts_equal_generate_s(published: tuple[Any, Path], beams: int) -> None:
    model, folder = published
    limits = Decoding(**decoding(model))
    assert (limits.start, limits.end, limits.suppressed, limits.renormalized, limits.max_pieces) == (59, 0, [59], True, 40)
    rows, peer = sources(40), MarianPeer(folder, threads=1)
    ours = [hypothesis.ids for hypothesis in Decoder(folder, limits, threads=1).decode(rows, beams=beams)]
    assert ours == peer.generate(rows, beams, 39)
    assert len({len(ids) for ids in ours}) > 2, "the sentences should end at different steps"
    assert any(max(ids, default=0) > 59 for ids in ours) == (model.lm_head.out_features > 60)


def test_scores_are_of_what_may_be_written(published: tuple[Any, Path]) -> None:
    """Renormalized, a forbidden piece takes no share; where a checkpoint does not ask for that, it does."""
    model, folder = published
    limits, peer, rows = Decoding(**decoding(model)), MarianPeer(folder, threads=1), sources(40)
    given = Decoder(folder, limits, threads=1).decode(rows)
    plain = Decoder(folder, limits.model_copy(update={"renormalized": False}), threads=1).decode(rows)
    early = [place for place, hypothesis in enumerate(given) if len(hypothesis.ids) < 38]  # one at the limit ends by force, at no cost
    assert len(early) > 8
    for place in early:
        assert given[place].score == pytest.approx(peer.score(rows[place], given[place].ids), abs=1e-3)
    assert [h.ids for h in plain] == [h.ids for h in given]
    assert np.mean([h.score for h in plain]) < np.mean([h.score for h in given]) - 0.01


def test_published_layouts_run_in_int8(published: tuple[Any, Path]) -> None:
    model, folder = published
    rows = sources(12)
    ours = Decoder(folder / "int8", Decoding(**decoding(model)), threads=1).decode(rows, beams=4)
    exact = Decoder(folder, Decoding(**decoding(model)), threads=1).decode(rows, beams=4)
    assert sum(a.ids[:1] == b.ids[:1] for a, b in zip(ours, exact, strict=True)) > 6
    assert not any(59 in hypothesis.ids for hypothesis in ours)


def test_scores_are_mean_log_probabilities(pair: tuple[Decoder, MarianPeer]) -> None:
    decoder, peer = pair
    for row, hypothesis in zip(sources(10), decoder.decode(sources(10)), strict=True):
        if len(hypothesis.ids) < 38:  # one at the limit ends by force, at no cost
            assert hypothesis.score == pytest.approx(peer.score(row, hypothesis.ids), abs=1e-3)


def test_the_limit_holds(pair: tuple[Decoder, MarianPeer]) -> None:
    decoder, peer = pair
    for beams in (1, 4):
        ours = [hypothesis.ids for hypothesis in decoder.decode(sources(12), beams=beams, max_pieces=6)]
        assert max(map(len, ours)) <= 5
        assert ours == peer.generate(sources(12), beams, 6)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("beams", [1, 4])
def test_a_row_s_answer_is_the_same_alone_and_in_any_batch(
    tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path, precision: str, beams: int
) -> None:
    decoder = Decoder(save_graphs(tiny_marian(end_bias=2.0), tmp_path, precision), LIMITS, threads=1)
    rows = sources(24)
    alone = [decoder.decode([row], beams=beams)[0].ids for row in rows]
    assert [h.ids for h in decoder.decode(rows, beams=beams)] == alone
    assert [h.ids for h in decoder.decode(rows[::-1], beams=beams)] == alone[::-1]
    assert [h.ids for h in decoder.decode(rows[3:9], beams=beams)] == alone[3:9]


def test_no_sources_give_nothing(pair: tuple[Decoder, MarianPeer]) -> None:
    assert pair[0].decode([]) == []


def test_a_deadline_stops_between_steps(pair: tuple[Decoder, MarianPeer]) -> None:
    asked: list[int] = []

    def third_time() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(DeadlineError, match="not ready in time"):
        pair[0].decode(sources(4, seed=9), should_stop=third_time)
    assert len(asked) == 3


def test_log_softmax_sums_to_one() -> None:
    logits = np.array([[1000.0, 0.0, -1000.0], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(np.exp(log_softmax(logits)).sum(axis=-1), 1.0)


@pytest.mark.parametrize("beams", [1, 4])
def test_each_row_may_have_a_limit_of_its_own(pair: tuple[Decoder, MarianPeer], beams: int) -> None:
    decoder, _ = pair
    rows = sources(12)
    limits = [3 + i % 9 for i in range(12)]
    together = decoder.decode(rows, beams=beams, max_pieces=limits)
    alone = [decoder.decode([row], beams=beams, max_pieces=limit)[0] for row, limit in zip(rows, limits, strict=True)]
    assert [h.ids for h in together] == [h.ids for h in alone]
    assert [h.score for h in together] == pytest.approx([h.score for h in alone], abs=1e-5)
    ended_by_force = {limit for h, limit in zip(together, limits, strict=True) if len(h.ids) + 1 == limit}
    assert len(ended_by_force) > 2, "several limits should have been reached"


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_come_in_their_order_the_first_of_equal_ones_first(seed: int) -> None:
    """Expected: numpy's stable sort, the slow way."""
    values = np.random.default_rng(seed).integers(0, 6, 40).astype(np.float32)
    assert largest(values, 8).tolist() == np.argsort(-values, kind="stable")[:8].tolist()


def test_the_largest_of_values_that_stay_as_they_were() -> None:
    values = np.array([1.0, -np.inf, 3.0], np.float32)
    assert largest(values, 2).tolist() == [2, 0]
    assert values.tolist() == [1.0, -np.inf, 3.0]


# Pieces that are written once


MARKED = range(2, 59, 2)  # half of the vocabulary, so that they are met
ONCE = [(piece, piece) for piece in MARKED]


@pytest.fixture(scope="module", params=[1, 5])
def various(
    request: pytest.FixtureRequest,
    tiny_marian: Callable[..., Any],
    save_graphs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Decoder, MarianPeer]:
    """As `pair`, with models that write more of the pieces."""
    folder = tmp_path_factory.mktemp("various")
    model = tiny_marian(seed=request.param, init_std=0.5, end_bias=3.0)
    model.save_pretrained(folder)
    return Decoder(save_graphs(model, folder), LIMITS, threads=1), MarianPeer(folder, threads=1)


def liked(decoder: Decoder) -> list[list[int]]:
    """Sources that have some of the marked pieces that the model likes to write."""
    found = sorted({piece for hypothesis in decoder.decode(sources(40)) for piece in hypothesis.ids if piece in MARKED})
    assert len(found) > 3
    chance = np.random.default_rng(3)
    return [[*chance.choice(found, size=1 + i % 3, replace=False).tolist(), *row] for i, row in enumerate(sources(40))]


def broken(rows: list[list[int]], written: list[list[int]]) -> int:
    """In how many answers one of the pieces stands twice, or stands where its source has none."""
    marks = [[piece for piece in ids if piece in MARKED] for ids in written]
    return sum(len(set(found)) < len(found) or not set(found) <= set(row) for row, found in zip(rows, marks, strict=True))


class Barring:
    """What `once` asks for, as a processor of transformers' `generate`: one source, any beams."""

    def __init__(self, source: list[int]) -> None:
        self._source = source

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        for row, written in enumerate(input_ids.tolist()):
            scores[row, [piece for piece in MARKED if piece not in self._source or piece in written[1:]]] = -torch.inf
        return scores


@torch.inference_mode()
def generated(peer: MarianPeer, row: list[int], beams: int) -> list[int]:
    options: dict[str, Any] = {"max_length": 40, "forced_eos_token_id": 0, "bad_words_ids": [[59]], "num_beams": beams, "do_sample": False}
    written = peer.model.generate(input_ids=torch.tensor([row]), logits_processor=[Barring(row)], **options)[0, 1:].tolist()
    return written[: written.index(0)]


@pytest.mark.parametrize("beams", [1, 2, 4, 5])
def test_a_piece_of_once_is_never_written_twice_nor_where_the_source_lacks_it(various: tuple[Decoder, MarianPeer], beams: int) -> None:
    """Expected: transformers' `generate`, sentence by sentence, with a processor that bars the same."""
    decoder, peer = various
    rows = liked(decoder)
    free = [hypothesis.ids for hypothesis in decoder.decode(rows, beams=beams)]
    ours = [hypothesis.ids for hypothesis in decoder.decode(rows, beams=beams, once=ONCE)]
    assert broken(rows, free) > 10
    assert broken(rows, ours) == 0
    assert sum(any(piece in MARKED for piece in ids) for ids in ours) > 10, "what may be written should be written"
    assert len({len(ids) for ids in ours}) > 2, "the sentences should leave the batch at different steps"
    assert ours == [generated(peer, row, beams) for row in rows]


@pytest.mark.parametrize("beams", [1, 4])
def test_rows_that_leave_and_beams_that_change_places_keep_their_own_marks(various: tuple[Decoder, MarianPeer], beams: int) -> None:
    decoder, _ = various
    rows = liked(decoder)[:24]
    limits = [3 + i % 9 for i in range(24)]
    alone = [decoder.decode([row], beams=beams, once=ONCE, max_pieces=limit)[0].ids for row, limit in zip(rows, limits, strict=True)]
    assert [h.ids for h in decoder.decode(rows, beams=beams, once=ONCE, max_pieces=limits)] == alone
    assert [h.ids for h in decoder.decode(rows[::-1], beams=beams, once=ONCE, max_pieces=limits[::-1])] == alone[::-1]


@pytest.mark.parametrize("beams", [1, 4])
def test_where_nothing_is_to_be_written_once_the_results_are_as_without_it(various: tuple[Decoder, MarianPeer], beams: int) -> None:
    decoder, _ = various
    rows = sources(24)
    free = decoder.decode(rows, beams=beams)
    assert decoder.decode(rows, beams=beams, once=()) == free
    unwritten = sorted(set(range(1, 59)) - {piece for hypothesis in free for piece in hypothesis.ids})
    if beams == 1:  # what is barred changes a beam that is not the best one
        assert decoder.decode(rows, beams=beams, once=[(piece, piece) for piece in unwritten]) == free


@pytest.mark.parametrize("beams", [1, 4])
def test_source_and_target_may_have_other_ids_for_the_same_piece(various: tuple[Decoder, MarianPeer], beams: int) -> None:
    """The piece before that of a target stands for it in a source."""
    decoder, _ = various
    rows = [[piece - 1 if piece in MARKED else piece for piece in row] for row in liked(decoder)]
    ours = [hypothesis.ids for hypothesis in decoder.decode(rows, beams=beams, once=[(piece - 1, piece) for piece in MARKED])]
    assert broken([[piece + 1 for piece in row] for row in rows], ours) == 0
    assert broken(rows, ours) > 5, "the ids of the source's own pieces should not count"


def test_marks_of_each_row() -> None:
    """Expected: by hand. Piece 5 of the source is piece 2 of the target."""
    marks = Marks([(5, 2), (6, 0)], [[5, 6, 9], [6], [8, 8]])
    assert barred(marks, 3) == [[], [2], [0, 2]]
    marks.write(np.array([0, 1, 3]))
    assert barred(marks, 3) == [[0], [2], [0, 2]]
    marks.select(np.array([1, 0, 0]))
    marks.write(np.array([0, 2, 3]))
    assert barred(marks, 3) == [[0, 2], [0, 2], [0]]
    none = Marks([], [[5], [6]])
    none.write(np.array([0, 1]))
    none.select(np.array([1]))
    assert barred(none, 1) == [[]]


def barred(marks: Marks, rows: int) -> list[list[int]]:
    """The pieces of four that each row may not write."""
    scores = np.zeros((rows, 4), np.float32)
    marks.bar(scores)
    assert set(np.unique(scores)) <= {0.0, -np.inf}
    return [np.flatnonzero(np.isneginf(row)).tolist() for row in scores]
