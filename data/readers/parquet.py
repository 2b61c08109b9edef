"""Rows of Parquet files, a row group at a time; structs and lists as in JSON Lines (`data/readers/jsonl.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.readers.jsonl import UNWRITABLE, flatten
from data.readers.row import Row, library, rejected
from data.records import Reject

BATCH = 10_000  # rows in memory at once


def read_parquet(path: Path) -> Iterator[Row | Reject]:
    """The rows of a Parquet file.

    Raises:
        ValueError: it is no Parquet file, or is damaged.
    """
    arrow, parquet = library("pyarrow", path), library("pyarrow.parquet", path)
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                columns = [_values(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield _row(path, number, dict(zip(batch.schema.names, values, strict=True)))
    except (arrow.ArrowException, OSError) as error:
        where = f"damaged after row {number}" if number else "not a Parquet file"
        raise ValueError(f"{path}: {where}: {str(error).splitlines()[0]}") from None


def _row(path: Path, number: int, record: dict[str, Any]) -> Row | Reject:
    values = flatten(record)
    if any(map(UNWRITABLE.search, values.values())):
        return rejected(path, number, "holds a NUL character", str(values))
    return Row(number, values)


def _values(column: Any) -> list[Any]:
    """A column's values; of one whose text is not all UTF-8, nothing where it is not."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return None
