"""Expand the shipped patterns into parallel segments, split so that no test combination is trained on.

Reads   data/corpora/, data/glossaries/, configs/params.yaml
Writes  data/prepared/translation/{train, validation, test, test_unseen}.jsonl, counts.json
Params  seed, prepare_translation
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command
from data.corpus import split_segments, write_parts
from data.grammar import load_grammar

OUT = Path("data/prepared/translation")


@command
def main() -> str:
    """Expand the shipped patterns into parallel segments."""
    params = load_params()
    grammar = load_grammar(Path("data/corpora"), Path("data/glossaries"))
    parts = split_segments(grammar, params.prepare_translation, params.seed)
    write_parts(parts, OUT)
    sizes = ", ".join(f"{name} {len(segments):,}" for name, segments in parts.items())
    return f"{OUT}: {len(grammar.patterns)} patterns into {sizes} segments in {len(grammar.languages)} languages"


if __name__ == "__main__":
    typer.run(main)
