"""How much shipped data there is, per language, industry and intent, as the Markdown tables of data/README.md.

Reads   data/corpora/, data/glossaries/, data/phrases/, data/test_unseen/, data/translations/, data/utterances/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from configs.schema import ROOT, load_intents
from data.console import command
from data.corpus import load_unseen
from data.glossary import load_glossaries
from data.grammar import load_grammar
from data.records import OUT_OF_SCOPE
from data.translations import load_translations
from data.utterances import load_utterances

Cells = Sequence[object]


def tables(data: Path = ROOT / "data") -> str:
    """All tables, in the order of the folders' descriptions."""
    return "\n\n".join([_patterns(data), _glossaries(data), _messages(data), _others(data)])


def _table(head: Cells, rows: Iterable[Cells]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in line)} |" for line in lines)


def _patterns(data: Path) -> str:
    patterns = load_grammar(data / "corpora", data / "glossaries").patterns
    topics = sorted({pattern.id.split(".")[0] for pattern in patterns})
    rows = []
    for topic in [*topics, "all"]:
        own = [p for p in patterns if topic in {p.id.split(".")[0], "all"}]
        agents = sum(p.speaker == "agent" for p in own)
        rows.append([topic, len(own), len(own) - agents, agents, sum(bool(p.informal) for p in own)])
    return _table(["patterns", "all", "customer", "agent", "with informal wording"], rows)


def _glossaries(data: Path) -> str:
    rows = [
        [
            name,
            len(glossary.terms),
            sum(any("-" in language for language in term.forms) for term in glossary.terms),
            sum(bool(term.confused_with) for term in glossary.terms),
        ]
        for name, glossary in load_glossaries(data / "glossaries").items()
    ]
    return _table(["glossary", "terms", "with locales", "not to be confused"], rows)


def _messages(data: Path) -> str:
    counts = Counter((m.intent, m.language) for m in load_utterances(data / "utterances", load_intents()))
    languages = sorted({language for _, language in counts})
    rows = [[intent, *(counts[intent, language] for language in languages)] for intent in [*load_intents().intents, OUT_OF_SCOPE]]
    return _table(["messages", *languages], rows)


def _others(data: Path) -> str:
    phrases = sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in (data / "phrases").glob("*.tsv"))
    translated = load_translations(data / "translations", load_utterances(data / "utterances", load_intents()))
    written = Counter(segment.pattern for segment in load_unseen(data / "test_unseen"))
    rows = [
        ["phrases, in four languages", phrases],
        ["messages translated into the three other languages", len(translated)],
        *[[f"test sentences first written in {name.split('.')[1]}", count] for name, count in sorted(written.items())],
    ]
    return _table(["others", "count"], rows)


@command
def main() -> str:
    """Print how much shipped data there is."""
    typer.echo(tables())
    return "data/: counted"


if __name__ == "__main__":
    typer.run(main)
