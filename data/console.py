"""What a command says: results on stdout, progress on stderr, one closing line, one sentence for a user's mistake."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import track as rich_track

Item = TypeVar("Item")
P = ParamSpec("P")

STDERR = Console(stderr=True)
INTERRUPTED = 130  # exit code of a process that SIGINT ended, as shells say it


def command(function: Callable[P, str]) -> Callable[P, None]:
    """`function` as a command: prints the sentence that it returns and the seconds it took.

    A `ValueError` or `OSError` is the user's to mend: its text goes to stderr without a traceback, the exit code is 1. Ctrl-C ends with
    130 and what the interrupt says, if it says something. Anything else is ours and keeps its traceback. Of several processes that do
    one thing together (`accelerate launch`), the first speaks.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        started = time.monotonic()
        try:
            sentence = function(*args, **kwargs)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {_reason(error)}")
        except KeyboardInterrupt as error:
            typer.echo(str(error) or "interrupted", err=True)
            sys.exit(INTERRUPTED)
        if os.environ.get("RANK", "0") == "0":
            typer.echo(f"{sentence} ({time.monotonic() - started:.1f} s)")

    run.__annotations__ = {**function.__annotations__, "return": None}
    return run


def say(text: str) -> None:
    """One line on stderr, however long, with nothing in it read as markup."""
    STDERR.print(text, soft_wrap=True, markup=False, emoji=False, highlight=False)


def _reason(error: Exception) -> str:
    """What to tell the user: of the system's errors the file and the reason, without the number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    return str(error)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The items, with a progress bar on a terminal and nothing elsewhere."""
    if not STDERR.is_terminal:
        yield from items
        return
    yield from rich_track(items, description=what, total=total, console=STDERR, transient=True)
