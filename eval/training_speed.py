"""How fast translation models train on this machine, beside transformers' `Seq2SeqTrainer` in the same run (`make bench-training`).

`training.speed` measures, in a process of its own; here the result gets its signature.

Writes  eval/results/training_speed.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from data.console import command
from data.records import write_json
from eval.signature import signature

OUT = Path("eval/results/training_speed.json")
NAMES = {"ours": "ours", "seq2seq_trainer": "Seq2SeqTrainer", "ours_as_profile": "ours, as the profile trains"}


def table(found: dict[str, Any]) -> str:
    """The ways to train, in Markdown."""
    lines = ["| trainer | target tokens/s | padding, % | waiting for data, % |", "| --- | ---: | ---: | ---: |"]
    for way, row in found["ways"].items():
        waiting = row["waiting_for_data_percent"]
        told = "" if waiting is None else f"{waiting:.1f}"
        lines.append(f"| {NAMES[way]} | {row['tokens_per_s']:,.0f} | {row['padding_percent']:.1f} | {told} |")
    return "\n".join(lines)


@command
def main(
    model: Annotated[str, typer.Argument(help="en-xx or xx-en")] = "en-xx",
    steps: Annotated[int, typer.Option(help="of a turn")] = 60,
    rounds: Annotated[int, typer.Option(help="turns of each way")] = 5,
) -> str:
    """Time training beside transformers' own trainer."""
    asked = [sys.executable, "-m", "training.speed", model, "--steps", str(steps), "--rounds", str(rounds)]
    said = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=False)
    if said.returncode:
        raise ValueError("the measurement failed; what it said stands above")
    found = json.loads(said.stdout.splitlines()[-1])
    write_json(
        OUT, {**found, "command": f"python -m eval.training_speed {model} --steps {steps} --rounds {rounds}", "signature": signature()}
    )
    typer.echo(table(found))
    ratio = found["ratio_seq2seq_trainer"]
    return f"{OUT}: {ratio['median']:.2f} times as fast as Seq2SeqTrainer ({ratio['min']:.2f} to {ratio['max']:.2f} in {rounds} rounds)"


if __name__ == "__main__":
    typer.run(main)
