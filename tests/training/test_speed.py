"""Our trainer and transformers' beside each other: the same work, less padding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training import speed


def test_both_trainers_are_timed_on_the_same_work(world: Any, monkeypatch: pytest.MonkeyPatch, mlflow_down: None) -> None:
    monkeypatch.setattr(speed, "PREPARED", world.translation)
    found = speed.compare("en-xx", world.params, steps=12, rounds=1)
    assert set(found["ways"]) == {"ours", "seq2seq_trainer", "ours_as_profile"}
    assert all(way["tokens_per_s"] > 0 for way in found["ways"].values())
    assert found["ways"]["ours"]["padding_percent"] < 10 < found["ways"]["seq2seq_trainer"]["padding_percent"]
    assert 0 < found["ways"]["ours"]["waiting_for_data_percent"] < 100
    ratio = found["ways"]["ours"]["tokens_per_s"] / found["ways"]["seq2seq_trainer"]["tokens_per_s"]
    assert found["ratio_seq2seq_trainer"]["median"] == pytest.approx(ratio)
    assert json.loads(json.dumps(found)) == found
    assert not Path("training").exists()  # nothing is saved


def test_the_clock_leaves_out_the_first_steps_and_what_is_fetched_ahead() -> None:
    import torch

    clock = speed.Clock(lambda rows: {"labels": torch.tensor(rows)}, steps=speed.UNTIMED + 2)
    for _ in range(speed.UNTIMED + 4):
        clock([[3, 4, -100], [5, 0, 7]])
    assert (clock.pieces, clock.cells) == (2 * 5, 2 * 6)
    assert clock.stop() > 0
