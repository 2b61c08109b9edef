"""Score how the glossaries are obeyed, on terms that no training text has and on those that training knows.

Reads   training/bundles/, data/prepared/translation/, data/glossaries/, configs/params.yaml, configs/serving.yaml
Writes  eval/results/work/{terms.json, terms.jsonl}
Params  profile, seed, prepare_translation.languages, export_translation.serve, beams
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command


@command
def main() -> str:
    """Score how the glossaries are obeyed."""
    from eval.quality_terms import evaluate
    from serving.settings import load_settings

    prepared, bundles, glossaries = Path("data/prepared/translation"), Path("training/bundles"), Path("data/glossaries")
    return evaluate(load_params(), prepared, bundles, glossaries, Path("eval/results/work"), load_settings().beams)


if __name__ == "__main__":
    typer.run(main)
