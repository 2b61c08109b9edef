"""Whether whole sequences equal those of transformers' `generate` on the same weights.

A mismatch is explained where two continuations are as good as equal (a near tie), so that rounding decides between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.schema import EvaluateTranslation
from data.records import Segment
from eval.peers.transformers import MarianPeer
from serving.translator import Direction, sentence_ids

NEAR_TIE = 1e-3  # difference in log-probability; the graphs' logits are within 1e-3 of PyTorch's


def sequence_parity(direction: Direction, checkpoint: Path, segments: Sequence[Segment], settings: EvaluateTranslation) -> dict[str, float]:
    """How many sequences are equal, greedy and with `parity_beams` beams.

    Args:
        direction: the model in our engine, fp32.
        checkpoint: the same model's checkpoint.
        segments: test segments; of their sentences in all of the model's directions, `parity_segments` are compared, spread evenly.
        settings: how many, how wide, how many together.

    Returns:
        sequences_equal and sequences_equal_beam in percent, how many were compared, and how many mismatches are no near tie.
    """
    peer = MarianPeer(checkpoint, threads=2)
    sources = [
        ids
        for source, target in direction.info.pairs
        for segment in segments
        if source in segment.texts
        for ids in sentence_ids(segment.texts[source], direction, target)
    ]
    sources = sources[:: max(1, len(sources) // settings.parity_segments)][: settings.parity_segments]
    greedy, greedy_unexplained = _compare(direction, peer, sources, 1, settings.batch_size)
    beam, beam_unexplained = _compare(direction, peer, sources, settings.parity_beams, settings.batch_size)
    return {
        "sequences": len(sources),
        "sequences_equal": greedy,
        "sequences_equal_beam": beam,
        "sequences_unexplained": greedy_unexplained + beam_unexplained,
    }


def _compare(direction: Direction, peer: MarianPeer, sources: list[list[int]], beams: int, batch: int) -> tuple[float, int]:
    """Percent of equal sequences, and how many of the others are no near tie."""
    equal, unexplained = 0, 0
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    for start in range(0, len(order), batch):
        rows = [sources[i] for i in order[start : start + batch]]
        ours = [hypothesis.ids for hypothesis in direction.decoder.decode(rows, beams=beams, max_pieces=direction.max_pieces - 1)]
        theirs = peer.generate(rows, beams, direction.max_pieces - 1)
        for source, a, b in zip(rows, ours, theirs, strict=True):
            equal += a == b
            unexplained += a != b and not near_tie(peer, source, a, b, beams)
    return 100 * equal / len(sources), unexplained


def near_tie(peer: MarianPeer, source: Sequence[int], a: Sequence[int], b: Sequence[int], beams: int) -> bool:
    """Whether PyTorch finds both hypotheses as good: at their first difference (greedy), or as a whole (beam)."""
    if beams > 1:
        return abs(peer.score(source, a) - peer.score(source, b)) < NEAR_TIE
    end = peer.model.config.eos_token_id
    place = next(i for i, (x, y) in enumerate(zip([*a, end], [*b, end], strict=False)) if x != y)
    step = peer.log_probabilities(source, a[:place])[place]
    return abs(float(step[[*a, end][place]] - step[[*b, end][place]])) < NEAR_TIE
