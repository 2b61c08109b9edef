"""Score what the classifier has to stand beside: TF-IDF with logistic regression. It depends on the data alone.

Reads   data/prepared/intents/, configs/params.yaml
Writes  eval/results/work/intents_baseline.json
Params  seed
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command


@command
def main() -> str:
    """Score TF-IDF with logistic regression on the intents."""
    from eval.tfidf import measure_baseline

    return measure_baseline(Path("data/prepared/intents"), load_params().seed, Path("eval/results/work/intents_baseline.json"))


if __name__ == "__main__":
    typer.run(main)
