"""What the training of both kinds of model shares: seeds, arguments, transformers' trainer on a stream of batches, going on after a stop.

A batch is the unit: it may be computed in parts, one after another (memory) or by several processes, and gives the same gradient, because
each part's loss is divided by what the whole batch holds.

Not covered: FSDP's own checkpoints of optimizer states in another number of processes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from traceback import clear_frames
from typing import Any, Protocol

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, set_seed
from transformers.utils import logging as transformers_logging

from configs.schema import Optimizer, Running, TrainIntents, TrainTranslation
from data.console import say
from data.records import write_json
from training import tracking
from training.batching import Batches, Stream
from training.callbacks import Bar, Curves, Patience, Saving
from training.checkpoints import RUN, StoppedError, claimed, keep_newest, mark_whole, newest_whole, step_of
from training.optimizer import MuonWithAdamW
from training.tracking import Run

Batch = dict[str, torch.Tensor]

SHOWN_SAMPLES = 8  # of a batch that cannot be trained on


class DivergedError(ValueError):
    """The loss is no number any more."""


class TooLargeError(ValueError):
    """A batch that does not fit into memory, not even in halves."""


class CheckpointError(ValueError):
    """A checkpoint that could not be written."""


class Loss(Protocol):
    """What is minimised.

    Attributes:
        unit: what a batch is counted in, plural.
    """

    unit: str

    def items(self, batch: Batch) -> int:
        """How much a batch holds."""

    def __call__(self, model: Any, batch: Batch, items: torch.Tensor | int) -> tuple[torch.Tensor, Any]:
        """The loss of a batch, summed over what it holds and divided by `items`, and the model's outputs."""


class Judge(Protocol):
    """Scores a model at each evaluation.

    Attributes:
        score: name of the number (0..100, higher is better) that chooses the best checkpoint.
    """

    score: str

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        """The scores by name."""


@contextmanager
def recorded(name: str, folder: Path, profile: str, *, main: bool) -> Iterator[Run]:
    """The MLflow run of a training, the same one if the training goes on; when the body is done, its checkpoints go.

    Args:
        name: of the model.
        folder: of the checkpoints, which this process has for itself meanwhile.
        profile: the active parameter profile.
        main: whether this process speaks for the training; of several one does.

    Raises:
        BusyError: another process is at the same training.
    """
    if not main:
        yield tracking.UnrecordedRun(name)
        return
    with claimed(folder):
        before = json.loads((folder / RUN).read_text(encoding="utf-8"))["mlflow_run"] if (folder / RUN).is_file() else None
        with tracking.run(f"train {name}", kind="train", profile=profile, resume=before) as run:
            write_json(folder / RUN, {"mlflow_run": run.id or before})
            yield run
        shutil.rmtree(folder)


def result_inputs(seed: int, settings: TrainTranslation | TrainIntents) -> dict[str, Any]:
    """The parameters that a training's result follows from: not how long it may run or how often it saves."""
    running = settings.running.model_dump(include={"precision"})
    return {"seed": seed, **settings.model_dump(exclude={"running"}), **running}


def make_repeatable(seed: int, threads: int) -> None:
    """Fix every generator and the thread count: on one kind of processor, the same seed gives the same weights."""
    torch.set_num_threads(threads)
    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def training_arguments(settings: Optimizer, running: Running, seed: int, work: Path, score: str) -> dict[str, Any]:
    """Our settings in the names of transformers' `TrainingArguments`."""
    evaluated = max(1, settings.steps // settings.evaluations)
    return {
        "output_dir": str(work),
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup_steps,
        "lr_scheduler_type": "linear",
        "weight_decay": settings.weight_decay,
        "eval_strategy": "steps",
        "eval_steps": evaluated,
        "save_strategy": "steps",
        "save_steps": evaluated,
        "logging_steps": max(1, settings.steps // 50),
        "logging_nan_inf_filter": False,  # `StreamTrainer` stops at such a loss
        "load_best_model_at_end": True,
        "metric_for_best_model": score,
        "greater_is_better": True,
        "report_to": "none",
        "seed": seed,
        "data_seed": seed,
        "dataloader_num_workers": 0,  # of the evaluation; `get_train_dataloader` has the training's
        "remove_unused_columns": False,
        "prediction_loss_only": True,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": running.precision == "bf16",
        "torch_compile": running.compile,
        "disable_tqdm": True,  # `Bar` shows the progress
        "optim": "adamw_torch",
    }


def optimizers(model: torch.nn.Module, settings: Optimizer) -> tuple[torch.optim.Optimizer | None, None]:
    """The optimizer for transformers' trainer, which adds the schedule; `None` lets it make its own AdamW.

    Raises:
        ValueError: one that cannot do with parts of matrices, under FSDP.
    """
    if settings.name == "adamw":
        return None, None
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        raise ValueError("optimizer.name = muon needs whole matrices, which no process has under FSDP; valid: adamw")
    return MuonWithAdamW(model, settings.learning_rate, settings.weight_decay), None


def _halves(parts: list[Batch]) -> list[Batch]:
    """Every part as two, or as one where it has a single sample."""
    return [{name: rows[i::2] for name, rows in part.items()} for part in parts for i in range(2) if len(part["numbers"]) > i]


def _leave_ctrl_c_to_the_trainer(worker: int) -> None:
    """A terminal sends it to every process, but the trainer still needs batches until it has saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class StreamTrainer(Trainer):
    """transformers' trainer on a stream of batches.

    Args:
        batches: of the training samples, epoch by epoch.
        loss: what is minimised.
        judge: what scores the model at each evaluation.
        named: number of a training sample -> what its user calls it.
        running: how it runs.
        arguments: of the trainer; `data_collator` makes a batch of samples, each with its `number`.
    """

    def __init__(self, batches: Batches, loss: Loss, judge: Judge, named: Callable[[int], str], running: Running, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.judge, self.running = judge, running
        self._batches, self._loss, self._named = batches, loss, named
        self._halved = False
        self._items, self._waited_s, self._since = 0, 0.0, time.perf_counter()

    def get_train_dataloader(self) -> Any:
        """The whole training's batches, or this process's share of each; not shuffled or shared out again by accelerate."""
        stream = Stream(self._batches, self.args.max_steps, self.args.process_index, self.args.world_size)
        return DataLoader(
            self.train_dataset,
            batch_sampler=stream,
            collate_fn=self._in_parts,
            num_workers=self.running.workers,
            multiprocessing_context="fork" if self.running.workers else None,
            worker_init_fn=_leave_ctrl_c_to_the_trainer,
        )

    def _in_parts(self, rows: list[Any]) -> list[Batch]:
        parts = self.running.parts
        return [self.data_collator(rows[i::parts]) for i in range(min(parts, len(rows)))]

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """One batch in its parts, and how much it holds over all processes; called by the trainer."""
        started = time.perf_counter()
        parts = next(epoch_iterator)
        items = torch.tensor(sum(map(self._loss.items, parts)))
        self._waited_s += time.perf_counter() - started
        if self.args.world_size > 1:
            items = self.accelerator.gather(items.to(device)).sum()
        self._items += int(items)
        return [parts], items.to(device)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """Gradients of one batch; out of memory, the batch is halved, once and for the rest of the training.

        Raises:
            TooLargeError: the halves do not fit either.
            DivergedError: the loss is no number.
        """
        model.train()
        while True:
            parts = _halves(inputs) if self._halved else inputs
            try:
                return self._gradients(model, parts, num_items_in_batch)
            except (RuntimeError, MemoryError) as error:
                if not (isinstance(error, MemoryError) or should_reduce_batch_size(error)):
                    raise
                self._halve(inputs)
            model.zero_grad()

    def _halve(self, inputs: list[Batch]) -> None:
        """Compute batches in twice as many parts from now on: those that workers have made already, too."""
        rows, parts = sum(len(part["numbers"]) for part in inputs), self.running.parts * (2 if self._halved else 1)
        where = f"out of memory at step {self.state.global_step + 1}, on a batch of {rows} samples in {parts} parts"
        if self._halved or self.args.world_size > 1 or rows < 2 * parts:
            raise TooLargeError(f"{where}: make batches smaller, or `running.parts` larger") from None
        self._halved = True
        torch.cuda.empty_cache()
        say(f"warning: {where}: from now on in {2 * parts}, which changes no result (`running.parts`)")

    def _gradients(self, model: Any, parts: list[Batch], items: Any) -> torch.Tensor:
        """Forward and backward, part by part; processes exchange gradients with the last one."""
        total = torch.zeros((), device=self.args.device)
        for i, part in enumerate(parts):
            with nullcontext() if i == len(parts) - 1 else self.accelerator.no_sync(model):
                loss = self.compute_loss(model, self._prepare_inputs(part), num_items_in_batch=items)
                self._check(loss, part)
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def _check(self, loss: torch.Tensor, part: Batch) -> None:
        if not torch.isfinite(loss):
            numbers = part["numbers"].tolist()
            names = ", ".join(self._named(number % self._batches.samples) for number in numbers[:SHOWN_SAMPLES])
            more = f" and {len(numbers) - SHOWN_SAMPLES} more" if len(numbers) > SHOWN_SAMPLES else ""
            raise DivergedError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}, on the samples {names}{more}: look at them, "
                f"or lower optimizer.learning_rate ({self.args.learning_rate:g})"
            )

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """The loss of a batch or a part of one; in evaluation the mean of the batch."""
        batch = {name: tensor for name, tensor in inputs.items() if name != "numbers"}
        if num_items_in_batch is None:
            loss, outputs = self._loss(model, batch, max(1, self._loss.items(batch)))
        else:  # gradients of processes are averaged, and each divides by the whole batch
            loss, outputs = self._loss(model, batch, num_items_in_batch / self.accelerator.num_processes)
        return (loss, outputs) if return_outputs else loss

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> None:
        """Asked in evaluation only, where each batch is its own."""

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: the trainer would ask the model how many tokens a list of parts has."""
        return 0

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **options: Any) -> Any:
        """The trainer's own, and the judge's scores among its metrics."""
        started = time.perf_counter()
        output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **options)
        scores = self.judge(self.accelerator.unwrap_model(self.model), self.state.global_step)
        output.metrics.update({f"{metric_key_prefix}_{name}": value for name, value in scores.items()})
        self._since += time.perf_counter() - started
        return output

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """What the trainer logs; with the loss goes how fast it trains, and how much of the time it waits for data."""
        if "loss" in logs:
            now = time.perf_counter()
            passed = max(now - self._since, 1e-9)
            logs |= {f"{self._loss.unit}_per_s": self._items / passed, "waiting_for_data_percent": 100 * self._waited_s / passed}
            self._items, self._waited_s, self._since = 0, 0.0, now
        super().log(logs, start_time)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """The trainer's own, marked whole once it is; then older ones go.

        Raises:
            CheckpointError: it could not be written; nothing of it is left.
        """
        started = time.perf_counter()
        folder = Path(self.args.output_dir)
        checkpoint = folder / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                mark_whole(checkpoint)
        except Exception as error:  # full disks speak through torch, safetensors and the system, each in its own way
            shutil.rmtree(checkpoint, ignore_errors=True)
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(
                f"{checkpoint} could not be written ({reason}): free some space; the same command then goes on from the checkpoint before"
            ) from error
        if self.args.should_save:
            best = self.state.best_model_checkpoint
            keep_newest(folder, self.running.checkpoints, Path(best) if best else None)
        self._since += time.perf_counter() - started


def fit(trainer: StreamTrainer, name: str, run: Run) -> dict[str, float]:
    """Train to the end, from the newest whole checkpoint if there is one; returns the numbers of the best evaluation, whose weights stay.

    Raises:
        StoppedError: it was asked to stop; the message says how to go on.
        CheckpointError, DivergedError, TooLargeError: see `StreamTrainer`.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    saving, score = Saving(trainer.running.checkpoint_steps), trainer.judge.score
    trainer.remove_callback(PrinterCallback)
    for callback in (Curves(run), Patience(trainer.running.patience, score), saving, Bar(name, score)):
        trainer.add_callback(callback)
    checkpoint = _start(trainer, name)
    with saving.on_signals() if trainer.args.world_size == 1 else nullcontext():
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except BaseException as error:
            clear_frames(error.__traceback__)  # in which the processes that make samples would live on
            raise
    if saving.stop_asked and trainer.state.global_step < trainer.args.max_steps:
        step, steps = trainer.state.global_step, trainer.args.max_steps
        raise StoppedError(f"{name}: stopped after step {step:,} of {steps:,}; the same command goes on from there")
    best = next(e for e in trainer.state.log_history if e["step"] == trainer.state.best_global_step and f"eval_{score}" in e)
    return {key: float(value) for key, value in best.items()}


def spread_weights(trainer: StreamTrainer) -> dict[str, torch.Tensor] | None:
    """The weights gathered from processes that have a part of them each (FSDP), which all must ask; `None`: the model itself has them."""
    gathered: dict[str, torch.Tensor] | None = None
    if trainer.is_fsdp_enabled:
        gathered = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return gathered


def _start(trainer: StreamTrainer, name: str) -> Path | None:
    """The checkpoint to go on from, said to the user with what was skipped."""
    folder = Path(trainer.args.output_dir)
    with trainer.accelerator.main_process_first():
        checkpoint, torn = newest_whole(folder)
    if trainer.args.process_index == 0:
        for path in torn:
            say(f"warning: {path} is not whole and was removed")
        if checkpoint:
            say(f"{name}: going on after step {step_of(checkpoint):,} of {trainer.args.max_steps:,} ({checkpoint})")
    return checkpoint
