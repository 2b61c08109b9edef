"""Expand the shipped patterns, take in users' parallel text, and split it so that nothing tested is trained on.

Reads   data/corpora/, data/glossaries/, data/phrases/, data/test_unseen/, data/utterances/,
        data/translations/, the sources named in configs/params.yaml
Writes  data/prepared/translation/{train, validation, test, test_held_out, test_unseen}.jsonl, rejects/, counts.json
Params  seed, prepare_translation
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command
from data.corpus import Sources, prepare

OUT = Path("data/prepared/translation")


@command
def main() -> str:
    """Expand the shipped patterns and take in users' parallel text."""
    params = load_params()
    counts = prepare(Sources(), params.prepare_translation, params.seed, OUT)
    sizes = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f"{OUT}: {sizes} segments in {', '.join(params.prepare_translation.languages)}"


if __name__ == "__main__":
    typer.run(main)
