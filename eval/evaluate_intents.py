"""Score the classifier as it would be served, beside TF-IDF with logistic regression.

Reads   training/bundles/, training/parity/intents.json, data/prepared/intents/, eval/results/work/intents_baseline.json,
        configs/params.yaml
Writes  eval/results/work/{intents.json, messages.jsonl}
Params  profile, seed, export_intents.serve, evaluate_intents
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command


@command
def main() -> str:
    """Score the classifier as it would be served."""
    from eval.quality_intents import evaluate

    training = Path("training")
    return evaluate(load_params(), Path("data/prepared/intents"), training / "bundles", training / "parity", Path("eval/results/work"))


if __name__ == "__main__":
    typer.run(main)
