"""Seeds, arguments and curves that both kinds of training share."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PrinterCallback, TrainingArguments

from configs.schema import Optimizer
from training.optimizer import MuonWithAdamW
from training.trainer import Curves, fit, make_repeatable, optimizers, training_arguments

OPTIMIZER = Optimizer(
    name="adamw",
    steps=100,
    batch_size=8,
    learning_rate=1.0e-3,
    warmup_steps=10,
    weight_decay=0.01,
    label_smoothing=0.1,
    dropout=0.2,
    evaluations=4,
)


class Notes:
    """A run that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []

    def metrics(self, values: dict[str, float], step: int) -> None:
        self.told.append((step, values))


class FakeTrainer:
    """Logs what a training of two validations logs."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []
        self.removed: list[type] = []
        self.state = SimpleNamespace(global_step=0, max_steps=20, log_history=[])

    def remove_callback(self, callback: type) -> None:
        self.removed.append(callback)

    def add_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def log(self, step: int, **logs: Any) -> None:
        self.state.global_step = step
        self.state.log_history.append({**logs, "step": step})
        for callback in self.callbacks:
            callback.on_log(None, self.state, None, logs=logs)

    def train(self) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(None, self.state, None)
        self.log(10, loss=4.0, learning_rate=1e-3, grad_norm=0.5, epoch=0.5)
        self.log(10, eval_loss=3.5, eval_runtime=0.25, epoch=0.5)
        self.log(20, loss=2, learning_rate=0.0, epoch=1.0)
        self.log(20, eval_loss=2.5, eval_runtime=0.5, epoch=1.0)
        self.log(20, train_runtime=9.0, total_flos=None, note="text")
        for callback in self.callbacks:
            if hasattr(callback, "on_train_end"):
                callback.on_train_end(None, self.state, None)


def drawn() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


def test_the_seed_fixes_every_generator_and_the_threads() -> None:
    before = torch.get_num_threads()
    try:
        make_repeatable(7, threads=1)
        first = drawn()
        assert torch.get_num_threads() == 1
        make_repeatable(7, threads=1)
        assert drawn() == first
        make_repeatable(8, threads=1)
        assert not set(drawn()) & set(first)
    finally:
        torch.set_num_threads(before)


def test_settings_become_arguments(tmp_path: Path) -> None:
    arguments = TrainingArguments(**training_arguments(OPTIMIZER, 7, tmp_path))
    assert (arguments.max_steps, arguments.per_device_train_batch_size, arguments.learning_rate) == (100, 8, 1e-3)
    assert (arguments.warmup_steps, arguments.weight_decay, arguments.label_smoothing_factor) == (10, 0.01, 0.1)
    assert (arguments.seed, arguments.data_seed) == (7, 7)
    assert (arguments.eval_steps, arguments.logging_steps, arguments.save_strategy) == (25, 2, "no")
    assert arguments.report_to == []


@pytest.mark.parametrize(("steps", "evaluations", "every"), [(100, 3, 33), (5, 10, 1)])
def test_validations_are_spread_over_the_run(tmp_path: Path, steps: int, evaluations: int, every: int) -> None:
    changed = OPTIMIZER.model_copy(update={"steps": steps, "evaluations": evaluations})
    assert training_arguments(changed, 7, tmp_path)["eval_steps"] == every


def test_the_optimizer_is_the_one_named() -> None:
    model = torch.nn.Linear(3, 2)
    assert optimizers(model, OPTIMIZER) == (None, None), "transformers' trainer makes AdamW itself"
    chosen, schedule = optimizers(model, OPTIMIZER.model_copy(update={"name": "muon"}))
    assert isinstance(chosen, MuonWithAdamW)
    assert schedule is None
    assert {(group["lr"], group["weight_decay"]) for group in chosen.param_groups} == {(1.0e-3, 0.01)}


def test_fit_returns_the_last_validation_and_writes_the_curves(tmp_path: Path) -> None:
    notes, trainer = Notes(), FakeTrainer()
    last = fit(trainer, "train en-xx", notes, tmp_path / "loss.csv")  # type: ignore[arg-type]
    assert (last["eval_loss"], last["eval_runtime"]) == (2.5, 0.5)
    assert trainer.removed == [PrinterCallback]
    assert notes.told == [
        (10, {"loss": 4.0, "learning_rate": 1e-3, "grad_norm": 0.5}),
        (10, {"eval_loss": 3.5, "eval_runtime": 0.25}),
        (20, {"loss": 2.0, "learning_rate": 0.0}),
        (20, {"eval_loss": 2.5, "eval_runtime": 0.5}),
        (20, {"train_runtime": 9.0}),
    ]
    with (tmp_path / "loss.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["step", "name", "value"],
        ["10", "loss", "4.0"],
        ["10", "learning_rate", "0.001"],
        ["10", "eval_loss", "3.5"],
        ["20", "loss", "2.0"],
        ["20", "learning_rate", "0.0"],
        ["20", "eval_loss", "2.5"],
    ]


def test_progress_is_for_terminals_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(FakeTrainer(), "train en-xx", Notes(), tmp_path / "loss.csv")  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")


def test_curves_without_logs_are_only_a_header(tmp_path: Path) -> None:
    curves = Curves(Notes())  # type: ignore[arg-type]
    curves.on_log(None, SimpleNamespace(global_step=1), None)  # type: ignore[arg-type]
    curves.write(tmp_path / "loss.csv")
    assert (tmp_path / "loss.csv").read_text().strip() == "step,name,value"


def test_real_trainings_write_as_many_validations_as_asked_for(world: Any) -> None:
    files = sorted(world.models.glob("*/loss.csv"))
    assert [file.parent.name for file in files] == ["en-xx", "intents", "xx-en"]
    for file in files:
        settings = world.params.train_intents if file.parent.name == "intents" else world.params.train_translation
        steps = settings.optimizer.steps
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        assert [int(row["step"]) for row in rows if row["name"] == "eval_loss"] == [steps // 2, steps]
        assert [int(row["step"]) for row in rows if row["name"] == "loss"] == list(range(1, steps + 1))
