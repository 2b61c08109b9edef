"""Look after glossary files: check, convert, merge, compare, mine, try. `python -m data.glossary --help` lists the commands.

Formats by the file's ending: YAML (ours), CSV, TSV, XLSX, TBX, TMX. data/README.md describes them.

`try` is `python -m serving.trying`, run as a process: models are loaded there, and nothing here imports `serving`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from data.console import INTERRUPTED, command, say
from data.glossary.annotating import annotate
from data.glossary.checking import check as check_files
from data.glossary.comparing import difference, merge
from data.glossary.files import WRITERS, file_kind, load_glossary, read_glossary, write_glossary
from data.glossary.loading import Loaded, Problem
from data.glossary.mining import Settings, mine
from data.glossary.proposals import evidence_path, glossary_of, read_pairs, table, write_evidence
from data.glossary.term import Glossary, GlossaryError
from data.readers.codes import base_code
from data.readers.options import parallel_source

Industry = Annotated[str | None, typer.Option(help="of the terms; by default what the file says, else its name")]
Encoding = Annotated[str | None, typer.Option(help="such as gb18030; by default found out")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]

SHOWN = 20  # proposals on a terminal

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command("check")
@command
def check(
    files: Annotated[list[Path], typer.Argument(help="glossary files of any format")],
    source: Annotated[str | None, typer.Option(help="the language translated from; by default each is checked as one")] = None,
    out: Annotated[Path | None, typer.Option(help="of one XLSX: write it with the reasons in a column")] = None,
    industry: Industry = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> str:
    """Report every problem of every file with its line; the exit code is 1 if there is one."""
    if out and (len(files) > 1 or files[0].suffix.lower() != ".xlsx" or file_kind(out, (".xlsx",)) != ".xlsx"):
        raise ValueError(f"--out {out}: one XLSX file comes back with reasons, not {', '.join(map(str, files))}")
    loaded, problems = check_files(files, source=source, industry=industry, encoding=encoding)
    if out and loaded:
        annotate(files[0], out, problems)
    if as_json:
        typer.echo(json.dumps(_report(loaded, problems), ensure_ascii=False, indent=2))
        raise typer.Exit(bool(problems))
    for problem in problems:
        typer.echo(str(problem))
    for file in loaded:
        glossary = file.glossary
        typer.echo(f"{file.path}: {glossary.industry}, version {glossary.version}, {len(glossary.terms):,} terms")
    sentence = f"{len(files)} files, problems: {len(problems):,}" + (f"; {out} written" if out and loaded else "")
    if problems:
        typer.echo(sentence)
        raise typer.Exit(1)
    return sentence


def _report(loaded: Sequence[Loaded], problems: Sequence[Problem]) -> dict[str, object]:
    """Files and problems as JSON has them."""
    files = [
        {
            "file": str(file.path),
            "industry": file.glossary.industry,
            "version": file.glossary.version,
            "terms": len(file.glossary.terms),
        }
        for file in loaded
    ]
    return {"files": files, "problems": [asdict(problem) for problem in problems]}


@app.command("convert")
@command
def convert(
    source: Annotated[Path, typer.Argument(help="a glossary file")],
    out: Annotated[Path, typer.Argument(help="the file to write; its ending says the format")],
    industry: Industry = None,
    encoding: Encoding = None,
) -> str:
    """Write a glossary in another format; what that cannot hold is said."""
    return _write(out, load_glossary(source, industry=industry, encoding=encoding))


@app.command("merge")
@command
def merge_files(
    files: Annotated[list[Path], typer.Argument(help="glossary files, and last the file to write")],
    industry: Industry = None,
    encoding: Encoding = None,
) -> str:
    """Make several glossaries one: later files win, and where they say otherwise than earlier ones, that is said."""
    *sources, out = files
    if len(sources) < 2:
        raise ValueError("merge needs two glossary files or more, and last the file to write")
    loaded = [read_glossary(path, industry=industry, encoding=encoding) for path in sources]
    if problems := [str(problem) for file in loaded for problem in file.problems]:
        raise GlossaryError("\n".join(problems))
    glossary, conflicts = merge(loaded, industry or loaded[0].glossary.industry)
    for conflict in conflicts:
        say(conflict)
    return f"{_write(out, glossary)}; conflicts: {len(conflicts):,}"


def _write(out: Path, glossary: Glossary) -> str:
    for sentence in write_glossary(out, glossary):
        say(f"warning: {out}: {sentence}")
    return f"{out}: {glossary.industry}, version {glossary.version}, {len(glossary.terms):,} terms"


@app.command("diff")
@command
def diff(
    before: Annotated[Path, typer.Argument(help="a glossary file")],
    after: Annotated[Path, typer.Argument(help="another, or the same of another day")],
    industry: Industry = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> str:
    """Say which terms were added, removed and changed, and how."""
    old, new = (load_glossary(path, industry=industry, encoding=encoding) for path in (before, after))
    found = difference(old, new)
    if as_json:
        versions = {"before": old.version, "after": new.version}
        typer.echo(json.dumps({**versions, **asdict(found)}, ensure_ascii=False, indent=2))
        raise typer.Exit
    for sign, names in (("-", found.removed), ("+", found.added)):
        for name in names:
            typer.echo(f"{sign} {name}")
    for name, changes in found.changed.items():
        for change in changes:
            typer.echo(f"~ {name}: {change.field}: {change.before!r} -> {change.after!r}")
    counts = f"{len(found.added):,} added, {len(found.removed):,} removed, {len(found.changed):,} changed"
    return f"{old.version} -> {new.version}: {counts}"


@app.command("mine")
@command
def mine_terms(
    path: Annotated[Path, typer.Argument(help="a file, a folder, or what Moses files share (corpus of corpus.en, corpus.de)")],
    out: Annotated[Path, typer.Argument(help="the glossary to write; its ending says the format")],
    source: Annotated[str, typer.Option(help="the language of the terms")],
    target: Annotated[str, typer.Option(help="the language of their translations")],
    known: Annotated[list[Path] | None, typer.Option(help="a glossary whose terms are left out; may be repeated")] = None,
    fewest: Annotated[int, typer.Option(min=2, help="segments in which a term stands beside its translation")] = Settings.fewest,
    most: Annotated[int, typer.Option(min=1, help="proposals")] = Settings.most,
    min_score: Annotated[float, typer.Option(min=0, max=100, help="of a proposal")] = Settings.min_score,
    names: Annotated[bool, typer.Option("--names", help="propose proper names, too")] = Settings.names,
    columns: Annotated[list[str] | None, typer.Option(help="LANGUAGE=COLUMN; may be repeated")] = None,
    languages: Annotated[list[str] | None, typer.Option(help="rows of mixed languages: TEXT=LANGUAGE, columns; may be repeated")] = None,
    format: Annotated[str | None, typer.Option(help="tsv, csv, jsonl, moses, tmx, parquet or xlsx")] = None,
    encoding: Encoding = None,
    industry: Industry = None,
    show: Annotated[int, typer.Option(min=0, help="proposals to print")] = SHOWN,
    as_json: AsJson = False,
) -> str:
    """Propose terms and their translations from parallel text, for a person to look through."""
    _check_languages(source, target)
    file_kind(out, WRITERS)
    settings = Settings(fewest, most, min_score, names, tuple(load_glossary(file) for file in known or []))
    texts, rejects = read_pairs(parallel_source(str(path), columns or [], languages or [], format, encoding), source, target)
    if rejects:
        say(f"warning: {path}: {rejects:,} lines left out: broken, or not in both {source} and {target}")
    try:
        proposals = mine(texts, source, target, settings)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if as_json:
        typer.echo(json.dumps([asdict(proposal) for proposal in proposals], ensure_ascii=False, indent=2))
    else:
        for line in table(proposals[:show]):
            typer.echo(line)
    write_evidence(evidence_path(out), proposals)
    sentence = f"{_write(out, glossary_of(proposals, source, target, industry or out.stem))}; evidence in {evidence_path(out)}"
    if as_json:
        say(sentence)
        raise typer.Exit
    return f"{len(texts):,} segments; {sentence}"


def _check_languages(source: str, target: str) -> None:
    """Look at the languages that the options name.

    Raises:
        ValueError: one is no code, or they are the same.
    """
    wrong = [code for code in (source, target) if not base_code(code)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: no language's code; valid are en, de, es, zh, fr ...")
    if base_code(source) == base_code(target):
        raise ValueError(f"terms are mined between two languages, not {source} and {target}")


@app.command("try", add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def try_sentences(arguments: typer.Context) -> None:
    """Translate your own sentences without and with a glossary (`try --help` says how); what `python -m serving.trying` does."""
    try:
        raise typer.Exit(subprocess.run([sys.executable, "-m", "serving.trying", *arguments.args], check=False).returncode)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None  # the process got it too, and has said so


if __name__ == "__main__":
    app()
