"""Put everything that was measured into one report, for programs and for people.

Reads   eval/results/work/{translation, terms, intents, latency}.json, data/prepared/, training/bundles/,
        configs/gates.yaml, configs/params.yaml
Writes  eval/results/report.json, eval/results/report.html
Params  profile
"""

import typer

from configs.schema import load_params
from data.console import command
from data.records import write_json, write_text
from eval.gates import load_gates
from eval.reporting import PAGE, PREPARED, REPORT, WORK, build_report, record, summary, with_gates
from eval.show_report import page
from eval.signature import signature


@command
def main() -> str:
    """Put everything that was measured into one report, for programs and for people."""
    measured = build_report(WORK, PREPARED, profile=load_params().profile, signature=signature())
    report = with_gates(measured, load_gates())
    write_json(REPORT, report)
    write_text(PAGE, page(report))
    record(report, [REPORT, PAGE])
    return f"{REPORT} and {PAGE.name}: {summary(report)}"


if __name__ == "__main__":
    typer.run(main)
