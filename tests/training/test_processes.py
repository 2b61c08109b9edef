"""Several processes share each batch and train as one does."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.schema import ROOT

CONFIGS = ROOT / "configs/accelerate"
STEPS = 20


def losses(file: Path) -> dict[int, float]:
    with file.open(newline="") as opened:
        return {int(row["step"]): float(row["value"]) for row in csv.DictReader(opened) if row["name"] == "loss"}


@pytest.fixture
def work(world: Any, tmp_path: Path) -> dict[str, str]:
    """A folder with prepared data and parameters in which nothing is drawn in a step; the environment for commands in it."""
    values = world.params.model_dump()
    section = values["train_translation"]
    section["optimizer"] |= {"steps": STEPS, "dropout": 0.0, "evaluations": 1}
    section["target_piece_dropout"] = 0.0
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    (tmp_path / "data/prepared").mkdir(parents=True)
    (tmp_path / "data/prepared/translation").symlink_to(world.translation)
    own = {"PYTHONPATH": str(ROOT), "QUAYSIDE_PARAMS": str(tmp_path / "params.yaml"), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    return os.environ | own


def test_two_processes_have_the_loss_curve_of_one(work: dict[str, str], tmp_path: Path) -> None:
    curves = {}
    launch = ["-m", "accelerate.commands.launch", "--config_file", str(CONFIGS / "cpu.yaml"), "--main_process_port", "0"]
    for processes, command in {1: ["-m"], 2: [*launch, "-m"]}.items():
        asked = [sys.executable, *command, "training.train_translation", "en-xx"]
        done = subprocess.run(asked, cwd=tmp_path, env=work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("training/models/en-xx: ") == 1  # one of them speaks
        curves[processes] = losses(tmp_path / "training/models/en-xx/loss.csv")
    assert curves[1].keys() == curves[2].keys() == set(range(1, STEPS + 1))
    assert curves[1][1] - curves[1][STEPS] > 1  # it learns
    assert max(abs(curves[1][step] - curves[2][step]) for step in curves[1]) < 1e-2


def test_the_shipped_configurations_are_read_by_accelerate() -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    found = {path.stem: load_config_from_file(str(path)) for path in sorted(CONFIGS.glob("*.yaml"))}
    assert {name: str(config.distributed_type).rpartition(".")[2] for name, config in found.items()} == {
        "cpu": "MULTI_CPU",
        "fsdp": "FSDP",
        "gpus": "MULTI_GPU",
    }
