"""The comparison of trainers, as a table and a file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from eval import training_speed

FOUND: dict[str, Any] = {
    "model": "en-xx",
    "ways": {
        "ours": {"tokens_per_s": 2930.4, "padding_percent": 0.4, "waiting_for_data_percent": 1.8},
        "seq2seq_trainer": {"tokens_per_s": 1841.7, "padding_percent": 48.5, "waiting_for_data_percent": None},
    },
    "ratio_seq2seq_trainer": {"median": 1.75, "min": 1.59, "max": 2.24},
}


def run(*arguments: str) -> Any:
    app = Typer()
    app.command()(training_speed.main)
    return CliRunner().invoke(app, list(arguments))


def test_the_result_is_a_table_and_a_file_with_its_signature(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[list[str]] = []

    def measured(command: list[str], **_: Any) -> Any:
        if "training.speed" not in command:  # the signature asks git
            return real(command, **_)
        asked.append(command)
        return SimpleNamespace(returncode=0, stdout=f"{json.dumps(FOUND)}\n")

    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", measured)
    said = run("xx-en", "--steps", "20")
    assert said.exit_code == 0, said.output
    assert asked[0][1:] == ["-m", "training.speed", "xx-en", "--steps", "20", "--rounds", "5"]
    assert "| ours | 2,930 | 0.4 | 1.8 |\n| Seq2SeqTrainer | 1,842 | 48.5 |  |" in said.output
    assert "1.75 times as fast as Seq2SeqTrainer (1.59 to 2.24 in 5 rounds)" in said.output
    written = json.loads((tmp_path / training_speed.OUT).read_text())
    assert written["command"] == "python -m eval.training_speed xx-en --steps 20 --rounds 5"
    assert {"data", "bundles", "git", "machine", "versions"} <= written["signature"].keys()


def test_a_measurement_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1, stdout=""))
    said = run()
    assert said.exit_code == 1
    assert "error: the measurement failed; what it said stands above" in said.output
