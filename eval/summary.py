"""The report's main numbers as a Markdown table with their signature: the table of the README.

Reads   eval/results/report.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from data.console import command
from eval.reporting import REPORT, read_report
from eval.signature import one_line

LOADS = {"translate_terms": "translate with a glossary", "translate_strict": "translate with strict terms"}


def markdown(report: Mapping[str, Any]) -> str:
    """The table, one measure a row, and the signature below it."""
    measured = [*_translation(report), *_terms(report), *_forgetting(report), *_intents(report), *_latency(report)]
    rows = [("measure", "value", "beside"), ("---", "---", "---"), *measured]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n\nSignature: {one_line(report['signature'])}"


def _translation(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Scores (chrF) of each pair with a model of its own, and the pivoted pairs together."""
    pairs = report["translation"]
    rows = [
        (
            f"chrF {name}, seen patterns (held-out patterns / by hand)",
            f"{_score(score, 'chrf')} ({_score(score, 'chrf_held_out')} / {_score(score, 'chrf_unseen')})",
            f"{_score(score, 'tm_baseline_chrf')} ({_score(score, 'tm_baseline_chrf_held_out')}) translation memory",
        )
        for name, score in pairs.items()
        if score["direct"]
    ]
    pivoted = [score for score in pairs.values() if not score["direct"]]
    return rows + ([_pivoted(pivoted)] if pivoted else [])


def _pivoted(scores: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """The pairs by way of English together; a pair with a leg that was not measured has no share of it."""
    mean = sum(score["chrf"] for score in scores) / len(scores)
    shares = [score["pivot_share"] for score in scores if "pivot_share" in score]
    beside = f"at least {min(shares):.0f} % of the weaker leg" if shares else ""
    return f"chrF, mean of {len(scores)} pairs through English", f"{mean:.1f}", beside


def _terms(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """How glossaries are obeyed, the mean of the pairs and the worst one; terms that no training text has."""
    pairs = {name: found for name, found in report.get("terms", {}).items() if "proper" in found}
    rows = []
    for key, what in (("proper", "with a glossary"), ("random", "permuted translations"), ("strict", "strict"), ("inflected", "inflected")):
        values = {name: found[key] for name, found in pairs.items() if key in found}
        if values:
            worst = min(values, key=lambda name: values[name])
            mean = sum(values.values()) / len(values)
            rows.append((f"unknown terms, %, {what}, mean of {len(values)} pairs", f"{mean:.1f}", f"worst {worst} {values[worst]:.1f}"))
    return rows


def _forgetting(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Scores of each fine-tuned pair on the test part and on general text, beside those of its base."""
    return [
        (
            f"chrF {name}, fine-tuned, seen patterns (general text)",
            f"{_score(found, 'chrf')} ({_score(found, 'chrf_general')})",
            f"{_score(found, 'chrf_base')} ({_score(found, 'chrf_general_base')}) the base",
        )
        for name, found in report.get("forgetting", {}).items()
    ]


def _score(scores: Mapping[str, Any], key: str) -> str:
    """A score to one decimal; a dash for a part that users' data alone does not have."""
    return f"{scores[key]:.1f}" if scores.get(key) is not None else "–"


def _intents(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = report["intents"]
    what = f"intents, macro-F1, {found['messages']} messages in {len(found['by_language'])} languages"
    return [(what, f"{found['macro_f1']:.1f}", f"{found['baseline_macro_f1']:.1f} TF-IDF with logistic regression")]


def _latency(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    rows = [
        (f"{LOADS.get(kind, kind)}, p95 at {found['rate_per_s']:g} requests/s, ms", f"{found['p95_ms']:.1f}", _beside(found))
        for kind, found in report["latency"].items()
    ]
    serving = report["serving"]
    return [*rows, ("start to ready, s", f"{serving['ready_s']:.1f}", f"{serving['rss_mb']:.0f} MB resident")]


def _beside(found: Mapping[str, Any]) -> str:
    """What a time under load is to be seen beside: transformers' time, or that of the same requests without a glossary."""
    if "ratio_transformers" in found:
        return f"one at a time {found['ratio_transformers']:.1f} x faster than transformers"
    return f"{found['ratio_p95']:.2f} of that without a glossary"


@command
def main() -> str:
    """Print the report's main numbers as a Markdown table."""
    typer.echo(markdown(read_report(REPORT)))
    return f"from {REPORT}"


if __name__ == "__main__":
    typer.run(main)
