"""What a command's options say of a user's data set."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from configs.schema import SegmentSource


def pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    """`NAME=VALUE` texts as pairs.

    Raises:
        ValueError: one has no name or no value.
    """
    found = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, found, strict=True):
        if not name or not value:
            raise ValueError(f"{option} {text}: expected NAME=COLUMN, such as en=source")
    return [(name, value) for name, _, value in found]


def column_numbers(texts: Iterable[str]) -> dict[str, str | int]:
    """The `--columns` of a data set: what is wanted -> a column's name, or its number.

    Raises:
        ValueError: one has no name or no column.
    """
    return {name: int(column) if column.isdecimal() else column for name, column in pairs(texts, "--columns")}


def parallel_source(path: str, columns: Iterable[str], languages: Iterable[str], format: str | None, encoding: str | None) -> SegmentSource:
    """Parallel text as the options of a command describe it.

    Raises:
        ValueError: an option cannot have its value.
    """
    described = {"columns": column_numbers(columns), "languages": dict(pairs(languages, "--languages"))}
    try:
        return SegmentSource.model_validate({"path": path, "format": format, "encoding": encoding, "part": "train", **described})
    except ValidationError as error:
        reasons = (f"--{'.'.join(map(str, wrong['loc']))} {wrong['input']}: {wrong['msg']}" for wrong in error.errors())
        raise ValueError("; ".join(reasons)) from None
