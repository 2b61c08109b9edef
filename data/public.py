"""Prepare a public data set, downloaded or from a folder; `list` shows which there are.

Reads   the files named in data/public_sets/registry.py, from the internet or from the folder named with --from
Writes  data/public/NAME/{train, validation, test}.jsonl, dataset.json
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from data.console import command
from data.public_sets.fetching import cache_folder, download, from_folder
from data.public_sets.preparing import Prepared, prepare
from data.public_sets.registry import SETS, PublicSet, find_set

OUT = Path("data/public")
PIPED_WIDTH = 320  # characters: of every set one line


@command
def main(
    name: Annotated[str, typer.Argument(help="of a data set, or `list`")],
    source: Annotated[Path | None, typer.Option("--from", help="folder that has the set; without it the set is downloaded")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the prepared data set; by default data/public/NAME")] = None,
) -> str:
    """Prepare a public data set, downloaded or from a folder; `list` shows which there are."""
    if name == "list":
        return show_sets()
    public = find_set(name)
    target = out or OUT / public.name
    found = prepare_from(public, source, target)
    sizes = ", ".join(f"{part} {count:,}" for part, count in found.counts.items())
    return f"{target}: {sizes} records, {len(found.rejects)} rejected (dataset.json); {public.terms_of_use}"


def prepare_from(public: PublicSet, source: Path | None, target: Path) -> Prepared:
    """Prepare a set from a folder, or, with `None`, from its downloaded files."""
    if source is None:
        return prepare(public, download(public, cache_folder(os.environ)), target)
    with tempfile.TemporaryDirectory() as work:
        from_folder(public, source, Path(work))
        return prepare(public, Path(work), target)


def show_sets() -> str:
    """Print the sets as a table."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table("name", "what", "size", "licence", "source", box=None)
    for public in SETS.values():
        licence = f"{public.licence}: measure only" if public.measure_only else public.licence
        table.add_row(public.name, public.what, public.size, licence, f"github.com/{public.repository}")
    console.print(table)
    return f"{len(SETS)} public data sets"


if __name__ == "__main__":
    typer.run(main)
