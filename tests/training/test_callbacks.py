"""What watches a training: curves, bar, when to save, when to stop."""

from __future__ import annotations

import csv
import io
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from transformers import TrainerControl

from training import callbacks
from training.callbacks import Bar, Curves, Patience, Saving, write_curves


class Notes:
    """A run that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []

    def metrics(self, values: dict[str, float], step: int) -> None:
        self.told.append((step, values))


def state(step: int, *, main: bool = True, steps: int = 20, history: list[dict[str, Any]] | None = None) -> Any:
    return SimpleNamespace(global_step=step, max_steps=steps, is_world_process_zero=main, log_history=history or [])


def read_rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_every_number_goes_into_the_curves() -> None:
    notes = Notes()
    curves = Curves(notes)  # type: ignore[arg-type]
    curves.on_log(None, state(10), None, logs={"loss": 4.0, "learning_rate": 1e-3, "grad_norm": 0.5, "epoch": 0.5})  # type: ignore[arg-type]
    curves.on_log(None, state(10), None, logs={"eval_loss": 3.5, "eval_chrf": 12, "epoch": 0.5, "step": 10})  # type: ignore[arg-type]
    curves.on_log(None, state(20), None, logs={"train_runtime": 9.0, "total_flos": None, "note": "text"})  # type: ignore[arg-type]
    curves.on_log(None, state(20, main=False), None, logs={"loss": 2.0})  # type: ignore[arg-type]
    assert notes.told == [
        (10, {"loss": 4.0, "learning_rate": 1e-3, "grad_norm": 0.5}),
        (10, {"eval_loss": 3.5, "eval_chrf": 12.0}),
        (20, {"train_runtime": 9.0}),
    ], "of several processes the first alone records"
    assert isinstance(notes.told[1][1]["eval_chrf"], float)


def test_the_curves_are_written_from_what_the_trainer_has_logged(tmp_path: Path) -> None:
    history = [
        {"loss": 4.0, "learning_rate": 1e-3, "grad_norm": 0.5, "epoch": 0.5, "step": 10},
        {"eval_loss": 3.5, "eval_runtime": 0.25, "eval_chrf": 7.5, "epoch": 0.5, "step": 10},
        {"loss": 2, "learning_rate": 0.0, "tokens_per_s": 900.0, "step": 20},
        {"eval_loss": 2.5, "eval_macro_f1": 50.0, "step": 20},
        {"train_runtime": 9.0, "train_loss": 3.0, "step": 20},
    ]
    write_curves(history, tmp_path / "loss.csv")
    assert read_rows(tmp_path / "loss.csv") == [
        ["step", "name", "value"],
        ["10", "loss", "4.0"],
        ["10", "learning_rate", "0.001"],
        ["10", "eval_loss", "3.5"],
        ["10", "eval_chrf", "7.5"],
        ["20", "loss", "2.0"],
        ["20", "learning_rate", "0.0"],
        ["20", "eval_loss", "2.5"],
        ["20", "eval_macro_f1", "50.0"],
    ]


def test_curves_without_logs_are_only_a_header(tmp_path: Path) -> None:
    notes = Notes()
    Curves(notes).on_log(None, state(1), None)  # type: ignore[arg-type]
    assert notes.told == [(1, {})]
    write_curves([], tmp_path / "loss.csv")
    assert (tmp_path / "loss.csv").read_text().strip() == "step,name,value"


def train_with(bar: Bar, *, main: bool = True) -> None:
    """What a trainer tells its callbacks in a training that goes on after step 8 of 20."""
    bar.on_train_begin(None, state(8, main=main), None)  # type: ignore[arg-type]
    for step in (9, 10):
        bar.on_step_end(None, state(step, main=main), None)  # type: ignore[arg-type]
    bar.on_log(None, state(10, main=main), None, logs={"loss": 4.0321, "grad_norm": 77.0})  # type: ignore[arg-type]
    bar.on_log(None, state(10, main=main), None, logs={"eval_chrf": 12.345, "eval_loss": 3.0})  # type: ignore[arg-type]
    bar.on_train_end(None, state(10, main=main), None)  # type: ignore[arg-type]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    shown = io.StringIO()
    monkeypatch.setattr(callbacks, "STDERR", Console(file=shown, force_terminal=True, width=200))
    return shown


def test_the_bar_shows_where_the_training_is(terminal: io.StringIO) -> None:
    bar = Bar("train en-xx", "chrf")
    bar.on_train_begin(None, state(8), None)  # type: ignore[arg-type]
    [task] = bar._progress.tasks
    assert (task.description, task.completed, task.total) == ("train en-xx", 8, 20), "it goes on where the training does"
    bar.on_train_end(None, state(8), None)  # type: ignore[arg-type]
    bar = Bar("train en-xx", "chrf")
    train_with(bar)
    [task] = bar._progress.tasks
    assert (task.description, task.completed) == ("train en-xx  loss 4.03  chrf 12.3", 10)
    shown = terminal.getvalue()
    assert "train en-xx  loss 4.03  chrf 12.3" in shown
    assert "10/20" in shown
    assert "77" not in shown


def test_the_bar_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    train_with(Bar("train en-xx", "chrf"))
    assert capsys.readouterr() == ("", "")


def test_of_several_processes_one_has_a_bar(terminal: io.StringIO) -> None:
    train_with(Bar("train en-xx", "chrf"), main=False)
    assert terminal.getvalue() == ""


def evaluated(*scores: float) -> list[dict[str, Any]]:
    """What a trainer has logged after evaluations with these scores."""
    found: list[dict[str, Any]] = []
    for number, score in enumerate(scores, 1):
        found += [{"loss": 1.0 / number, "step": 10 * number}, {"eval_loss": float(number), "eval_chrf": score, "step": 10 * number}]
    return found


@pytest.mark.parametrize(
    ("patience", "scores", "stops"),
    [
        (2, [5.0], False),
        (2, [5.0, 4.0], False),
        (2, [5.0, 4.0, 3.0], True),
        (2, [5.0, 5.0, 5.0], True),  # as good is no better
        (2, [5.0, 4.0, 6.0], False),
        (2, [5.0, 4.0, 6.0, 5.9, 5.8], True),
        (2, [3.0, 5.0, 4.0, 4.5], True),  # better than the one before, not than the best
        (1, [5.0, 4.0], True),
        (None, [5.0, 4.0, 3.0, 2.0, 1.0], False),
    ],
)
def test_patience_ends_after_so_many_evaluations_without_a_better_one(patience: int | None, scores: list[float], stops: bool) -> None:
    control = TrainerControl()
    Patience(patience, "chrf").on_evaluate(None, state(10 * len(scores), history=evaluated(*scores)), control)  # type: ignore[arg-type]
    assert control.should_training_stop == stops


def test_patience_is_with_the_score_that_chooses_the_best() -> None:
    """The validation losses of `evaluated` only rise, which is not what is looked at."""
    control = TrainerControl()
    Patience(1, "chrf").on_evaluate(None, state(30, history=evaluated(1.0, 2.0, 3.0)), control)  # type: ignore[arg-type]
    assert not control.should_training_stop


def after_step(saving: Saving, step: int, **before: bool) -> tuple[bool, bool, bool]:
    """Whether it is saved, logged, and the end."""
    control = TrainerControl(**before)
    saving.on_step_end(None, state(step), control)  # type: ignore[arg-type]
    return control.should_save, control.should_log, control.should_training_stop


def test_every_so_many_steps_are_saved_and_logged() -> None:
    saving = Saving(10)
    assert [step for step in range(1, 31) if after_step(saving, step) == (True, True, False)] == [10, 20, 30]
    assert [step for step in range(1, 31) if after_step(saving, step) == (False, False, False)] == [s for s in range(1, 31) if s % 10]


def test_what_the_trainer_has_decided_stands() -> None:
    saving = Saving(10)
    assert after_step(saving, 7, should_save=True) == (True, True, False)
    assert after_step(saving, 7, should_log=True) == (False, True, False)
    assert after_step(saving, 7, should_training_stop=True) == (False, False, True)


def test_a_stop_that_is_asked_for_is_saved_first() -> None:
    saving = Saving(10)
    saving.stop_asked = True
    assert after_step(saving, 7) == (True, True, True)


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """Signals that arrived at the handlers that were there before."""
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    yield arrived
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_does_what_it_always_does(
    handled: list[int], capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    saving = Saving(10)
    with saving.on_signals():
        assert not saving.stop_asked
        os.kill(os.getpid(), number)
        assert (saving.stop_asked, handled) == (True, [])
        os.kill(os.getpid(), number)
        assert handled == [number]
    assert capsys.readouterr() == ("", "stopping after this step; once more: at once\n")
    os.kill(os.getpid(), number)
    assert handled == [number, number], "afterwards all is as before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_as_before_whatever_the_body_raises(handled: list[int], number: signal.Signals) -> None:
    saving = Saving(10)
    with pytest.raises(ZeroDivisionError), saving.on_signals():
        raise ZeroDivisionError
    os.kill(os.getpid(), number)
    assert (saving.stop_asked, handled) == (False, [number])


def test_outside_the_main_thread_nothing_is_asked(handled: list[int]) -> None:
    """Python lets the main thread alone set handlers."""
    seen: list[Any] = []

    def run() -> None:
        with Saving(10).on_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    expected = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [expected]
