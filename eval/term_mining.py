"""How many of the first fifty terms that `python -m data.glossary mine` proposes are right.

    shipped   20,000 training segments of the shipped patterns. The terms of one half of the shipped glossaries (by hash) are given as
              known, for mining was tuned with them; of the other half's terms both forms must be admitted, or the pair be judged right.
    tico19    every second unit of TICO-19's memories, en-zh and en-es; mining was tuned with the others. Judged by hand.

The judgements are those of one reader. A pair is right if each side is a term, which is a noun with a meaning in the field or an
abbreviation, whole and with nothing beside it, and if each is the other's translation; singular and plural are not told apart. Everyday
nouns are wrong (photo, address, surface). What nobody has judged counts as wrong, and is said.

Reads   data/prepared/translation/train.jsonl, eval/term_mining_judged.tsv, tico19/ in the folder QUAYSIDE_PUBLIC_DATA (else left out)
Writes  eval/results/term_mining.json

Not covered: how many of a text's terms are found. Not wholly held out are the word lists of data/glossary/everyday.py: they were made to
hold no term of either half, and its general nouns were written when proposals from both halves of TICO-19 had been seen.
"""

from __future__ import annotations

import csv
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from configs.schema import ROOT
from data.console import command, say
from data.glossary import Glossary, load_glossaries
from data.glossary.mining import Proposal, Settings, mine
from data.glossary.proposals import read_pairs
from data.readers.options import parallel_source
from data.records import write_json
from eval.signature import signature

OUT = Path("eval/results/term_mining.json")
JUDGED = ROOT / "eval/term_mining_judged.tsv"
SHIPPED = ROOT / "data/prepared/translation/train.jsonl"
PUBLIC = "QUAYSIDE_PUBLIC_DATA"
TICO19 = {"zh": "tico19/all.en-zh.tmx.gz", "es": "tico19/all.en-es-419.tmx.gz"}
LANGUAGES = ("de", "es", "zh")  # of the shipped text, each from English
SEGMENTS = 20_000
FIRST = 50

Pair = tuple[str, str]
Judgements = dict[tuple[str, str, str, str], bool]  # set, languages, source, target -> whether right


@dataclass(frozen=True)
class Text:
    """Parallel text to mine.

    Attributes:
        name: of the set.
        target: the language beside English.
        pairs: its segments.
        known: terms that mining is told.
        sought: terms that it may find.
    """

    name: str
    target: str
    pairs: Sequence[Pair]
    known: tuple[Glossary, ...] = ()
    sought: tuple[Glossary, ...] = ()


def halves(glossaries: Sequence[Glossary]) -> tuple[tuple[Glossary, ...], tuple[Glossary, ...]]:
    """The glossaries with the half of their terms that mining was tuned with, and with the other."""
    tuned, held_out = (tuple(_half(glossary, half) for glossary in glossaries) for half in (0, 1))
    return tuned, held_out


def _half(glossary: Glossary, half: int) -> Glossary:
    return Glossary(glossary.industry, tuple(term for term in glossary.terms if zlib.crc32(term.id.encode()) % 2 == half))


def texts() -> Iterator[Text]:
    """What is mined.

    Raises:
        ValueError: the prepared text is missing.
    """
    if not SHIPPED.is_file():
        raise ValueError(f"{SHIPPED}: no such file; `python -m data.prepare_translation` writes it")
    known, sought = halves(list(load_glossaries(ROOT / "data/glossaries").values()))
    for target in LANGUAGES:
        pairs, _ = read_pairs(parallel_source(str(SHIPPED), (), (), None, None), "en", target)
        yield Text("shipped", target, pairs[:SEGMENTS], known, sought)
    folder = os.environ.get(PUBLIC)
    for target, file in TICO19.items() if folder else ():
        pairs, _ = read_pairs(parallel_source(str(Path(str(folder), file)), (), (), None, None), "en", target)
        yield Text("tico19", target, pairs[1::2])


def admitted(glossaries: Iterable[Glossary], target: str) -> set[Pair]:
    """English and target forms of the same term, in lower case."""
    terms = [term for glossary in glossaries for term in glossary.terms]
    return {(one.lower(), other.lower()) for term in terms for one in term.read_as("en") for other in term.read_as(target)}


def read_judgements(path: Path) -> Judgements:
    """The pairs that were judged.

    Raises:
        ValueError: a verdict is neither `right` nor `wrong`.
    """
    found: Judgements = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 2):
            if row["verdict"] not in ("right", "wrong"):
                raise ValueError(f"{path}:{number}: the verdict is right or wrong, not {row['verdict']!r}")
            found[row["set"], row["languages"], row["source"], row["target"]] = row["verdict"] == "right"
    return found


def measure(text: Text, judgements: Judgements) -> tuple[dict[str, Any], list[Proposal]]:
    """The figures of a text, and which of its first proposals nobody has judged."""
    started = time.process_time()
    proposals = mine(text.pairs, "en", text.target, Settings(known=text.known))
    seconds = time.process_time() - started
    terms = admitted(text.sought, text.target)
    first = proposals[:FIRST]
    listed = [found for found in first if (found.source.lower(), found.target.lower()) in terms]
    others = [found for found in first if found not in listed]
    verdicts = [judgements.get((text.name, f"en-{text.target}", found.source, found.target)) for found in others]
    row = {
        "set": text.name,
        "languages": f"en-{text.target}",
        "segments": len(text.pairs),
        "proposals": len(proposals),
        "first": len(first),
        "in_glossaries": len(listed) if text.sought else None,
        "right": len(listed) + verdicts.count(True),
        "unjudged": verdicts.count(None),
        "precision_in_glossaries": 100 * len(listed) / max(1, len(first)) if text.sought else None,
        "precision": 100 * (len(listed) + verdicts.count(True)) / max(1, len(first)),
        "processor_s": seconds,
    }
    return row, [found for found, verdict in zip(others, verdicts, strict=True) if verdict is None]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| text | segments | proposals | of the first | in the glossaries, % | right, % | not judged | s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in rows:
        listed = "" if r["precision_in_glossaries"] is None else f"{r['precision_in_glossaries']:.0f}"
        counts = f"{r['segments']:,} | {r['proposals']:,} | {r['first']}"
        lines.append(
            f"| {r['set']} {r['languages']} | {counts} | {listed} | {r['precision']:.0f} | {r['unjudged']} | {r['processor_s']:.1f} |"
        )
    return "\n".join(lines)


@command
def main(
    judged: Annotated[Path, typer.Option(help="set, languages, source, target, verdict (right or wrong)")] = JUDGED,
) -> str:
    """Measure how many of the first fifty mined terms are right, in shipped text and in TICO-19."""
    judgements = read_judgements(judged)
    rows, unjudged = [], []
    for text in texts():
        row, found = measure(text, judgements)
        rows.append(row)
        unjudged += [f"{row['set']}\t{row['languages']}\t{proposal.source}\t{proposal.target}" for proposal in found]
    typer.echo(table(rows))
    if not os.environ.get(PUBLIC):
        say(f"TICO-19 is left out: {PUBLIC} names no folder with the public sets")
    if unjudged:
        say(f"counted as wrong, for nobody has judged them; add them with right or wrong to {judged}:")
        typer.echo("\n".join(unjudged), err=True)
    write_json(OUT, {"rows": rows, "first": FIRST, "signature": signature()})
    worst = min(rows, key=lambda row: row["precision"])
    return f"{OUT}: {worst['precision']:.0f} % right at the least ({worst['set']} {worst['languages']}), not judged: {len(unjudged)}"


if __name__ == "__main__":
    typer.run(main)
