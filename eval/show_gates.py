"""Gate verdicts for people and for programs: the table, its last line, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from eval.gates import LIMITS, Verdict, broken
from eval.signature import one_line

COLOURS = {"ok": typer.colors.GREEN, "BROKEN": typer.colors.RED, "skipped": typer.colors.YELLOW}
SMALLEST_FIXED = 0.01  # below, two decimals say nothing


def as_json(verdicts: Sequence[Verdict]) -> str:
    """The rows as they stand in report.json."""
    return json.dumps([verdict.as_json() for verdict in verdicts], indent=2, ensure_ascii=False, allow_nan=False)


def as_table(verdicts: Sequence[Verdict], signature: Mapping[str, Any]) -> str:
    """One line for each gate, and the signature of the numbers."""
    rows = [(_word(v), v.name, number(v.measured), f"{LIMITS[v.rule][1]} {number(v.limit)}", v.note) for v in verdicts]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join([*(_line(row, widths) for row in rows), f"signature: {one_line(signature)}"])


def verdict_line(verdicts: Sequence[Verdict]) -> str:
    """The last line: each broken gate by name, or that all hold."""
    skipped = sum(verdict.ok is None for verdict in verdicts)
    judged = len(verdicts) - skipped
    aside = f", {skipped} skipped" if skipped else ""
    if names := broken(verdicts):
        return f"{len(names)} of {judged} gates broken{aside}: {'; '.join(names)}"
    return f"all {judged} gates hold{aside}"


def number(value: float | None) -> str:
    """Two decimals where they say something, else two digits; a dash for none."""
    if value is None:
        return "-"
    return f"{value:,.2f}" if value == 0 or abs(value) >= SMALLEST_FIXED else f"{value:.1e}"


def _word(verdict: Verdict) -> str:
    return {True: "ok", False: "BROKEN", None: "skipped"}[verdict.ok]


def _line(row: tuple[str, str, str, str, str], widths: Sequence[int]) -> str:
    word, name, measured, limit, note = row
    coloured = typer.style(word.ljust(widths[0]), fg=COLOURS[word])  # typer.echo drops the colour where there is no terminal
    text = f"{coloured}  {name.ljust(widths[1])}  {measured.rjust(widths[2])}  {limit.ljust(widths[3])}"
    return f"{text}  {note}" if note else text.rstrip()
