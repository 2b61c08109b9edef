"""Export the classifier as a bundle, fp32 and int8, calibrate its confidence, and measure its logits against PyTorch.

Reads   training/models/intents/, data/prepared/intents/, configs/params.yaml
Writes  training/bundles/intents/, training/parity/intents.json
Params  export_intents, train_intents.model
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command
from data.records import write_json


@command
def main() -> str:
    """Export the classifier as a bundle."""
    from training.export import export_intents

    out = Path("training/bundles/intents")
    differences = export_intents(load_params(), Path("data/prepared/intents"), Path("training/models/intents"), out)
    write_json(Path("training/parity/intents.json"), {"logits_max_abs": differences})
    return f"{out}: largest logit difference from PyTorch " + ", ".join(f"{name} {value:.1e}" for name, value in differences.items())


if __name__ == "__main__":
    typer.run(main)
