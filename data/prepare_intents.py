"""Split the labelled messages, shipped and brought by users, into training, validation and test parts.

Reads   data/utterances/, data/translations/, data/corpora/, data/glossaries/, configs/intents.yaml,
        the sources named in configs/params.yaml
Writes  data/prepared/intents/{train, validation, test}.jsonl, rejects/, labels.json, counts.json
Params  seed, prepare_intents
"""

from pathlib import Path

import typer

from configs.schema import load_intents, load_params
from data.console import command
from data.grammar import load_grammar
from data.translations import load_translations
from data.utterances import load_utterances, prepare, write_parts

OUT = Path("data/prepared/intents")


@command
def main() -> str:
    """Split the labelled messages into training, validation and test parts."""
    params, labels = load_params(), load_intents()
    settings = params.prepare_intents
    shipped = load_utterances(Path("data/utterances"), labels) if settings.shipped else []
    found = load_translations(Path("data/translations"), shipped) if settings.shipped and settings.translations else []
    translated = [message for translation in found for message in translation.as_messages()]
    grammar = load_grammar(Path("data/corpora"), Path("data/glossaries")) if settings.shipped else None
    parts = prepare(shipped, translated, grammar, labels, settings, params.seed, OUT / "rejects")
    write_parts(parts, OUT)
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in parts.messages.items())
    return f"{OUT}: {sizes} messages, {len(parts.labels['intent'])} intents"


if __name__ == "__main__":
    typer.run(main)
