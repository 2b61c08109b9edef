"""Train one MarianMT model on its prepared segments.

Reads   data/prepared/translation/, configs/params.yaml
Writes  training/models/MODEL/{model.safetensors, config, tokenizer files, manifest.json, run.json, loss.csv}
Params  profile, seed, prepare_translation.languages, train_translation
"""

from pathlib import Path
from typing import Annotated

import typer

from configs.schema import load_params
from data.console import command


@command
def main(model: Annotated[str, typer.Argument(help="en-xx or xx-en")]) -> str:
    """Train one MarianMT model on its prepared segments."""
    from training.marian import train

    return train(model, load_params(), Path("data/prepared/translation"), Path("training/models") / model)


if __name__ == "__main__":
    typer.run(main)
