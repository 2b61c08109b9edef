"""Train the classifier: one XLM-R encoder with heads for intent, sentiment and urgency.

Reads   data/prepared/intents/, configs/params.yaml
Writes  training/models/intents/{model.safetensors, config.json, tokenizer files, labels.json, manifest.json, run.json, loss.csv}
Params  profile, seed, train_intents
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command


@command
def main() -> str:
    """Train the classifier."""
    from training.xlmr import train

    return train(load_params(), Path("data/prepared/intents"), Path("training/models/intents"))


if __name__ == "__main__":
    typer.run(main)
