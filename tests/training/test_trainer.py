"""What both kinds of training share: seeds, arguments, batches in parts, the best checkpoint, speed, the MLflow run.

What can go wrong in a training is in test_faults, going on after a stop in test_resuming, several processes in test_processes.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import TrainingArguments

from configs.schema import ROOT, Optimizer, Running, load_params
from training import tracking
from training.batching import LengthGroups
from training.checkpoints import BusyError
from training.optimizer import MuonWithAdamW
from training.tracking import UnrecordedRun
from training.trainer import StreamTrainer, fit, make_repeatable, optimizers, recorded, result_inputs, training_arguments

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
RUNNING = Running(precision="fp32", compile=False, parts=1, workers=0, patience=None, checkpoint_steps=1_000, checkpoints=2)
STEPS = 12


class Notes:
    """A run that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []

    def metrics(self, values: dict[str, float], step: int) -> None:
        self.told.append((step, values))


class Line(nn.Module):
    """One linear layer; remembers the rows of every batch that it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.rows: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.rows.append(len(x))
        return self.linear(x)  # type: ignore[no-any-return]


class SquaredError:
    """Of each sample, summed and divided by what it is told."""

    unit = "samples"

    def items(self, batch: dict[str, torch.Tensor]) -> int:
        return len(batch["x"])

    def __call__(self, model: Any, batch: dict[str, torch.Tensor], items: torch.Tensor | int) -> tuple[torch.Tensor, Any]:
        assert set(batch) == {"x", "y"}, "the numbers are the trainer's"
        found = model(batch["x"])
        return ((found - batch["y"]) ** 2).sum() / items, found


class Scripted:
    """A judge that says what it was told to, and keeps the weights that it saw."""

    score = "marks"

    def __init__(self, scores: dict[int, float]) -> None:
        self._scores = scores
        self.saw: dict[int, list[float]] = {}

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        self.saw[step] = weights(model)
        return {"marks": self._scores[step], "other": 1.0}


def weights(model: Line) -> list[float]:
    return [*model.linear.weight.detach().flatten().tolist(), *model.linear.bias.detach().tolist()]


def samples(count: int = 22) -> list[dict[str, Any]]:
    chance = random.Random(5)
    return [{"number": i, "x": [chance.gauss(0, 1) for _ in range(3)], "y": [chance.gauss(0, 1)]} for i in range(count)]


class Numbered(torch.utils.data.Dataset[dict[str, Any]]):
    """The same samples in every epoch."""

    def __len__(self) -> int:
        return len(samples())

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {**samples()[number % len(self)], "number": number}


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    tensors = {name: torch.tensor([row[name] for row in rows]) for name in ("x", "y")}
    return {**tensors, "numbers": torch.tensor([row["number"] for row in rows])}


BATCHES = LengthGroups([1] * 22, 8, 7)


def trained_batches() -> list[list[int]]:
    """The batches of a training: three in an epoch."""
    return [batch for epoch in range(STEPS // 3) for batch in BATCHES.epoch(epoch)]


def trainer_of(folder: Path, judge: Any = None, **running: Any) -> StreamTrainer:
    """A trainer of 12 steps on batches of 8, 8 and 6, evaluated every 4."""
    torch.manual_seed(1)
    changed = OPTIMIZER.model_copy(update={"steps": STEPS, "evaluations": 3, "learning_rate": 0.1, "warmup_steps": 0})
    settings = RUNNING.model_copy(update=running)
    arguments = TrainingArguments(**training_arguments(changed, settings, 7, folder, "marks"), label_names=["y"])
    return StreamTrainer(
        BATCHES,
        SquaredError(),
        judge or Scripted(dict.fromkeys((4, 8, 12), 1.0)),
        str,
        settings,
        model=Line(),
        args=arguments,
        train_dataset=Numbered(),
        eval_dataset=Numbered(),
        data_collator=collate,
    )


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Threads and determinism as they were: what a test sets is the process's."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=True)


def drawn() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


def test_the_seed_fixes_every_generator_and_the_threads() -> None:
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(2)
    make_repeatable(7, threads=1)
    first = drawn()
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    make_repeatable(7, threads=1)
    assert drawn() == first
    make_repeatable(8, threads=1)
    assert not set(drawn()) & set(first)


def test_settings_become_arguments(tmp_path: Path) -> None:
    arguments = TrainingArguments(**training_arguments(OPTIMIZER, RUNNING, 7, tmp_path, "chrf"))
    assert (arguments.max_steps, arguments.per_device_train_batch_size, arguments.learning_rate) == (100, 8, 1e-3)
    assert (arguments.warmup_steps, arguments.weight_decay) == (10, 0.01)
    assert arguments.label_smoothing_factor == 0, "the losses smooth"
    assert (arguments.seed, arguments.data_seed) == (7, 7)
    assert (arguments.eval_steps, arguments.logging_steps, arguments.save_strategy, arguments.save_steps) == (25, 2, "steps", 25)
    assert (arguments.load_best_model_at_end, arguments.metric_for_best_model, arguments.greater_is_better) == (True, "chrf", True)
    assert (arguments.bf16, arguments.torch_compile, arguments.output_dir) == (False, False, str(tmp_path))
    assert arguments.report_to == []


def test_how_it_runs_becomes_arguments(tmp_path: Path) -> None:
    changed = RUNNING.model_copy(update={"precision": "bf16", "compile": True})
    found = training_arguments(OPTIMIZER, changed, 7, tmp_path, "chrf")
    usual = training_arguments(OPTIMIZER, RUNNING, 7, tmp_path, "chrf")
    assert {name: found[name] for name in found if found[name] != usual[name]} == {"bf16": True, "torch_compile": True}


@pytest.mark.parametrize(("steps", "evaluations", "every"), [(100, 3, 33), (5, 10, 1)])
def test_validations_are_spread_over_the_run(tmp_path: Path, steps: int, evaluations: int, every: int) -> None:
    changed = OPTIMIZER.model_copy(update={"steps": steps, "evaluations": evaluations})
    assert training_arguments(changed, RUNNING, 7, tmp_path, "chrf")["eval_steps"] == every


def test_the_optimizer_is_the_one_named() -> None:
    model = torch.nn.Linear(3, 2)
    assert optimizers(model, OPTIMIZER) == (None, None), "transformers' trainer makes AdamW itself"
    chosen, schedule = optimizers(model, OPTIMIZER.model_copy(update={"name": "muon"}))
    assert isinstance(chosen, MuonWithAdamW)
    assert schedule is None
    assert {(group["lr"], group["weight_decay"]) for group in chosen.param_groups} == {(1.0e-3, 0.01)}


def test_fit_returns_the_best_validation_whose_weights_stay(tmp_path: Path) -> None:
    notes, judge = Notes(), Scripted({4: 20.0, 8: 30.0, 12: 25.0})
    trainer = trainer_of(tmp_path, judge)
    best = fit(trainer, "train en-xx", notes)  # type: ignore[arg-type]
    assert (best["step"], best["eval_marks"], best["eval_other"]) == (8, 30.0, 1.0)
    assert weights(trainer.model) == judge.saw[8]
    assert len({tuple(found) for found in judge.saw.values()}) == 3
    evaluated = {step: values for step, values in notes.told if "eval_loss" in values}
    assert list(evaluated) == [4, 8, 12]
    assert best["eval_loss"] == evaluated[8]["eval_loss"]
    assert all(isinstance(value, float) for value in best.values())


def test_the_earliest_of_equal_validations_is_the_best(tmp_path: Path) -> None:
    judge = Scripted({4: 20.0, 8: 30.0, 12: 30.0})
    trainer = trainer_of(tmp_path, judge)
    assert fit(trainer, "train en-xx", UnrecordedRun("train en-xx"))["step"] == 8
    assert weights(trainer.model) == judge.saw[8]


def test_the_curves_hold_loss_and_speed_at_every_step(tmp_path: Path) -> None:
    notes = Notes()
    fit(trainer_of(tmp_path), "train en-xx", notes)  # type: ignore[arg-type]
    logged = {step: values for step, values in notes.told if "loss" in values}
    assert list(logged) == list(range(1, STEPS + 1))
    for values in logged.values():
        assert set(values) == {"loss", "grad_norm", "learning_rate", "samples_per_s", "waiting_for_data_percent"}
        assert values["samples_per_s"] > 0
        assert 0 < values["waiting_for_data_percent"] < 100
    assert logged[1]["learning_rate"] == pytest.approx(0.1)
    assert logged[STEPS]["learning_rate"] == pytest.approx(0.1 / STEPS)


def test_speed_counts_what_was_trained_on_and_no_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that moves while data is made (1 s a batch), in each step (3 s) and in evaluations (100 s) alone."""
    clock = [0.0]
    monkeypatch.setattr("training.trainer.time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def passing(seconds: float, real: Any) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            clock[0] += seconds
            return real(*args, **options)

        return run

    notes, trainer = Notes(), trainer_of(tmp_path)
    monkeypatch.setattr(trainer, "data_collator", passing(1, collate))
    monkeypatch.setattr(trainer, "_gradients", passing(3, trainer._gradients))
    monkeypatch.setattr(trainer, "judge", passing(100, trainer.judge))
    monkeypatch.setattr(trainer.judge, "score", "marks", raising=False)
    fit(trainer, "train en-xx", notes)  # type: ignore[arg-type]
    logged = [values for _, values in notes.told if "loss" in values]
    sizes = [len(batch) for batch in trained_batches()]
    assert set(sizes) == {8, 6}
    assert [values["samples_per_s"] for values in logged] == [pytest.approx(size / 4) for size in sizes]
    assert [values["waiting_for_data_percent"] for values in logged] == [pytest.approx(25)] * STEPS


def test_nothing_is_said_away_from_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(trainer_of(tmp_path), "train en-xx", UnrecordedRun("train en-xx"))
    assert capsys.readouterr() == ("", "")


def by_hand() -> list[float]:
    """The losses of plain PyTorch on whole batches, with what transformers' trainer does to gradients and learning rate."""
    torch.manual_seed(1)
    model = Line()
    optimizer = torch.optim.AdamW(
        [{"params": [model.linear.weight], "weight_decay": 0.01}, {"params": [model.linear.bias], "weight_decay": 0.0}], lr=0.1
    )
    losses = []
    for step, batch in enumerate(trained_batches()):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * (1 - step / STEPS)
        rows = collate([samples()[i] for i in batch])
        loss = ((model(rows["x"]) - rows["y"]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(("parts", "rows"), [(1, {8: [8], 6: [6]}), (3, {8: [3, 3, 2], 6: [2, 2, 2]}), (20, {8: [1] * 8, 6: [1] * 6})])
def test_a_batch_in_parts_is_trained_on_as_a_whole_one(tmp_path: Path, parts: int, rows: dict[int, list[int]]) -> None:
    """The same losses as plain PyTorch on whole batches, whatever the parts; a part of no row is none."""
    notes, trainer = Notes(), trainer_of(tmp_path, parts=parts)
    fit(trainer, "train en-xx", notes)  # type: ignore[arg-type]
    assert [values["loss"] for _, values in notes.told if "loss" in values] == pytest.approx(by_hand(), rel=1e-4)
    assert trainer.model.rows == [size for batch in trained_batches() for size in rows[len(batch)]]


def test_a_validation_s_loss_is_the_mean_over_its_samples(tmp_path: Path) -> None:
    """Of all of them alike, though the last batch is smaller."""
    trainer = trainer_of(tmp_path, Scripted({0: 5.0}))
    rows = collate(samples())
    with torch.inference_mode():
        expected = ((trainer.model(rows["x"]) - rows["y"]) ** 2).mean().item()
    metrics = trainer.evaluate()
    assert metrics["eval_loss"] == pytest.approx(expected, rel=1e-5)
    assert (metrics["eval_marks"], metrics["eval_other"]) == (5.0, 1.0)


def test_a_result_follows_from_seed_and_settings_but_not_from_how_it_runs() -> None:
    params = load_params(ROOT / "configs/profiles/demo.yaml")
    for settings in (params.train_translation, params.train_intents):
        inputs = result_inputs(7, settings)
        json.dumps(inputs)  # the checkpoints' folder is named by it
        others = {"parts": 3, "workers": 2, "patience": 1, "checkpoint_steps": 7, "checkpoints": 5, "compile": True}
        assert others.keys() | {"precision"} == settings.running.model_dump().keys()
        assert result_inputs(7, settings.model_copy(update={"running": settings.running.model_copy(update=others)})) == inputs
        precise = settings.running.model_copy(update={"precision": "bf16"})
        assert result_inputs(7, settings.model_copy(update={"running": precise})) != inputs
        longer = settings.optimizer.model_copy(update={"steps": settings.optimizer.steps + 1})
        assert result_inputs(7, settings.model_copy(update={"optimizer": longer})) != inputs != result_inputs(8, settings)
        assert inputs["augmentation"] == settings.augmentation.model_dump()


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """An MLflow in which every run is `r1`; the ids of runs that it was asked to go on with."""
    asked: list[str | None] = []

    @contextmanager
    def run(name: str, *, kind: str, profile: str, resume: str | None) -> Iterator[Any]:
        assert (name, kind, profile) == ("train en-xx", "train", "demo")
        asked.append(resume)
        yield SimpleNamespace(id="r1")

    monkeypatch.setattr(tracking, "run", run)
    return asked


def fail(folder: Path) -> None:
    """A training that saves a checkpoint and breaks."""
    with recorded("en-xx", folder, "demo", main=True):
        (folder / "checkpoint-10").mkdir()
        with pytest.raises(BusyError), recorded("en-xx", folder, "demo", main=True):
            pytest.fail("two trainings at once")
        raise ZeroDivisionError


def test_a_training_that_goes_on_is_the_same_run_and_one_that_is_done_leaves_nothing(tmp_path: Path, resumed: list[str | None]) -> None:
    folder = tmp_path / "en-xx" / "0123456789ab"
    with pytest.raises(ZeroDivisionError):
        fail(folder)
    assert json.loads((folder / "run.json").read_text()) == {"mlflow_run": "r1"}
    assert (folder / "checkpoint-10").is_dir()
    with recorded("en-xx", folder, "demo", main=True) as run:
        assert run.id == "r1"
        assert (folder / "checkpoint-10").is_dir()
    assert not folder.exists()
    with recorded("en-xx", folder, "demo", main=True):
        pass
    assert resumed == [None, "r1", None]


def test_a_run_is_not_forgotten_while_mlflow_is_down(tmp_path: Path, mlflow_down: None) -> None:
    folder = tmp_path / "0123456789ab"
    folder.mkdir()
    (folder / "run.json").write_text('{"mlflow_run": "r1"}')
    with pytest.raises(ZeroDivisionError):
        fail(folder)
    assert json.loads((folder / "run.json").read_text()) == {"mlflow_run": "r1"}


def test_of_several_processes_the_others_record_nothing(tmp_path: Path, resumed: list[str | None]) -> None:
    folder = tmp_path / "0123456789ab"
    with recorded("en-xx", folder, "demo", main=True):
        (folder / "checkpoint-10").mkdir()
        with recorded("en-xx", folder, "demo", main=False) as run:
            run.params({"seed": 7})
            assert isinstance(run, UnrecordedRun)
        assert (folder / "checkpoint-10").is_dir(), "the first tidies up"
    assert resumed == [None]


def test_real_trainings_write_as_many_validations_as_asked_for(world: Any) -> None:
    files = sorted(world.models.glob("*/loss.csv"))
    assert [file.parent.name for file in files] == ["en-xx", "intents", "xx-en"]
    for file in files:
        settings = world.params.train_intents if file.parent.name == "intents" else world.params.train_translation
        steps = settings.optimizer.steps
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        score = "eval_macro_f1" if file.parent.name == "intents" else "eval_chrf"
        for name in ("eval_loss", score):
            assert [int(row["step"]) for row in rows if row["name"] == name] == [steps // 2, steps]
        assert [int(row["step"]) for row in rows if row["name"] == "loss"] == list(range(1, steps + 1))
