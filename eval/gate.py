"""Judge eval/results/report.json by configs/gates.yaml.

Reads   eval/results/report.json, configs/gates.yaml
Writes  eval/results/report.json (its key `gates`, if the rules have changed since it was made)

Exit code 1, and a last line that names each broken gate, unless all hold.
"""

from pathlib import Path
from typing import Annotated

import typer

from data.console import command
from eval.gates import GATES_FILE, broken, load_gates
from eval.reporting import REPORT, read_report, verdicts, write_gates
from eval.show_gates import as_json, as_table, verdict_line


@command
def main(
    report: Annotated[Path, typer.Option(help="what was measured")] = REPORT,
    gates: Annotated[Path, typer.Option(help="the rules")] = GATES_FILE,
    rows_as_json: Annotated[bool, typer.Option("--json", help="print the rows as JSON")] = False,
) -> str:
    """Judge the report by the gates: one line for each, exit code 1 unless all hold."""
    measured, rules = read_report(report), load_gates(gates)
    write_gates(report, measured, rules)
    rows = verdicts(measured, rules)
    typer.echo(as_json(rows) if rows_as_json else as_table(rows, measured["signature"]))
    if rows_as_json or broken(rows):
        typer.echo(verdict_line(rows), err=rows_as_json)
        raise typer.Exit(1 if broken(rows) else 0)
    return verdict_line(rows)


if __name__ == "__main__":
    typer.run(main)
