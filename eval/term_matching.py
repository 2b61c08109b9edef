"""How long a large glossary takes to load, how fast its terms are found, and how much memory they take (`make bench-terms`).

Per language and size of the glossary: terms made of the shipped glossaries' words, alone and by twos, looked for in support messages that
the shipped patterns write. Each is measured in a process of its own, on one core, in that process's processor time: what else runs on the
machine slows it down, but does not count.

Writes  eval/results/term_matching.json

Not covered: reading a glossary from a file; texts longer than a message.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from configs.schema import ROOT
from data.console import command
from data.glossary import Glossary, load_glossaries
from data.grammar import load_grammar
from data.records import write_json
from data.terms import TermMatcher, Wanted
from eval.signature import signature

OUT = Path("eval/results/term_matching.json")
SIZES = (10_000, 100_000)
LANGUAGES = ("en", "de", "es", "zh")
SEGMENTS = 20_000
JOINTS = {"zh": "", "de": "-"}  # between two words of one term; elsewhere a space
ROUNDS = 3  # over the segments; the median counts


def synthetic_terms(glossaries: dict[str, Glossary], language: str, count: int, seed: int = 1) -> list[Wanted]:
    """As many terms as asked for: the shipped ones, then pairs of their base forms, drawn.

    Raises:
        ValueError: the shipped words have fewer pairs.
    """
    shipped = [term for glossary in glossaries.values() for term in glossary.terms if term.surfaces(language)]
    terms = {forms[0]: tuple(forms) for term in shipped if (forms := term.read_as(language))}
    bases = sorted(terms)
    if count > len(bases) ** 2:
        raise ValueError(f"{count:,} terms: {len(bases):,} words make {len(bases) ** 2:,} at the most")
    pairs = random.Random(f"{seed}/{language}").sample(range(len(bases) ** 2), min(len(bases) ** 2, count))
    joint = JOINTS.get(language, " ")
    for number in pairs:
        form = f"{bases[number // len(bases)]}{joint}{bases[number % len(bases)]}"
        terms.setdefault(form, (form,))
    return [Wanted(f"t/{number}", forms, ("x",)) for number, forms in enumerate(itertools.islice(terms.values(), count))]


def messages(language: str) -> Iterator[str]:
    """What the shipped patterns write in a language, round by round, without end."""
    grammar = load_grammar(ROOT / "data/corpora", ROOT / "data/glossaries")
    for seed in itertools.count(1):
        for pattern in grammar.patterns:
            for expansion in grammar.expansions(pattern, 20, seed):
                yield grammar.render(expansion, seed, "train")[language]


def measure(language: str, terms: Sequence[Wanted], texts: Sequence[str]) -> dict[str, Any]:
    """Load the terms and look for them in the texts."""
    gc.collect()
    before = psutil.Process().memory_info().rss
    started = time.process_time()
    matcher = TermMatcher(terms)
    load_s = time.process_time() - started
    rss_mb = (psutil.Process().memory_info().rss - before) / 2**20
    rates, found = [], 0
    for _ in range(ROUNDS):
        started = time.process_time()
        found = sum(len(matcher.find(text)) for text in texts)
        rates.append(len(texts) / (time.process_time() - started))
    return {
        "language": language,
        "terms": len(terms),
        "load_s": load_s,
        "rss_mb": rss_mb,
        "segments": len(texts),
        "characters_mean": statistics.mean(map(len, texts)),
        "found_per_segment": found / len(texts),
        "segments_per_s": statistics.median(rates),
    }


def measure_apart(language: str, terms: Sequence[Wanted], texts: Sequence[str]) -> dict[str, Any]:
    """`measure` in a fresh process, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, language, terms, texts).result()


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| language | terms | load, s | memory, MB | characters | found per segment | segments/s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in rows:
        figures = f"{r['load_s']:.2f} | {r['rss_mb']:.0f} | {r['characters_mean']:.0f} | {r['found_per_segment']:.2f}"
        lines.append(f"| {r['language']} | {r['terms']:,} | {figures} | {r['segments_per_s']:,.0f} |")
    return "\n".join(lines)


@command
def main(
    sizes: Annotated[list[int] | None, typer.Argument(help="terms; by default 10 000 and 100 000")] = None,
    segments: Annotated[int, typer.Option(help="messages per language")] = SEGMENTS,
) -> str:
    """Measure how terms load and are found, at several sizes of a glossary."""
    glossaries = load_glossaries(ROOT / "data/glossaries")
    rows = []
    for language in LANGUAGES:
        texts = list(itertools.islice(messages(language), segments))
        rows += [measure_apart(language, synthetic_terms(glossaries, language, size), texts) for size in sizes or SIZES]
    load = os.getloadavg()[0]
    write_json(OUT, {"rows": rows, "rounds": ROUNDS, "load_average": load, "signature": signature()})
    typer.echo(table(rows))
    slowest = min(rows, key=lambda row: row["segments_per_s"])
    return f"{OUT}: {slowest['segments_per_s']:,.0f} segments/s at the least ({slowest['language']})"


if __name__ == "__main__":
    typer.run(main)
