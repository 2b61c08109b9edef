"""How fast translation models train here, beside transformers' `Seq2SeqTrainer` with batches of so many sentences.

Both train the same model from the same weights on the prepared data, with the same optimizer and loss (AdamW, cross-entropy), on batches
that hold as many target pieces on average; they take turns, and each turn is timed without start and end. What differs is how batches
are made and what the loop does beside its work. A third row trains as the profile says, with its optimizer and its guided alignment.

    python -m training.speed MODEL [--steps N] [--rounds N]    JSON on stdout

`eval.training_speed` writes the result with its signature.

Not covered: several processes; what an optimizer needs to reach a loss.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from configs.schema import Params, TrainTranslation, load_params

PREPARED = Path("data/prepared/translation")
UNTIMED = 5  # steps at the beginning of each turn: first allocations, warm caches


class Clock:
    """Counts the target pieces of batches, and the seconds of the steps that are timed.

    Attributes:
        pieces: of target text in the timed steps.
        cells: the same with padding.
    """

    def __init__(self, collate: Callable[[Any], Any], steps: int) -> None:
        self._collate, self._steps, self._seen = collate, steps, 0
        self.pieces = self.cells = 0
        self._first = self._last = 0.0

    def __call__(self, rows: Any) -> Any:
        """A batch; the clock starts with the first that is timed."""
        batch = self._collate(rows)
        self._seen += 1
        if self._seen == UNTIMED + 1:
            self._first = time.perf_counter()
        if UNTIMED < self._seen <= self._steps:
            self.pieces += int((batch["labels"] >= 0).sum())
            self.cells += batch["labels"].numel()
        return batch

    def stop(self) -> float:
        """Seconds since the clock started."""
        return time.perf_counter() - self._first


def compare(name: str, params: Params, steps: int, rounds: int) -> dict[str, Any]:
    """Target pieces per second and padding of each way to train, and their ratios: the median over the rounds.

    Raises:
        ValueError: there is no prepared data.
    """
    from training.marian import gather
    from training.trainer import make_repeatable

    taught_by_nobody = params.train_translation.distillation.model_copy(update={"teachers": {}})  # translating is not training
    settings = params.train_translation.model_copy(update={"distillation": taught_by_nobody})
    params = params.model_copy(update={"train_translation": settings})
    make_repeatable(params.seed, settings.threads)
    with tempfile.TemporaryDirectory() as folder:
        material = gather(name, None, params, PREPARED, Path(folder), Path(folder))
    bare = settings.model_copy(
        update={
            "optimizer": settings.optimizer.model_copy(update={"name": "adamw"}),
            "guided_alignment": settings.guided_alignment.model_copy(update={"weight": 0.0}),
            "target_piece_dropout": 0.0,
        }
    )
    mean_pieces = sum(len(sample.target) for sample in material.samples["train"]) / len(material.samples["train"])
    ours = _ours(material, bare, params.seed, steps)
    per_batch = ours["pieces"] / (steps - UNTIMED)
    sentences = max(1, round(per_batch / mean_pieces))
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "ours": lambda: _ours(material, bare, params.seed, steps),
        "seq2seq_trainer": lambda: _plain(material, bare, params.seed, steps, sentences),
        "ours_as_profile": lambda: _ours(material, settings, params.seed, steps),
    }
    turns = [{way: run() for way, run in ways.items()} for _ in range(rounds)]
    found: dict[str, Any] = {
        way: {
            "tokens_per_s": median(turn[way]["tokens_per_s"] for turn in turns),
            "padding_percent": turns[0][way]["padding_percent"],
            "waiting_for_data_percent": _median(turn[way]["waiting_for_data_percent"] for turn in turns),
        }
        for way in ways
    }
    ratios = [turn["ours"]["tokens_per_s"] / turn["seq2seq_trainer"]["tokens_per_s"] for turn in turns]
    return {
        "model": name,
        "profile": params.profile,
        "steps": steps,
        "rounds": rounds,
        "threads": settings.threads,
        "sentences_per_plain_batch": sentences,
        "ways": found,
        "ratio_seq2seq_trainer": {"median": median(ratios), "min": min(ratios), "max": max(ratios)},
    }


def _median(values: Iterable[float | None]) -> float | None:
    """The median, where it was measured."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _ours(material: Any, settings: TrainTranslation, seed: int, steps: int) -> dict[str, Any]:
    """One turn of our trainer."""
    from training.marian import marian_trainer
    from training.tracking import UnrecordedRun

    fresh = _fresh(material)
    arguments = _arguments(settings, seed, steps)
    trainer = marian_trainer(fresh, settings, arguments, UnrecordedRun("speed"))
    clock = Clock(trainer.data_collator, steps)
    trainer.data_collator = clock
    return _timed(trainer, clock)


def _plain(material: Any, settings: TrainTranslation, seed: int, steps: int, sentences: int) -> dict[str, Any]:
    """One turn of transformers' trainer, with the padding and batching that it comes with."""
    from transformers import Seq2SeqTrainer

    from training.marian import Collate, Samples

    model = _fresh(material).model
    arguments = _arguments(settings, seed, steps, per_device_train_batch_size=sentences)
    pad = Collate(model.config.pad_token_id)
    clock = Clock(lambda rows: {key: value for key, value in pad(rows).items() if key != "numbers"}, steps)
    data = Samples(material.samples["train"])
    return _timed(Seq2SeqTrainer(model=model, args=arguments, train_dataset=data, data_collator=clock), clock)


def _fresh(material: Any) -> Any:
    """The same material with a model of its own."""
    from training.marian import Material

    return Material(deepcopy(material.model), material.pieces, material.samples, material.rows)


def _arguments(settings: TrainTranslation, seed: int, steps: int, **changes: Any) -> Any:
    """The trainer's arguments, without evaluations and checkpoints."""
    from transformers import Seq2SeqTrainingArguments

    from training.trainer import training_arguments

    optimizer = settings.optimizer.model_copy(update={"steps": steps})
    quiet = {"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False, "logging_steps": steps}
    values = training_arguments(optimizer, settings.running, seed, Path(tempfile.gettempdir()) / "speed", "chrf")
    return Seq2SeqTrainingArguments(**values | quiet | changes)


def _timed(trainer: Any, clock: Clock) -> dict[str, Any]:
    """What a turn did per second."""
    from transformers import PrinterCallback
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    seconds = clock.stop()
    last: dict[str, Any] = next((entry for entry in reversed(trainer.state.log_history) if "waiting_for_data_percent" in entry), {})
    return {
        "pieces": clock.pieces,
        "tokens_per_s": clock.pieces / seconds,
        "padding_percent": 100 * (1 - clock.pieces / clock.cells),
        "waiting_for_data_percent": last.get("waiting_for_data_percent"),
    }


def main(
    model: Annotated[str, typer.Argument(help="en-xx or xx-en")],
    steps: Annotated[int, typer.Option(help="of a turn")] = 60,
    rounds: Annotated[int, typer.Option(help="turns of each way")] = 5,
) -> None:
    """Time our trainer beside transformers'."""
    typer.echo(json.dumps(compare(model, load_params(), steps, rounds)))


if __name__ == "__main__":
    typer.run(main)
