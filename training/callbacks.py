"""What watches a training: curves into MLflow, a progress bar, when to save, when to stop.

Every decision follows from the trainer's state, which a checkpoint holds, so that a training that goes on decides as if it had never
stopped.
"""

from __future__ import annotations

import csv
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainingArguments

from data.console import STDERR, say
from training.tracking import Run

IN_FILE = ("loss", "learning_rate", "eval_loss", "eval_chrf", "eval_macro_f1")  # of what the trainer logs


class Curves(TrainerCallback):
    """Every number that the trainer logs, into MLflow."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Called by the trainer with what it has just logged."""
        if state.is_world_process_zero:
            self._run.metrics(_numbers(logs or {}), step=state.global_step)


def write_curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """What a trainer has logged as CSV: step, name, value."""
    rows = [(entry["step"], name, float(entry[name])) for entry in history for name in IN_FILE if name in entry]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "name", "value"])
        writer.writerows(rows)


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items() if isinstance(value, int | float) and name not in {"epoch", "step"}}


class Bar(TrainerCallback):
    """A progress bar with the time left, the newest loss and the newest score, on a terminal only."""

    def __init__(self, name: str, score: str) -> None:
        self._name, self._score = name, f"eval_{score}"
        self._said: dict[str, str] = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=STDERR, transient=True, disable=not STDERR.is_terminal)
        self._task: TaskID | None = None

    def on_train_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Start the bar, where the training goes on."""
        if state.is_world_process_zero:
            self._task = self._progress.add_task(self._name, total=state.max_steps, completed=state.global_step)
            self._progress.start()

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, completed=state.global_step)

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Show loss and score."""
        self._said |= {name: f"{value:.3g}" for name, value in _numbers(logs or {}).items() if name in {"loss", self._score}}
        if self._task is not None:
            shown = "  ".join(f"{name.removeprefix('eval_')} {value}" for name, value in self._said.items())
            self._progress.update(self._task, description=f"{self._name}  {shown}")

    def on_train_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Take the bar away."""
        self._progress.stop()


class Patience(TrainerCallback):
    """Stops after so many evaluations in a row that were no better than the best before them; `None`: never.

    transformers' own counts in the callback, whose count a checkpoint restores only together with all other callbacks.
    """

    def __init__(self, evaluations: int | None, score: str) -> None:
        self._evaluations, self._score = evaluations, f"eval_{score}"

    def on_evaluate(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Called by the trainer after each evaluation."""
        scores = [entry[self._score] for entry in state.log_history if self._score in entry]
        if self._evaluations is not None and len(scores) - 1 - scores.index(max(scores)) >= self._evaluations:
            control.should_training_stop = True


class Saving(TrainerCallback):
    """Saves every so many steps and when a stop is asked for; logs before it saves, so that the curve is the same if the training goes on.

    Args:
        every: steps between checkpoints; the trainer makes one at each evaluation, too.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self.stop_asked = False

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Called by the trainer after each step."""
        if self.stop_asked:
            control.should_training_stop = True
        control.should_save = control.should_save or self.stop_asked or state.global_step % self._every == 0
        control.should_log = control.should_log or control.should_save

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within, Ctrl-C and SIGTERM ask for a stop after the running step; a second one does what it always does.

        Only the main thread can be asked, and only a training in one process: of several, each would stop at a step of its own.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def ask(number: int, frame: FrameType | None) -> None:
            self.stop_asked = True
            signal.signal(number, before[signal.Signals(number)])
            say("stopping after this step; once more: at once")

        try:
            for number in before:
                signal.signal(number, ask)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
