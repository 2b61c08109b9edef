import json
import subprocess
import sys

import pytest
import typer
import yaml
from typer.testing import CliRunner

from configs.schema import ROOT
from eval.gate import main

APP = typer.Typer()
APP.command()(main)
SIGNATURE = {
    "data": "d" * 64,
    "bundles": {},
    "git": "abc",
    "machine": {"architecture": "x86_64", "processor": "P", "flags": [], "cores": 2},
    "versions": {},
}
RULES = [
    {"name": "quality", "measure": "intents.macro_f1", "at_least": 55.0},
    {"name": "failures", "measure": "latency.classify.failed", "equals": 0},
    {"name": "speed", "measure": "latency.classify.p95_ms", "at_most": 25.0, "machine": "riscv-*"},
]


@pytest.fixture
def gate(tmp_path):
    """Runs the command on a report with these numbers; returns what it said, and the report as it stands afterwards."""
    report, gates = tmp_path / "report.json", tmp_path / "gates.yaml"
    gates.write_text(yaml.safe_dump({"gates": RULES}))

    def run(macro_f1: float | None, *options: str, text: str | None = None):
        content = {"intents": {"macro_f1": macro_f1}, "latency": {"classify": {"failed": 0, "p95_ms": 99.0}}, "signature": SIGNATURE}
        report.write_text(text if text is not None else json.dumps(content))
        said = CliRunner().invoke(APP, ["--report", str(report), "--gates", str(gates), *options])
        return said, report

    return run


def test_all_gates_hold(gate):
    said, report = gate(60.0)
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ok", "ok", "skipped"]
    assert lines[3].startswith("signature: data dddddddddd | ")
    assert lines[4].startswith("all 2 gates hold, 1 skipped (")
    assert len(lines) == 5
    rows = json.loads(report.read_text())["gates"]
    assert [(row["name"], row["measured"], row["limit"], row["ok"]) for row in rows] == [
        ("quality", 60.0, 55.0, True),
        ("failures", 0.0, 0.0, True),
        ("speed", 99.0, 25.0, None),
    ]


def test_a_broken_gate_is_exit_code_1_and_named_in_the_last_line(gate):
    said, report = gate(54.0)
    assert said.exit_code == 1
    assert said.stdout.splitlines()[-1] == "1 of 2 gates broken, 1 skipped: quality"
    assert [row["ok"] for row in json.loads(report.read_text())["gates"]] == [False, True, None]


@pytest.mark.parametrize("number", [None, float("nan"), float("inf")])
def test_a_number_that_is_none_breaks_its_gate(gate, number):
    said, report = gate(number)
    assert said.exit_code == 1
    assert "missing: intents.macro_f1" in said.stdout
    assert json.loads(report.read_text())["gates"][0]["measured"] is None


def test_the_rest_of_the_report_stays_and_the_gates_are_judged_anew(gate):
    gate(54.0)
    said, report = gate(60.0)
    content = json.loads(report.read_text())
    assert said.exit_code == 0
    assert content["latency"] == {"classify": {"failed": 0, "p95_ms": 99.0}}
    assert content["signature"] == SIGNATURE
    assert len(content["gates"]) == 3


def test_a_report_already_judged_is_not_touched(gate):
    _, report = gate(60.0)
    judged = report.read_text()
    said, report = gate(60.0, text=json.dumps(json.loads(judged)))  # the same content, written otherwise
    assert said.exit_code == 0
    assert report.read_text() == json.dumps(json.loads(judged))


@pytest.mark.parametrize(
    ("macro_f1", "code", "line"), [(60.0, 0, "all 2 gates hold"), (54.0, 1, "1 of 2 gates broken, 1 skipped: quality")]
)
def test_json_on_stdout_is_only_json(gate, macro_f1, code, line):
    said, _ = gate(macro_f1, "--json")
    assert said.exit_code == code
    assert [row["name"] for row in json.loads(said.stdout)] == ["quality", "failures", "speed"]
    assert said.stderr.startswith(line)


def test_a_report_that_cannot_be_used_is_one_sentence(gate, tmp_path):
    said, _ = gate(None, text="[]")
    assert (said.exit_code, "report.json: holds list, expected an object of sections" in said.output) == (1, True)
    said, _ = gate(None, text="{")
    assert (said.exit_code, "report.json: not JSON: " in said.output) == (1, True)
    said, _ = gate(None, text="{}")
    assert (said.exit_code, "report.json: has no signature, and no number counts without one" in said.output) == (1, True)
    said, _ = gate(60.0, "--report", str(tmp_path / "none.json"))
    assert (said.exit_code, "none.json: no such file; `python -m eval.report` makes it" in said.output) == (1, True)


def test_gates_that_cannot_be_read_are_told(gate, tmp_path):
    said, report = gate(60.0, "--gates", str(tmp_path / "none.yaml"))
    assert (said.exit_code, "none.yaml: no such file" in said.output) == (1, True)
    assert "gates" not in json.loads(report.read_text())


def test_as_a_program_it_ends_with_the_broken_gates_and_exit_code_1(gate, tmp_path):
    _, report = gate(54.0)
    said = subprocess.run(
        [sys.executable, "-m", "eval.gate", "--report", str(report), "--gates", str(tmp_path / "gates.yaml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert said.stdout.splitlines()[-1] == "1 of 2 gates broken, 1 skipped: quality"
    assert "\x1b" not in said.stdout
    assert said.stderr == ""
