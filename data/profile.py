"""A look at a data set before anyone trains on it.

Sizes, languages, lengths, copies, label balance, terms, protected values, suspicious lines, and what to do about them: as tables, with
--html as a self-contained page with plots, with --json for programs. What the parameters and the first rows do not say is guessed, and
said. Thresholds are those of configs/params.yaml; large data sets are read once, and the slower measurements come from a sample.

Not covered: judging translations; changing the data (`data/cleaning.py` and the preparation stages do).
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from configs.schema import ROOT, load_intents, load_params
from data.console import command
from data.glossary import load_glossaries
from data.profiling.measure import measure, rules_for
from data.profiling.opened import Options, open_data
from data.profiling.page import page
from data.profiling.tables import show
from data.readers.options import column_numbers, pairs
from data.records import write_text


@command
def main(
    path: Annotated[str, typer.Argument(help="a file, a folder, or what Moses files share (corpus of corpus.en, corpus.de)")],
    columns: Annotated[list[str] | None, typer.Option(help="LANGUAGE=COLUMN, or text=COLUMN, intent=COLUMN; may be repeated")] = None,
    languages: Annotated[list[str] | None, typer.Option(help="rows of mixed languages: TEXT=LANGUAGE, columns; may be repeated")] = None,
    language: Annotated[str | None, typer.Option(help="of messages, where no column says it")] = None,
    format: Annotated[str | None, typer.Option(help="tsv, csv, jsonl, moses, tmx, parquet or xlsx")] = None,
    encoding: Annotated[str | None, typer.Option(help="such as gb18030")] = None,
    html: Annotated[Path | None, typer.Option(help="write a page with plots to this file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the profile as JSON")] = False,
) -> str:
    """Look at a data set before training: sizes, lengths, copies, labels, terms, suspicious lines, and what to do."""
    named = column_numbers(columns or [])
    data = open_data(path, Options(named, dict(pairs(languages or [], "--languages")), language, format, encoding))
    glossaries = load_glossaries(ROOT / "data" / "glossaries")
    profile = measure(data, rules_for(data, load_params(), load_intents(), glossaries))
    if html:
        write_text(html, page(profile))
    if as_json:
        typer.echo(json.dumps(profile, ensure_ascii=False, indent=2, allow_nan=False))
        raise typer.Exit
    show(profile)
    return sentence(profile, html)


def sentence(profile: dict[str, Any], html: Path | None) -> str:
    """What was looked at and found, in one line."""
    written = f"; {html} written" if html else ""
    return f"{profile['path']}: {profile['read']:,} {profile['unit']}, findings: {len(profile['findings'])}{written}"


if __name__ == "__main__":
    typer.run(main)
