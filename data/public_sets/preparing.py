"""A set's files as a prepared data set.

    OUT/{train, validation, test}.jsonl    records of `data/records.py`; the parts that the publisher made
    OUT/dataset.json                       sources, licence, checksums, counts, rejects; written last
    OUT/.gitignore                         for sets to measure with only: nothing of them is committed by mistake

Nothing is filtered but lines that cannot be read or lack a text: the counts are to be those that were published.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from data.public_sets.reading import blank
from data.public_sets.registry import PublicSet
from data.records import Reject, Writer, write_json, write_text

PARTS = ("train", "validation", "test")
DATASET = "dataset.json"


@dataclass(frozen=True)
class Prepared:
    """What became of a set.

    Attributes:
        counts: part -> records.
        rejects: the lines that are no records.
    """

    counts: Mapping[str, int]
    rejects: Sequence[Reject]


def prepare(public: PublicSet, inputs: Path, out: Path) -> Prepared:
    """Write a set's records, part by part, and what it is.

    Args:
        public: the set.
        inputs: folder of its files, checked and unpacked (`fetching.py`).
        out: folder of the prepared data set; one that was prepared before is replaced.

    Raises:
        ValueError: `out` holds parts that were not prepared from this set.
    """
    _check_free(public, out)
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    rejects: list[Reject] = []
    with tempfile.TemporaryDirectory(dir=out) as work:
        for part in public.parts:
            counts[part] = _write_part(public, part, inputs, Path(work), rejects)
        for part in PARTS:
            (out / f"{part}.jsonl").unlink(missing_ok=True)
        for part in counts:
            os.replace(Path(work) / f"{part}.jsonl", out / f"{part}.jsonl")
    if public.measure_only:
        write_text(out / ".gitignore", "*\n")
    write_json(out / DATASET, _description(public, counts, rejects))
    return Prepared(counts, rejects)


def _check_free(public: PublicSet, out: Path) -> None:
    """Do not write over somebody's own files.

    Raises:
        ValueError: there are parts of something else.
    """
    description = out / DATASET
    ours = description.is_file() and f'"name": "{public.name}"' in description.read_text(encoding="utf-8")
    there = [f"{part}.jsonl" for part in PARTS if (out / f"{part}.jsonl").exists()]
    if there and not ours:
        raise ValueError(f"{out}: holds {', '.join(there)} that was not prepared from {public.name}; name another folder with --out")


def _write_part(public: PublicSet, part: str, inputs: Path, folder: Path, rejects: list[Reject]) -> int:
    """Write one part's records; the lines that are none are added to `rejects`."""
    count = 0
    with Writer(folder / f"{part}.jsonl") as file:
        for item in chain.from_iterable(reader(inputs) for reader in public.parts[part]):
            reject = item if isinstance(item, Reject) else blank(item)
            if reject is None:
                file.write(item.model_dump_json(exclude_none=True) + "\n")
                count += 1
            else:
                rejects.append(reject.model_copy(update={"file": Path(reject.file).name}))
    return count


def _description(public: PublicSet, counts: Mapping[str, int], rejects: Sequence[Reject]) -> dict[str, Any]:
    return {
        "name": public.name,
        "what": public.what,
        "licence": public.licence,
        "measure_only": public.measure_only,
        "repository": f"https://github.com/{public.repository}",
        "commit": public.commit,
        "inputs": [{"file": item.name, "address": public.address(item), "sha256": item.sha256} for item in public.inputs],
        "counts": dict(counts),
        "rejects": [reject.model_dump() for reject in rejects],
    }
