"""Glossaries of any format: in, judged as the project's own; out, with a word about what a format cannot hold.

| format | holds | does not hold |
|---|---|---|
| YAML, CSV, TSV | all of a glossary | NUL (CSV, TSV) |
| XLSX | all | control characters; more than 32,767 characters in a cell |
| TBX, TMX | all, inflected forms and rules as categories of ours that other programs pass over | control characters |

Spaces around a form go in every format but YAML. A locale whose language has no word in a whole file is taken for the language: a
customer's `de-DE` is `de`. (YAML is ours and is taken as it stands, and Traditional Chinese stays what it is.)

Not covered: gzip by the name's ending, several industries in one file, XLIFF, TermWeb's and MultiTerm's own formats.
"""

from __future__ import annotations

import contextlib
import gc
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from data.glossary.loading import PLAIN_KEYS, Entry, Loaded, Problem, assemble, load_yaml
from data.glossary.tables import read_table, write_csv, write_tsv, write_xlsx
from data.glossary.tbx import read_tbx, write_tbx
from data.glossary.term import Glossary, GlossaryError, Term, entry_of
from data.glossary.tmx import read_tmx, write_tmx
from data.glossary.yaml_files import write_yaml
from data.readers.codes import base_code
from data.readers.encoding import DAMAGED, open_bytes
from data.readers.rows import missing

LARGEST_MB = 100  # unpacked: ten times a CSV of 100,000 terms in four languages with their forms (10 MB, measured)
LONGEST_CELL = 32_767  # characters; Excel's limit: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
BLOCK = 1 << 20  # bytes
NUL = frozenset("\0")
CONTROL = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)))  # https://www.w3.org/TR/xml/#charsets
Reader = Callable[[Path, str | None], tuple[list[Entry], list[Problem]]]
Writer = Callable[[Path, Glossary], None]
READERS: dict[str, Reader] = {".csv": read_table, ".tsv": read_table, ".xlsx": read_table, ".tbx": read_tbx, ".tmx": read_tmx}
WRITERS: dict[str, Writer] = {
    ".yaml": write_yaml,
    ".csv": write_csv,
    ".tsv": write_tsv,
    ".xlsx": write_xlsx,
    ".tbx": write_tbx,
    ".tmx": write_tmx,
}
DROPPED = {".csv": NUL, ".tsv": NUL, ".xlsx": CONTROL, ".tbx": CONTROL, ".tmx": CONTROL}


def read_glossary(path: Path, *, industry: str | None = None, encoding: str | None = None) -> Loaded:
    """A glossary file of any format, its broken entries as problems.

    Args:
        path: its ending says the format.
        industry: `None`: the one that the file names, else the file's name without its ending.
        encoding: of CSV, TSV, TBX and TMX; `None`: found out.

    Raises:
        ValueError: there is no such file, it is too large, or it is not what its ending says.
    """
    kind = file_kind(path, WRITERS)
    if not path.is_file():
        raise ValueError(missing(path))
    _check_size(path)
    with uncollected():
        if kind != ".yaml":
            return _read(path, READERS[kind], industry, encoding)
        loaded = load_yaml(path)
        return loaded if industry in (None, loaded.glossary.industry) else _renamed(loaded, str(industry))


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cycles, which entries do not make: it takes a third of the time (100,000 terms 4.7 s, without 2.9)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(path: Path, reader: Reader, industry: str | None, encoding: str | None) -> Loaded:
    entries, problems = reader(path, encoding)
    own = {entry.pop("industry", "") for _, entry in entries}
    stated = own.pop().replace("/", "-") if len(own) == 1 else ""
    named = with_names(_languages_for_lone_locales(entries))
    return assemble(path, industry or stated or path.stem, named, problems)


def load_glossary(path: Path, *, industry: str | None = None, encoding: str | None = None) -> Glossary:
    """A glossary file of any format that has no problem.

    Raises:
        GlossaryError: it has some; all of them at once.
        ValueError: as `read_glossary`.
    """
    loaded = read_glossary(path, industry=industry, encoding=encoding)
    if loaded.problems:
        raise GlossaryError("\n".join(map(str, loaded.problems)))
    return loaded.glossary


def write_glossary(path: Path, glossary: Glossary) -> list[str]:
    """Write a glossary in the format of the file's ending; returns what the format could not hold, a sentence each.

    Raises:
        ValueError: the ending says no format.
        OSError: it could not be written.
    """
    kind = file_kind(path, WRITERS)
    left_out = _left_out(glossary, kind)
    WRITERS[kind](path, Glossary(glossary.industry, tuple(_holdable(term, glossary.industry, kind) for term in glossary.terms)))
    return left_out


def file_kind(path: Path, kinds: Iterable[str]) -> str:
    """The format by the ending.

    Raises:
        ValueError: it says none.
    """
    ending = path.suffix.lower().replace(".yml", ".yaml")
    if ending not in kinds:
        raise ValueError(f"{path}: the ending of its name says no glossary format; valid: {', '.join(kinds)}")
    return ending


def _check_size(path: Path) -> None:
    """Look at a file's unpacked size before anything reads it.

    Raises:
        ValueError: it is too large.
    """
    limit = LARGEST_MB << 20
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    else:
        size = path.stat().st_size if path.stat().st_size > limit else _unpacked(path, limit)
    if size > limit:
        raise ValueError(f"{path}: larger than {LARGEST_MB} MB; split it, or leave out what is no term")


def _unpacked(path: Path, limit: int) -> int:
    """The size of what a file holds, gzip or not, counted to just above the limit."""
    size = 0
    with open_bytes(path) as file:
        try:
            while size <= limit and (block := file.read1(BLOCK)):
                size += len(block)
        except DAMAGED:
            return size
    return size


def _renamed(loaded: Loaded, industry: str) -> Loaded:
    entries = [(line, entry_of(term)) for line, term in zip(loaded.lines, loaded.glossary.terms, strict=True)]
    return assemble(loaded.path, industry, entries, loaded.problems)


def _languages_for_lone_locales(entries: list[Entry]) -> list[Entry]:
    """The entries, with a locale as its language where the file has no other word of that language."""
    alone = _lone_locales({key for _, entry in entries for key in entry if key not in PLAIN_KEYS})
    if not alone:
        return entries
    return [(line, {alone.get(key, key): value for key, value in entry.items()}) for line, entry in entries]


def _lone_locales(codes: set[str]) -> dict[str, str]:
    """Locale -> language, for the locales that stand for their language; Traditional Chinese stands for itself."""
    languages = {code: base_code(code) for code in codes if base_code(code) not in ("", "zh-Hant")}
    counts = Counter(languages.values())
    return {code: language for code, language in languages.items() if code != language and counts[language] == 1}


def with_names(entries: list[Entry]) -> list[Entry]:
    """The entries with a name each: one that has none is called by its first word, and numbered if that name is taken."""
    taken = {str(entry["id"]) for _, entry in entries if entry.get("id")}
    for _, entry in entries:
        if not entry.get("id"):
            entry["id"] = _free_name(_first_word(entry), taken)
            taken.add(entry["id"])
    return entries


def _first_word(entry: dict[str, Any]) -> str:
    word = next((value for key, value in entry.items() if key not in PLAIN_KEYS), "")
    text = word if isinstance(word, str) else word.get("base", "")
    return "_".join("".join(c if c.isalnum() else " " for c in text.lower()).split()) or "term"


def _free_name(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _left_out(glossary: Glossary, kind: str) -> list[str]:
    """What a format cannot hold of a glossary, a sentence each."""
    found = []
    dropped = DROPPED.get(kind, frozenset())
    damaged = sum(any(not dropped.isdisjoint(text) for text in _texts(entry_of(term))) for term in glossary.terms)
    if damaged:
        found.append(f"{kind[1:].upper()} holds no control characters: left out of {damaged:,} terms")
    long = sum(any(len(text) > LONGEST_CELL for text in _texts(entry_of(term))) for term in glossary.terms) if kind == ".xlsx" else 0
    if long:
        found.append(f"XLSX holds {LONGEST_CELL:,} characters a cell: {long:,} terms are cut")
    alone = _lone_locales({code for term in glossary.terms for code in term.forms})
    if alone and kind != ".yaml":
        found.append(f"without their language's own word, these locales are read back as the language: {', '.join(sorted(alone))}")
    return found


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _holdable(term: Term, industry: str, kind: str) -> Term:
    """A term without the characters that its format cannot hold."""
    dropped = DROPPED.get(kind, frozenset())
    entry = entry_of(term)
    if all(dropped.isdisjoint(text) and (kind != ".xlsx" or len(text) <= LONGEST_CELL) for text in _texts(entry)):
        return term
    return assemble(Path(), industry, [(0, _kept(entry, dropped, LONGEST_CELL if kind == ".xlsx" else None))], []).glossary.terms[0]


def _kept(value: Any, dropped: frozenset[str], longest: int | None) -> Any:
    if isinstance(value, str):
        return "".join(character for character in value if character not in dropped)[:longest] or "?"
    if isinstance(value, dict):
        return {key: _kept(item, dropped, longest) for key, item in value.items()}
    return [_kept(item, dropped, longest) for item in value] if isinstance(value, list) else value
