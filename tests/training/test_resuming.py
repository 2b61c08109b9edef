"""A training that is stopped, killed or torn goes on from its last whole checkpoint, and ends as if nothing had happened.

The trainings are those of the `world` fixture once more, so that its checkpoints are what must come out.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.schema import ROOT, Params
from data.records import file_sha256
from training import judging, marian, xlmr
from training.checkpoints import BusyError, StoppedError, all_checkpoints, claimed, is_whole
from training.trainer import CheckpointError

SAVED_EVERY = 10  # steps; no part of what a result follows from


@pytest.fixture
def params(world: Any) -> Params:
    """The world's, with more checkpoints, and with processes of their own for the samples, which changes nothing either."""
    return saving(world.params)


def saving(params: Params) -> Params:
    values = params.model_dump()
    for section in ("train_translation", "train_intents"):
        values[section]["running"] |= {"checkpoint_steps": SAVED_EVERY, "workers": 2}
    return Params.model_validate(values)


def folders(name: str) -> list[Path]:
    """The folders of unfinished trainings, below the current directory."""
    return sorted(path for path in Path("training/checkpoints", name).glob("*") if path.is_dir())


def loss_curve(file: Path) -> list[tuple[str, str, float]]:
    with file.open(newline="") as opened:
        return [(row["step"], row["name"], float(row["value"])) for row in csv.DictReader(opened)]


def same_training(found: Path, wanted: Path) -> None:
    """The same weights, the same curve."""
    assert file_sha256(found / "model.safetensors") == file_sha256(wanted / "model.safetensors")
    curve = loss_curve(wanted / "loss.csv")
    kept = [row for row in loss_curve(found / "loss.csv") if row in curve]
    assert kept == curve  # a stop adds a point where it saved
    assert len(curve) > 100


def at_step(monkeypatch: pytest.MonkeyPatch, judge: str, step: int, act: Any) -> None:
    """Do something in the evaluation of a step, once."""
    real, done = getattr(judging, judge).__call__, []

    def call(self: Any, model: Any, now: int) -> Any:
        if now == step and not done:
            done.append(now)
            act()
        return real(self, model, now)

    monkeypatch.setattr(getattr(judging, judge), "__call__", call)


def train(name: str, world: Any, params: Params) -> Path:
    out = Path("models") / name
    if name == "intents":
        xlmr.train(params, world.messages, out)
    else:
        marian.train(name, params, world.translation, out)
    return out


def stop() -> None:
    """Ctrl-C, which a terminal sends to every process."""
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    for process in (os.getpid(), *(worker.pid for worker in workers)):
        os.kill(process, signal.SIGINT)


@pytest.mark.parametrize(("name", "judge"), [("en-xx", "TranslationJudge"), ("intents", "IntentJudge")])
def test_ctrl_c_saves_and_the_same_command_goes_on_in_the_same_run(
    name: str, judge: str, world: Any, params: Params, mlflow_up: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_step(monkeypatch, judge, 30, stop)
    with pytest.raises(StoppedError, match=rf"^train {name}: stopped after step 31 of 60; the same command goes on from there$"):
        train(name, world, params)
    assert "stopping after this step; once more: at once" in capsys.readouterr().err
    experiment = mlflow_up.get_experiment_by_name("quayside").experiment_id
    wanted = f"attributes.run_name = 'train {name} (demo)'"
    [run] = mlflow_up.search_runs([experiment], wanted, order_by=["attributes.start_time DESC"], max_results=1)
    assert run.info.status == "KILLED"
    same_training(train(name, world, params), world.models / name)
    assert f"train {name}: going on after step 31 of 60" in capsys.readouterr().err
    again = mlflow_up.get_run(run.info.run_id)
    assert again.info.status == "FINISHED"
    assert [point.step for point in mlflow_up.get_metric_history(run.info.run_id, "loss")][-1] == 60
    assert folders(name) == []  # nothing is left of a training that is done


def test_killed_with_its_whole_process_group_the_same_command_goes_on(
    world: Any, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/prepared").mkdir(parents=True)
    (tmp_path / "data/prepared/translation").symlink_to(world.translation)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params.model_dump()), encoding="utf-8")
    command = f"{sys.executable} -m training.train_translation xx-en; echo never reached"
    surroundings = os.environ | {
        "PYTHONPATH": str(ROOT),
        "QUAYSIDE_PARAMS": str(tmp_path / "params.yaml"),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }
    first = subprocess.Popen(["sh", "-c", command], env=surroundings, start_new_session=True, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("training/checkpoints/xx-en/*/checkpoint-20/whole.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    assert first.communicate()[0] == ""
    [folder] = folders("xx-en")
    newest = all_checkpoints(folder)[-1]
    (newest / "optimizer.pt").write_bytes((newest / "optimizer.pt").read_bytes()[:-100])  # as if it had been killed while it wrote
    again = subprocess.run([sys.executable, "-m", "training.train_translation", "xx-en"], env=surroundings, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"warning: {newest.relative_to('.')} is not whole and was removed" in again.stderr
    assert "train xx-en: going on after step " in again.stderr
    same_training(tmp_path / "training/models/xx-en", world.models / "xx-en")


def test_a_full_disk_is_told_and_the_last_whole_checkpoint_goes_on(
    world: Any, params: Params, mlflow_down: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    at_step(monkeypatch, "TranslationJudge", 30, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard)))
    try:
        with pytest.raises(CheckpointError) as error:
            train("en-xx", world, params)
        assert multiprocessing.active_children() == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    [folder] = folders("en-xx")
    assert str(error.value).startswith(f"{folder}/checkpoint-30 could not be written (")
    assert str(error.value).endswith("): free some space; the same command then goes on from the checkpoint before")
    assert [path.name for path in all_checkpoints(folder)] == ["checkpoint-10", "checkpoint-20"]
    assert all(map(is_whole, all_checkpoints(folder)))
    same_training(train("en-xx", world, params), world.models / "en-xx")


def test_two_of_the_same_training_at_once_are_refused(
    world: Any, params: Params, mlflow_down: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_step(monkeypatch, "TranslationJudge", 30, stop)
    with pytest.raises(StoppedError):
        train("en-xx", world, params)
    [folder] = folders("en-xx")
    with claimed(folder), pytest.raises(BusyError, match="another process runs the same training"):
        train("en-xx", world, params)


def test_other_parameters_are_another_training(world: Any, params: Params, mlflow_down: None, monkeypatch: pytest.MonkeyPatch) -> None:
    at_step(monkeypatch, "TranslationJudge", 30, stop)
    with pytest.raises(StoppedError):
        train("en-xx", world, params)
    other = params.model_copy(update={"seed": params.seed + 1})
    at_step(monkeypatch, "TranslationJudge", 30, stop)
    with pytest.raises(StoppedError, match="stopped after step 31 of 60"):
        train("en-xx", world, other)
    assert len(folders("en-xx")) == 2
