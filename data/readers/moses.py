"""Rows of parallel files in the manner of Moses: one sentence a line, one file a language, the same number of lines in each.

    train.en.gz, train.de.gz                             prefix `train`, columns `en` and `de`
    newstest2019-src.eng.txt, newstest2019-ref.deu.txt   prefix `newstest2019`, columns `eng` and `deu`

A blank line is a line: the others stand beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data.readers.codes import is_code
from data.readers.encoding import open_text
from data.readers.row import Row, rejected
from data.records import Reject


def moses_files(prefix: Path) -> dict[str, Path]:
    """The files of a prefix by the language in their names, sorted; those that continue the prefix only if none has it whole.

    Raises:
        ValueError: two files of one language.
    """
    whole: dict[str, Path] = {}
    longer: dict[str, Path] = {}
    for path in sorted(prefix.parent.glob("*")) if prefix.parent.is_dir() else ():
        stem, language = split_name(path.name)
        if not language or not path.is_file():
            continue
        found = whole if stem == prefix.name else longer if re.match(re.escape(prefix.name) + "[-._]", stem) else {}
        if language in found:
            raise ValueError(f"{prefix}: {found[language].name} and {path.name} are both {language}; one file a language is valid")
        found[language] = path
    return dict(sorted((whole or longer).items()))


def split_name(name: str) -> tuple[str, str]:
    """Prefix and language of a file's name; no language if the name has none."""
    stem, _, language = name.removesuffix(".gz").removesuffix(".txt").rpartition(".")
    return (stem, language) if stem and is_code(language) else (name, "")


def read_moses(prefix: Path, encoding: str | None) -> Iterator[Row | Reject]:
    """The rows of all files of a prefix, a column a file.

    Raises:
        ValueError: fewer than two files, or files of different numbers of lines.
    """
    paths = moses_files(prefix)
    if len(paths) < 2:
        raise ValueError(
            f"{prefix}: Moses files need at least two languages, such as {prefix.name}.en and {prefix.name}.de; found: {_names(paths)}"
        )
    files = {language: open_text(path, encoding) for language, path in paths.items()}
    counts = {file.path.name: file.count() for file in files.values()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"{prefix}: {' and '.join(f'{name} has {count:,} lines' for name, count in counts.items())}; they must have as many"
        )
    for number, lines in enumerate(zip(*(file.lines() for file in files.values()), strict=True), 1):
        broken = [line for line in lines if isinstance(line, Reject)]
        if broken:
            yield rejected(Path(broken[0].file), number, broken[0].reason, broken[0].text)
        else:
            yield Row(number, {language: line for language, line in zip(files, lines, strict=True) if isinstance(line, str)})


def _names(paths: dict[str, Path]) -> str:
    return ", ".join(path.name for path in paths.values()) or "none"
