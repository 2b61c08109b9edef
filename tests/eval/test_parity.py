"""Sequences are compared whole, and a difference counts as explained only where both continuations are as good."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import MarianMTModel

from configs.schema import EvaluateTranslation
from data.records import Segment, read_jsonl
from eval import parity
from eval.parity import NEAR_TIE, near_tie, sequence_parity
from eval.peers.transformers import MarianPeer
from serving.bundle import verify_bundles
from serving.engine.decoding import Hypothesis
from serving.models import ModelInfo
from serving.translator import Direction

END = 0


class FakePeer:
    """PyTorch's view, by hand: log-probabilities of the pieces 0 (end), 1, 2 and 3 at every step, and the score of a hypothesis."""

    model = SimpleNamespace(config=SimpleNamespace(eos_token_id=END))

    def __init__(self, steps: list[list[float]], scores: dict[tuple[int, ...], float] | None = None) -> None:
        self.steps, self.scores = steps, scores or {}
        self.asked: list[list[int]] = []

    def log_probabilities(self, source: Any, written: Any) -> torch.Tensor:
        self.asked.append(list(written))
        return torch.tensor(self.steps[: len(written) + 1], dtype=torch.float64)

    def score(self, source: Any, written: Any) -> float:
        return self.scores[tuple(written)]


def test_greedy_sequences_are_compared_at_their_first_difference() -> None:
    tie = FakePeer([[-9, -0.1, -5, -5], [-9, -5, -0.7, -0.7 + NEAR_TIE / 2], [-9, -1, -9, -9]])
    assert near_tie(tie, [7], [1, 2, 1], [1, 3, 3], beams=1)  # type: ignore[arg-type]
    assert tie.asked == [[1]]
    apart = FakePeer([[-9, -0.1, -5, -5], [-9, -5, -0.7, -0.7 + NEAR_TIE * 2]])
    assert not near_tie(apart, [7], [1, 2], [1, 3], beams=1)  # type: ignore[arg-type]


def test_an_earlier_end_is_a_difference_too() -> None:
    steps = [[-9.0, -0.1, -5, -5], [-0.7, -0.7 - NEAR_TIE / 2, -5, -5]]
    assert near_tie(FakePeer(steps), [7], [1], [1, 1], beams=1)  # type: ignore[arg-type]
    assert near_tie(FakePeer(steps), [7], [1, 1], [1], beams=1)  # type: ignore[arg-type]
    assert not near_tie(FakePeer(steps), [7], [1], [1, 2], beams=1)  # type: ignore[arg-type]


def test_beams_are_compared_by_their_scores() -> None:
    peer = FakePeer([], {(1, 2): -0.5, (1, 3): -0.5 + NEAR_TIE / 2, (3,): -0.6})
    assert near_tie(peer, [7], [1, 2], [1, 3], beams=4)  # type: ignore[arg-type]
    assert not near_tie(peer, [7], [1, 2], [3], beams=4)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def direction(world: Any) -> Direction:
    bundle = next(b for b in verify_bundles(world.bundles) if b.manifest.name == "en-xx")
    return Direction.load(bundle, 1, "fp32")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, two threads of PyTorch wait for each other many times longer than these small models compute."""
    monkeypatch.setattr(parity, "MarianPeer", lambda checkpoint, threads: MarianPeer(checkpoint, 1))


@pytest.fixture(scope="module")
def segments(world: Any) -> list[Segment]:
    return read_jsonl(world.translation / "test.jsonl", Segment)


def test_the_graphs_write_what_generate_writes(world: Any, direction: Direction, segments: list[Segment], one_thread: None) -> None:
    found = sequence_parity(direction, world.models / "en-xx", segments, world.params.evaluate_translation)
    assert (found["sequences"], found["sequences_unexplained"]) == (6, 0)
    assert min(found["sequences_equal"], found["sequences_equal_beam"]) > 80  # one of six may be a near tie on another processor


def test_other_weights_show(world: Any, direction: Direction, segments: list[Segment], tmp_path: Path, one_thread: None) -> None:
    model = MarianMTModel.from_pretrained(world.models / "en-xx")
    with torch.no_grad():
        model.final_logits_bias += 20 * torch.randn(model.final_logits_bias.shape, generator=torch.Generator().manual_seed(1))
    model.save_pretrained(tmp_path)
    found = sequence_parity(direction, tmp_path, segments, world.params.evaluate_translation)
    assert found == {"sequences": 6, "sequences_equal": 0.0, "sequences_equal_beam": 0.0, "sequences_unexplained": 12}


def test_what_is_compared_is_spread_over_all_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve sources of four segments in three directions; every third of them, at most four."""
    read: list[list[int]] = []

    class Pieces:
        languages = ("de", "es", "zh")

        def encode(self, text: str, target: str | None) -> list[int]:
            return [*map(ord, target or ""), *map(ord, text), END]

    class Echo:
        def decode(self, sources: list[list[int]], **options: Any) -> list[Hypothesis]:
            read.extend(sources)
            return [Hypothesis(ids[:-1] if options["beams"] == 1 else ids[:-2], 0.0) for ids in sources]

        def generate(self, sources: list[list[int]], beams: int, max_pieces: int) -> list[list[int]]:
            return [ids[:-1] for ids in sources]

    info = ModelInfo("en-xx", "v", "translation", ("de", "en", "es", "zh"), (("en", "zh"), ("en", "de"), ("en", "es")), "fp32")
    monkeypatch.setattr(parity, "MarianPeer", lambda checkpoint, threads: Echo())
    monkeypatch.setattr(parity, "near_tie", lambda peer, source, a, b, beams: "zh" not in "".join(map(chr, source)))
    letters = [Segment(id=letter, pattern="p", texts={"en": letter * (1 + i)}) for i, letter in enumerate("abcd")]
    letters.insert(2, Segment(id="e", pattern="p", texts={"de": "e"}))  # of a user's data: nothing in English to translate
    settings = EvaluateTranslation(
        batch_size=3, resamples=10, parity_segments=4, parity_beams=4, noise_segments=2, general=None, general_segments=2
    )
    found = sequence_parity(Direction(info, Pieces(), Echo(), 100), Path("nowhere"), letters, settings)  # type: ignore[arg-type]
    assert sorted("".join(map(chr, ids[:-1])) for ids in read[:4]) == ["dedddd"[:2] + "ccc", "esbb", "zha", "zhdddd"]
    assert found == {"sequences": 4, "sequences_equal": 100.0, "sequences_equal_beam": 0.0, "sequences_unexplained": 2}
