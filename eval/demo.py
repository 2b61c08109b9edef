"""Show the line's result: start the service, send it five messages, print what came back and the gates, stop what was started.

Reads   training/bundles/, eval/results/report.json, configs/serving.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from data.console import STDERR, command
from eval.running import Service, running_service
from serving.client import QuaysideClient

# (message, the language it is wanted in): an agent reads English or Chinese, a customer reads the answer in their own. The wording is
# that of the shipped patterns, the combinations are not: the demo models know little else (`chrf_held_out`, `chrf_unseen`).
MESSAGES = (
    ("Guten Tag, 12 Hydraulikpumpen sind mit Kratzern in Hamburg angekommen, obwohl die Kisten unversehrt aussahen.", "en"),
    ("Les rogamos que nos envíen a más tardar mañana el número de seguimiento de UPS para las camisetas del pedido PO-482917.", "zh"),
    ("您好，如果UK-844R型空气压缩机运行几分钟后就过热，我们该怎么办？", "de"),
    ("Could you quote us your best price for 300 air compressors CIF Hamburg?", "zh"),
    (
        "Thank you for your order PO-773315 for 40 work jackets; we will confirm the delivery date by Thursday.\n\n"
        "Yes, we can print your logo on the T-shirts; please send us a vector file at the beginning of August.",
        "es",
    ),
)


def ask(service: Service) -> list[dict[str, Any]]:
    """The five messages, classified and translated."""
    rows = []
    with QuaysideClient(service.url) as client:
        for text, target in MESSAGES:
            understood, translated = client.classify(text), client.translate([text], target=target)
            compute_ms = understood["timing_ms"]["compute"] + translated["timing_ms"]["compute"]
            found = translated["translations"][0]
            rows.append({"text": text, "target": target, "understood": understood, "translation": found, "ms": compute_ms})
    return rows


def messages_table(rows: list[dict[str, Any]]) -> Table:
    """What came back, one message a row."""
    table = Table(title="Five messages", show_lines=True)
    for name, width in (("message", 40), ("translation", 40), ("understood", 30), ("ms", 6)):
        table.add_column(name, min_width=width if name != "ms" else None, justify="right" if name == "ms" else "left", overflow="fold")
    for row in rows:
        found, understood, route = row["translation"], row["understood"], row["understood"]["route"]
        way = f"{found['source']} > " + (f"{found['pivot']} > " if found["pivot"] else "") + row["target"]
        what = f"{understood['intent']} {understood['confidence']:.2f}\n{understood['sentiment']}, {understood['urgency']}"
        table.add_row(
            row["text"], f"[{way}]\n{found['text']}".replace("[", "\\["), f"{what}\n{route['action']}: {route['queue']}", f"{row['ms']:.0f}"
        )
    return table


@command
def main() -> str:
    """Start the service, send it five messages, print what came back, and stop it."""
    with STDERR.status("starting the service"), running_service(Path("training/bundles"), Path("eval/results/work/service.log")) as service:
        rows = ask(service)
    console = Console(width=140)
    console.print(messages_table(rows))
    typer.echo("Runs:    make mlflow    then http://127.0.0.1:5000")
    typer.echo("Report:  eval/results/report.html")
    typer.echo("Service: make serve     then http://127.0.0.1:3000/docs")
    return f"{len(rows)} messages answered, service ready in {service.ready_s:.1f} s"


if __name__ == "__main__":
    typer.run(main)
