"""What can go wrong in the middle of a training: no memory, a loss that is no number, no progress; and batches in parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from configs.schema import Params
from data.records import Segment, read_jsonl
from training import judging, marian
from training.trainer import DivergedError, TooLargeError

STEPS = 8  # enough for both evaluations; the rounding of other sums grows with every step, and is 2e-3 after 12


def plain(world: Any, **running: Any) -> Params:
    """The world's parameters, few steps, and nothing drawn in a step: batches in parts must give the same as whole ones."""
    values = world.params.model_dump()
    section = values["train_translation"]
    section["optimizer"] |= {"steps": STEPS, "dropout": 0.0, "evaluations": 2}
    section["running"] |= running
    section["target_piece_dropout"] = 0.0
    return Params.model_validate(values)


def weights(world: Any, params: Params) -> dict[str, torch.Tensor]:
    out = Path("models/en-xx")
    marian.train("en-xx", params, world.translation, out)
    return load_file(out / "model.safetensors")


def close(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    assert max(float((found[name] - wanted[name]).abs().max()) for name in wanted) < 2e-3


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, when: Callable[[int], bool]) -> list[int]:
    """Let the loss of a training batch with so many rows fail; returns the list that the rows of all of them go to."""
    real, seen = marian.MarianLoss.__call__, []

    def call(self: Any, model: Any, batch: dict[str, torch.Tensor], items: Any) -> Any:
        if model.training:
            seen.append(len(batch["input_ids"]))
            if when(seen[-1]):
                raise error
        return real(self, model, batch, items)

    monkeypatch.setattr(marian.MarianLoss, "__call__", call)
    return seen


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_in_parts_or_halved_for_memory_gives_what_a_whole_one_gives(
    workers: int, world: Any, mlflow_down: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = failing(monkeypatch, RuntimeError("never"), lambda rows: False)
    whole = weights(world, plain(world))
    limit = sorted(rows)[STEPS // 2]
    close(weights(world, plain(world, parts=3)), whole)
    capsys.readouterr()
    seen = failing(monkeypatch, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), lambda rows: rows > limit)
    close(weights(world, plain(world, workers=workers)), whole)
    said = [line for line in capsys.readouterr().err.splitlines() if "out of memory" in line]
    assert len(said) == 1
    assert said[0].startswith("warning: out of memory at step ")
    assert said[0].endswith(" in 1 parts: from now on in 2, which changes no result (`running.parts`)")
    assert sum(rows > limit for rows in seen) == 1  # caught once, halved ever after


def test_halves_that_do_not_fit_either_end_it_in_one_sentence(world: Any, mlflow_down: None, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), lambda rows: rows > 10)
    with pytest.raises(TooLargeError, match=r"^out of memory at step \d+, on a batch of \d+ samples in 2 parts: make batches smaller, or"):
        weights(world, plain(world))


def test_other_errors_are_not_taken_for_memory(world: Any, mlflow_down: None, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, RuntimeError("mat1 and mat2 shapes cannot be multiplied"), lambda rows: True)
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2"):
        weights(world, plain(world))


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_segments(world: Any, mlflow_up: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, steps = marian.MarianLoss.__call__, []

    def call(self: Any, model: Any, batch: dict[str, torch.Tensor], items: Any) -> Any:
        loss, outputs = real(self, model, batch, items)
        steps.append(model.training)
        return (loss * float("nan") if steps.count(True) == 3 else loss), outputs

    monkeypatch.setattr(marian.MarianLoss, "__call__", call)
    with pytest.raises(DivergedError, match=r"^the loss is nan at step 3, on the samples ") as error:
        weights(world, plain(world))
    named = str(error.value).split("on the samples ")[1].split(": look at them")[0].split(" and ")[0].split(", ")
    assert len(named) == 8
    assert set(named) <= {segment.id for segment in read_jsonl(world.translation / "train.jsonl", Segment)}
    experiment = mlflow_up.get_experiment_by_name("quayside").experiment_id
    [run] = mlflow_up.search_runs([experiment], order_by=["attributes.start_time DESC"], max_results=1)
    assert run.info.status == "FAILED"
    assert run.data.tags["failure"].startswith("DivergedError: the loss is nan at step 3, on the samples ")


def test_without_progress_it_stops_and_keeps_the_best(world: Any, mlflow_down: None, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {3: 10.0, 6: 30.0, 9: 20.0, 12: 25.0, 15: 40.0}
    monkeypatch.setattr(judging.TranslationJudge, "__call__", lambda self, model, step: {"chrf": scores[step]})
    params = plain(world, patience=2)
    values = params.model_dump()
    values["train_translation"]["optimizer"] |= {"steps": 15, "evaluations": 5}
    said = marian.train("en-xx", Params.model_validate(values), world.translation, Path("models/en-xx"))
    assert said.endswith("chrF 30.0 after step 6")
