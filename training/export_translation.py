"""Export one translation model as a bundle, fp32 and int8, and measure its logits against PyTorch.

Reads   training/models/MODEL/, data/prepared/translation/, data/glossaries/, configs/params.yaml
Writes  training/bundles/MODEL/, training/parity/MODEL.json
Params  seed, export_translation, train_translation.model
"""

from pathlib import Path
from typing import Annotated

import typer

from configs.schema import load_params
from data.console import command
from data.records import write_json


@command
def main(model: Annotated[str, typer.Argument(help="en-xx or xx-en")]) -> str:
    """Export one translation model as a bundle."""
    from training.export import export_translation

    out = Path("training/bundles") / model
    checkpoint = Path("training/models") / model
    differences = export_translation(load_params(), Path("data/prepared/translation"), Path("data/glossaries"), checkpoint, out)
    write_json(Path("training/parity") / f"{model}.json", {"logits_max_abs": differences})
    return f"{out}: largest logit difference from PyTorch " + ", ".join(f"{name} {value:.1e}" for name, value in differences.items())


if __name__ == "__main__":
    typer.run(main)
