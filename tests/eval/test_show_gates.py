import json

import pytest

from eval.gates import Verdict
from eval.show_gates import as_json, as_table, number, verdict_line

SIGNATURE = {
    "data": "d" * 64,
    "bundles": {"en-xx": "b" * 64},
    "git": "abc",
    "machine": {"architecture": "x86_64", "processor": "P", "flags": ["avx2"], "cores": 2},
    "versions": {"onnxruntime": "1.31.1"},
}
HOLDS = Verdict("chrF en-de", 61.234, "at_least", 55.0, True)
BREAKS = Verdict("translate, p95, ms", 151.0, "at_most", 150.0, False)
MISSING = Verdict("failed", None, "equals", 0.0, False, "missing: latency.translate.failed")
SKIPPED = Verdict("ready", 9.0, "at_most", 12.0, None, "skipped (machine class a, the gate is for b)")


def test_the_table_has_one_aligned_line_for_each_gate_and_the_signature(capsys):
    import typer

    typer.echo(as_table([HOLDS, BREAKS, MISSING, SKIPPED], SIGNATURE))  # no terminal here: echo drops the colours
    assert capsys.readouterr().out.splitlines() == [
        "ok       chrF en-de           61.23  >= 55.00",
        "BROKEN   translate, p95, ms  151.00  <= 150.00",
        "BROKEN   failed                   -  == 0.00    missing: latency.translate.failed",
        "skipped  ready                 9.00  <= 12.00   skipped (machine class a, the gate is for b)",
        f"signature: data {'d' * 10} | bundles en-xx {'b' * 10} | git abc | P (x86_64-2c-avx2) | onnxruntime 1.31.1",
    ]


def test_the_last_line_names_each_broken_gate():
    assert verdict_line([HOLDS, BREAKS, MISSING, SKIPPED]) == "2 of 3 gates broken, 1 skipped: translate, p95, ms; failed"
    assert verdict_line([HOLDS, SKIPPED]) == "all 1 gates hold, 1 skipped"
    assert verdict_line([HOLDS]) == "all 1 gates hold"


def test_the_json_has_the_rows():
    rows = json.loads(as_json([HOLDS, MISSING, SKIPPED]))
    assert [(row["name"], row["measured"], row["limit"], row["ok"]) for row in rows] == [
        ("chrF en-de", 61.234, 55.0, True),
        ("failed", None, 0.0, False),
        ("ready", 9.0, 12.0, None),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(61.234, "61.23"), (0.0, "0.00"), (0.001, "1.0e-03"), (-0.0004, "-4.0e-04"), (1234.5, "1,234.50"), (None, "-")]
)
def test_numbers_keep_what_they_say(value, text):
    assert number(value) == text
