"""The files that a user's data set consists of."""

from __future__ import annotations

from pathlib import Path

from configs.schema import Source
from data.readers.encoding import open_text
from data.readers.moses import moses_files, split_name
from data.readers.rows import ENDINGS, file_format, missing

OF_LINES = frozenset({"tsv", "csv", "jsonl", "moses"})


def source_files(source: Source) -> list[Path]:
    """The files of a source, sorted; of a folder all those of a known format, hidden ones left out.

    Raises:
        ValueError: there are none.
    """
    return [file for path, kind in pieces(source) for file in (moses_files(path).values() if kind == "moses" else [path])]


def pieces(source: Source) -> list[tuple[Path, str]]:
    """What of a source is read as one file, with its format: files, or the common beginnings of Moses files.

    Raises:
        ValueError: there is nothing.
    """
    path = Path(source.path)
    if path.is_dir():
        return _in_folder(path, source.format)
    kind = source.format or file_format(path)
    if not (moses_files(path) if kind == "moses" else path.is_file()):
        raise ValueError(missing(path))
    return [(path, kind)]


def _in_folder(folder: Path, kind: str | None) -> list[tuple[Path, str]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _hidden(path.relative_to(folder))]
    if kind == "moses":
        prefixes = sorted({path.with_name(split_name(path.name)[0]) for path in files if split_name(path.name)[1]})
        found = [(prefix, kind) for prefix in prefixes]
    else:
        formats = {kind: ENDINGS[kind]} if kind else ENDINGS
        found = [
            (path, name) for path in files for name, endings in formats.items() if path.name.lower().removesuffix(".gz").endswith(endings)
        ]
    if not found:
        names = ", ".join(path.name for path in files[:5]) or "no files"
        raise ValueError(f"{folder}: holds no file of {f'format {kind}' if kind else 'a known format'}; there are {names}")
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def count_lines(source: Source) -> int:
    """How many lines a source has, headers and broken ones included; 0 if one of its files is not made of lines."""
    found = pieces(source)
    if any(kind not in OF_LINES for _, kind in found):
        return 0
    first = [next(iter(moses_files(path).values())) if kind == "moses" else path for path, kind in found]
    return sum(open_text(path, source.encoding).count() for path in first)
