"""Try a glossary on sentences of your own: each translated without it and with it, by the models that would be served.

    python -m serving.trying terms.xlsx sentences.txt --source en --target de

The glossary is a file of any format that `data.glossary.files` reads. The sentences are UTF-8 text, one a line (a line may hold several);
without a file they come from stdin. A term is applied if one of the forms that the glossary lists for it stands in the translation.

`python -m data.glossary try` runs this module, for `data` imports nothing from here. Threads, beams, and where no option names them the
bundles, are those of the service's settings.

Not covered: the glossaries that the bundles bring, of which none is asked; terms of a request; whether the rest of a sentence got better.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.console import command, say, track
from data.glossary import Glossary
from data.glossary.files import load_glossary
from data.language import canonical
from serving.answers import AppliedTerm
from serving.errors import InvalidError
from serving.glossaries import Glossaries
from serving.settings import load_settings

if TYPE_CHECKING:
    from serving.translator import Translator

BATCH = 32  # sentences between two steps of the progress bar; the translator decodes as many together
STDIN = "standard input"
END = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"

Numbered = tuple[int, str]  # line, and the sentence that stands there


@dataclass(frozen=True)
class Tried:
    """A sentence translated twice.

    Attributes:
        line: where it stands in the file.
        sentence: as it stands there.
        without: its translation without the glossary.
        with_glossary: its translation with it.
        terms: the glossary's terms that stand in it.
    """

    line: int
    sentence: str
    without: str
    with_glossary: str
    terms: tuple[AppliedTerm, ...]

    @property
    def changed(self) -> bool:
        """Whether the glossary made a difference."""
        return self.with_glossary != self.without

    def lines(self) -> Iterator[str]:
        """What a terminal shows of it."""
        number = f"{self.line:>4}"
        yield f"{number}  {self.sentence}"
        labelled = [("without", self.without), ("with", self.with_glossary if self.changed else "(the same)")]
        labelled += [("applied" if term.applied else "missed", f"{term.source} = {term.target}") for term in self.terms]
        for label, text in labelled if self.terms else [*labelled, ("terms", "(none found)")]:
            yield f"{'':{len(number)}}  {label:<7}  {text}"


def try_glossary(
    translator: Translator, glossary: Glossary, sentences: Sequence[Numbered], source: str, target: str, *, strict: bool
) -> Iterator[Tried]:
    """Every sentence without and with the glossary, in order; `strict` has sentences that lack a term translated again."""
    glossaries = Glossaries({glossary.industry: glossary})
    for start in track(range(0, len(sentences), BATCH), "sentences", -(-len(sentences) // BATCH)):
        rows = sentences[start : start + BATCH]
        texts = [text for _, text in rows]
        without = translator.translate(texts, source=source, target=target)
        asked: dict[str, Any] = {"industry": glossary.industry, "glossaries": glossaries, "strict_terms": strict}
        obeyed = translator.translate(texts, source=source, target=target, **asked)
        for (line, text), before, after in zip(rows, without, obeyed, strict=True):
            yield Tried(line, text, before.text, after.text, after.terms)


def read_sentences(path: Path | None, language: str) -> list[Numbered]:
    """The lines that are not empty, of a file or of stdin; a person at a terminal is told what to type.

    Raises:
        ValueError: a line is not UTF-8, or none holds anything.
        OSError: the file cannot be read.
    """
    if path is None and sys.stdin.isatty():
        say(f"type sentences in {language}, one a line; end with {END} on a line of its own")
    name = STDIN if path is None else str(path)
    content = (sys.stdin.buffer.read() if path is None else path.read_bytes()).removeprefix(b"\xef\xbb\xbf")
    lines = [(number, _decoded(line, f"{name}:{number}")) for number, line in enumerate(content.splitlines(), start=1)]
    if sentences := [(number, line.strip()) for number, line in lines if line.strip()]:
        return sentences
    raise ValueError(f"{name}: holds no sentence; one a line is wanted")


def _decoded(line: bytes, place: str) -> str:
    """A line's text.

    Raises:
        ValueError: it is not UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{place}: not UTF-8 (byte 0x{line[error.start]:02x}); save the text as UTF-8") from None


def valid_pair(translator: Translator, source: str, target: str) -> tuple[str, str]:
    """The languages as the models call them.

    Raises:
        ValueError: one is not served, they are the same, or no model leads from the one to the other.
    """
    source, target = (canonical(code, translator.languages) for code in (source, target))
    if source == target:
        raise ValueError(f"a glossary is tried between two languages, not {source} and {target}")
    try:
        translator.path(source, target)
    except InvalidError as error:
        pairs = ", ".join("-".join(pair) for model in translator.described for pair in model.pairs)
        raise ValueError(f"{error.message}; the bundles translate {pairs}") from None
    return source, target


def check_terms(path: Path, glossary: Glossary, source: str, target: str) -> None:
    """Raises ValueError: the glossary has no term for the pair of languages, so that there is nothing to try."""
    if not any(term.read_as(source) and term.surfaces(target) for term in glossary.terms):
        languages = ", ".join(sorted({language for term in glossary.terms for language in term.forms})) or "none"
        of_all = f"none of its {len(glossary.terms):,} terms has words in {source} and {target}"
        raise ValueError(f"{path}: {of_all}; its languages: {languages}")


def totals(tried: Sequence[Tried]) -> dict[str, int]:
    """How many sentences, terms found, terms applied, and sentences changed."""
    terms = [term for one in tried for term in one.terms]
    applied, changed = sum(term.applied for term in terms), sum(one.changed for one in tried)
    return {"sentences": len(tried), "found": len(terms), "applied": applied, "changed": changed}


def report(glossary: Glossary, tried: Sequence[Tried], source: str, target: str, seconds: float) -> dict[str, Any]:
    """All of it, as JSON has it."""
    return {
        "glossary": {"industry": glossary.industry, "version": glossary.version},
        "source": source,
        "target": target,
        "sentences": [
            {
                "line": one.line,
                "sentence": one.sentence,
                "without": one.without,
                "with": one.with_glossary,
                "changed": one.changed,
                "terms": [{key: value for key, value in asdict(term).items() if key != "overrides"} for term in one.terms],
            }
            for one in tried
        ],
        "totals": {**totals(tried), "seconds": round(seconds, 1)},
    }


@command
def main(
    glossary_file: Annotated[Path, typer.Argument(help="YAML, CSV, TSV, XLSX, TBX or TMX")],
    source: Annotated[str, typer.Option(help="the language of the sentences")],
    target: Annotated[str, typer.Option(help="the language to translate into")],
    sentences_file: Annotated[Path | None, typer.Argument(help="UTF-8 text, a sentence a line; by default stdin")] = None,
    bundles: Annotated[Path | None, typer.Option(help="folder with one directory per bundle; by default the service's")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="translate again what lacks a term")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> str:
    """Translate sentences without and with a glossary; say of each term found whether it was applied."""
    started = time.monotonic()
    glossary, settings = load_glossary(glossary_file), load_settings()
    from serving.bundle import load_translator

    translator = load_translator(bundles or settings.bundles_folder, settings.threads, beams=settings.beams)
    source, target = valid_pair(translator, source, target)
    check_terms(glossary_file, glossary, source, target)
    sentences = read_sentences(sentences_file, source)
    tried = list(try_glossary(translator, glossary, sentences, source, target, strict=strict))
    if as_json:
        typer.echo(json.dumps(report(glossary, tried, source, target, time.monotonic() - started), ensure_ascii=False, indent=2))
        raise typer.Exit
    for line in (line for one in tried for line in one.lines()):
        typer.echo(line)
    count = totals(tried)
    shares = f"{count['applied']:,} of {count['found']:,} terms applied, {count['changed']:,} sentences changed"
    return f"{glossary.industry}, version {glossary.version}: {count['sentences']:,} sentences, {shares}"


if __name__ == "__main__":
    typer.run(main)
