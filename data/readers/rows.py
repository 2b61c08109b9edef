"""The rows of a file of any format: the one way in for segments, messages and `data/profile.py`.

data/readers/segments.py, messages.py    rows -> records
data/readers/tabular.py, jsonl.py, moses.py, tmx.py, parquet.py, xlsx.py    a format -> rows
data/readers/encoding.py    bytes -> lines
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from data.readers.jsonl import read_jsonl
from data.readers.moses import moses_files, read_moses, split_name
from data.readers.parquet import read_parquet
from data.readers.row import Row
from data.readers.tabular import read_csv, read_tsv
from data.readers.tmx import read_tmx
from data.readers.xlsx import read_xlsx
from data.records import Reject

__all__ = ["ENDINGS", "Row", "file_format", "missing", "read_rows"]

ENDINGS = {  # each of them also with .gz behind it, but for Parquet and XLSX, which are packed already
    "tsv": (".tsv", ".tab"),
    "csv": (".csv",),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "tmx": (".tmx",),
    "parquet": (".parquet",),
    "xlsx": (".xlsx", ".xlsm"),
}


def read_rows(path: Path, *, format: str | None = None, encoding: str | None = None, header: bool = True) -> Iterator[Row | Reject]:
    """The rows of a file, in their order, without holding more than a few of them in memory.

    Args:
        path: a file, or the common beginning of Moses files.
        format: `tsv`, `csv`, `jsonl`, `moses`, `tmx`, `parquet` or `xlsx`; `None`: by the name's ending.
        encoding: `None`: detected. Parquet and XLSX have their own.
        header: whether the first line of TSV, CSV and XLSX names the columns.

    Raises:
        ValueError: there is no such file, or it is not what its format says.
    """
    kind = format or file_format(path)
    if kind == "moses":
        return read_moses(path, encoding)
    if not path.is_file():
        raise ValueError(missing(path))
    return _read(path, kind, encoding, header)


def _read(path: Path, kind: str, encoding: str | None, header: bool) -> Iterator[Row | Reject]:
    match kind:
        case "tsv":
            return read_tsv(path, encoding, header)
        case "csv":
            return read_csv(path, encoding, header)
        case "jsonl":
            return read_jsonl(path, encoding)
        case "tmx":
            return read_tmx(path, encoding)
        case "parquet":
            return read_parquet(path)
        case "xlsx":
            return read_xlsx(path, header)
    raise ValueError(f"{path}: format {kind!r} is unknown; valid: {', '.join((*ENDINGS, 'moses'))}")


def file_format(path: Path) -> str:
    """The format by the ending of the name; `moses` where files with language endings continue the name.

    Raises:
        ValueError: there is no such file, or its ending says nothing.
    """
    if not path.is_file():
        if moses_files(path):
            return "moses"
        raise ValueError(missing(path))
    name = path.name.lower().removesuffix(".gz")
    for kind, endings in ENDINGS.items():
        if name.endswith(endings):
            return kind
    known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
    raise ValueError(f"{path}: the ending of its name says no format; valid are {known}, or name the format")


def missing(path: Path) -> str:
    """What to say of a path that leads nowhere: the nearest name that there is."""
    folder = path.parent
    if not folder.is_dir():
        return missing(folder)
    names = sorted(item.name for item in folder.iterdir())
    prefixes = [split_name(name)[0] for name in names]
    near = difflib.get_close_matches(path.name, [*prefixes, *names], n=1)
    hint = f"did you mean {near[0]}?" if near else f"{folder} holds {', '.join(names[:5]) or 'nothing'}"
    return f"{path}: no such file or folder; {hint}"
