"""Score every language pair as it would be served, and compare whole sequences with transformers, fine-tuned models with their bases.

Reads   training/bundles/, training/models/, training/parity/, data/prepared/translation/, configs/params.yaml, configs/serving.yaml;
        of fine-tuned models the bases, and evaluate_translation.general if it is there
Writes  eval/results/work/{translation.json, translations/SRC-TGT.jsonl}
Params  profile, seed, prepare_translation.languages, export_translation.serve, evaluate_translation, beams
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command


@command
def main() -> str:
    """Score every language pair as it would be served."""
    from eval.quality_translation import evaluate
    from serving.settings import load_settings

    training = Path("training")
    prepared, out = Path("data/prepared/translation"), Path("eval/results/work")
    return evaluate(load_params(), prepared, training / "bundles", training / "models", training / "parity", out, load_settings().beams)


if __name__ == "__main__":
    typer.run(main)
