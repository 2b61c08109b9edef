import json

import pytest
import typer
from typer.testing import CliRunner

from eval import report as stage
from eval.signature import one_line

APP = typer.Typer()
APP.command()(stage.main)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """The stage in an empty folder; what it records in MLflow is kept here instead."""
    calls = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "record", lambda report, files: calls.append((report, files)))
    return calls


def test_the_stage_writes_the_report_and_the_page_and_records_both(recorded, tmp_path):
    work = tmp_path / "eval" / "results" / "work"
    work.mkdir(parents=True)
    (work / "intents.json").write_text(json.dumps({"intents": {"macro_f1": 99.75}}))
    counts = {"parts": {"train": {"de": 1234}}, "sources": {}}
    prepared = tmp_path / "data" / "prepared" / "intents"
    prepared.mkdir(parents=True)
    (prepared / "counts.json").write_text(json.dumps(counts))
    said = CliRunner().invoke(APP, [])
    assert said.exit_code == 0
    assert said.stdout.startswith("eval/results/report.json and report.html: 2 numbers, 0 language pairs; not measured: translation")
    report = json.loads((tmp_path / "eval/results/report.json").read_text())
    assert report["intents"] == {"macro_f1": 99.75}
    assert report["data"] == {"intents": counts}
    assert report["profile"]
    assert {gate["name"]: gate["ok"] for gate in report["gates"]}["intents, macro-F1"] is True
    assert sum(gate["ok"] is False for gate in report["gates"]) > 20  # all that was not measured; and still exit code 0
    assert set(report["signature"]) == {"data", "bundles", "git", "machine", "versions"}
    page = (tmp_path / "eval/results/report.html").read_text()
    assert "99.75" in page
    assert "1,234" in page
    assert one_line(report["signature"]).split(" | ")[0] in page
    assert [(found, [file.name for file in files]) for found, files in recorded] == [(report, ["report.json", "report.html"])]


def test_without_measurements_it_says_so_and_writes_nothing(recorded, tmp_path):
    said = CliRunner().invoke(APP, [])
    assert said.exit_code == 1
    assert "error: eval/results/work holds no measurements" in said.output
    assert not (tmp_path / "eval" / "results" / "report.json").exists()
    assert recorded == []
