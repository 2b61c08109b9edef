"""Split the labelled messages into training, validation and test parts.

Reads   data/utterances/, data/corpora/, data/glossaries/, configs/intents.yaml, configs/params.yaml
Writes  data/prepared/intents/{train, validation, test}.jsonl, counts.json
Params  seed, prepare_intents
"""

from pathlib import Path

import typer

from configs.schema import load_intents, load_params
from data.console import command
from data.grammar import load_grammar
from data.utterances import load_utterances, prepare, write_parts

OUT = Path("data/prepared/intents")


@command
def main() -> str:
    """Split the labelled messages into training, validation and test parts."""
    params = load_params()
    grammar = load_grammar(Path("data/corpora"), Path("data/glossaries"))
    messages = load_utterances(Path("data/utterances"), load_intents())
    parts = prepare(messages, grammar, params.prepare_intents, params.seed)
    write_parts(parts, OUT)
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
    return f"{OUT}: {len(messages):,} messages by hand, with the patterns' {sizes}"


if __name__ == "__main__":
    typer.run(main)
