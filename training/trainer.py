"""What the training of both kinds of model shares: seeds, arguments for transformers' trainer, curves into MLflow and a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress, TaskID
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.utils import logging as transformers_logging

from configs.schema import Optimizer
from data.console import STDERR
from training.batching import LengthGroups
from training.optimizer import MuonWithAdamW
from training.tracking import Run


def make_repeatable(seed: int, threads: int) -> None:
    """Fix every generator and the thread count: on one machine, the same seed gives the same weights."""
    torch.set_num_threads(threads)
    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def training_arguments(settings: Optimizer, seed: int, work: Path) -> dict[str, Any]:
    """Our settings in the names of transformers' `TrainingArguments`."""
    return {
        "output_dir": str(work),
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup_steps,
        "lr_scheduler_type": "linear",
        "weight_decay": settings.weight_decay,
        "label_smoothing_factor": settings.label_smoothing,
        "eval_strategy": "steps",
        "eval_steps": max(1, settings.steps // settings.evaluations),
        "logging_steps": max(1, settings.steps // 50),
        "save_strategy": "no",
        "report_to": "none",
        "seed": seed,
        "data_seed": seed,
        "dataloader_num_workers": 0,
        "use_cpu": not torch.cuda.is_available(),
        "disable_tqdm": True,  # `Bar` shows the progress
        "optim": "adamw_torch",
    }


def optimizers(model: torch.nn.Module, settings: Optimizer) -> tuple[torch.optim.Optimizer | None, None]:
    """The optimizer for transformers' trainer, which adds the schedule; `None` lets it make its own AdamW."""
    if settings.name == "adamw":
        return None, None
    return MuonWithAdamW(model, settings.learning_rate, settings.weight_decay), None


class LengthGroupedTrainer(Trainer):
    """transformers' trainer with batches of like length in random order; a sample's length is that of its `input_ids`."""

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroups:
        samples = train_dataset if train_dataset is not None else self.train_dataset
        lengths = [len(samples[i]["input_ids"]) for i in range(len(samples))]
        return LengthGroups(lengths, self.args.per_device_train_batch_size, self.args.data_seed)


class Curves(TrainerCallback):
    """Every number that the trainer logs, into MLflow and into rows for `loss.csv`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._rows: list[tuple[int, str, float]] = []

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Called by the trainer with what it has just logged."""
        numbers = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float) and name != "epoch"}
        self._rows += [
            (state.global_step, name, value) for name, value in numbers.items() if name in {"loss", "eval_loss", "learning_rate"}
        ]
        self._run.metrics(numbers, step=state.global_step)

    def write(self, path: Path) -> None:
        """The curves as CSV: step, name, value."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "name", "value"])
            writer.writerows(self._rows)


class Bar(TrainerCallback):
    """A progress bar with the newest loss, on a terminal only."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._progress = Progress(*Progress.get_default_columns(), console=STDERR, transient=True, disable=not STDERR.is_terminal)
        self._task: TaskID | None = None

    def on_train_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Start the bar."""
        self._task = self._progress.add_task(self._name, total=state.max_steps)
        self._progress.start()

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Show step and loss."""
        if self._task is not None:
            loss = (logs or {}).get("loss", "")
            self._progress.update(self._task, completed=state.global_step, description=f"{self._name}  loss {loss}" if loss else self._name)

    def on_train_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        """Take the bar away."""
        self._progress.stop()


def fit(trainer: Trainer, name: str, run: Run, curves_file: Path) -> dict[str, float]:
    """Train to the last step; returns the last validation's numbers and writes the curves."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    curves = Curves(run)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(curves)
    trainer.add_callback(Bar(name))
    trainer.train()
    curves.write(curves_file)
    last = next(entry for entry in reversed(trainer.state.log_history) if "eval_loss" in entry)
    return {key: float(value) for key, value in last.items()}
