"""How glossaries are obeyed by the models that were evaluated last, pair by pair, beside what a long training is to reach.

Reads   eval/results/work/terms.json (of `evaluate_terms`), configs/params.yaml, data/prepared/translation/, training/bundles/
Writes  eval/results/terms-PROFILE.json: numbers only

The demo's own limits, lower ones, are gates (configs/gates.yaml); the profile `glossary` trains longer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from configs.schema import load_params
from data.console import command
from data.records import write_json
from eval.benchmark import MISSING, PIPED_WIDTH

WORK = Path("eval/results/work/terms.json")
RESULTS = Path("eval/results")
PREPARED, BUNDLES = Path("data/prepared/translation"), Path("training/bundles")
TARGETS = {"proper": 95.0, "random": 90.0, "strict": 100.0, "inflected": 80.0}  # percent; what a training of an hour is to reach
SHOWN = ("none", *TARGETS, "chrf_context_none", "chrf_context_proper", "terms")


def missed(terms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The targets that a pair does not reach, as `PAIR KEY VALUE`."""
    below = ((name, key) for name, found in terms.items() for key, target in TARGETS.items() if key in found and found[key] < target)
    return [f"{name} {key} {terms[name][key]:.1f}" for name, key in below]


def show(terms: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the figures, a pair a row."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table("pair", box=None)
    for key in SHOWN:
        table.add_column(key, justify="right")
    for name, found in terms.items():
        table.add_row(
            name, *(MISSING if key not in found else f"{found[key]:g}" if key == "terms" else f"{found[key]:.1f}" for key in SHOWN)
        )
    console.print(table)


@command
def main() -> str:
    """Print how glossaries are obeyed, and keep the figures."""
    from eval.signature import signature

    if not WORK.is_file():
        raise ValueError(f"{WORK}: no such file; `dvc repro evaluate_terms` makes it")
    measured, params = json.loads(WORK.read_text(encoding="utf-8")), load_params()
    out = RESULTS / f"terms-{params.profile}.json"
    terms = {name: found for name, found in measured["terms"].items() if "proper" in found}
    if not terms:
        raise ValueError(f"{WORK}: no pair has terms that training does not know; prepare_translation.held_out_terms_percent asks for them")
    below = missed(terms)
    result = {
        "profile": params.profile,
        "steps": params.train_translation.optimizer.steps,
        "command": "python -m eval.obedience",
        "targets": TARGETS,
        "missed": below,
        "terms": measured["terms"],
        "signature": signature(PREPARED, BUNDLES),
    }
    write_json(out, result)
    show(terms)
    typer.echo(f"below the targets of a long training: {', '.join(below) or 'nothing'}")
    return f"{out}: {len(terms)} pairs"


if __name__ == "__main__":
    typer.run(main)
