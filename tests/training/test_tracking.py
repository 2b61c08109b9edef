"""Runs are recorded whole; what cannot be recorded is said, and stops nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training import tracking


class BrokenMlflow(ModuleType):
    """Every call raises, from the start or, once `start_run` has worked, later."""

    def __init__(self, works: tuple[str, ...] = ()) -> None:
        super().__init__("mlflow")
        self.works = works
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            self.called.append(name if name != "end_run" else f"end_run {arguments[0]}")
            if name not in self.works:
                raise OSError(f"disk full in {name}")
            return type("Started", (), {"info": type("Info", (), {"run_id": "r1"})})

        return call


START = ("set_tracking_uri", "get_experiment_by_name", "set_experiment", "set_system_metrics_sampling_interval", "start_run")


@pytest.fixture
def everything(tmp_path: Path) -> Any:
    """Calls each method of a run once."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text("1 2 3")

    def record(run: tracking.Run) -> None:
        run.params({"seed": 7, "optimizer": {"steps": 12}})
        for step in (1, 2):
            run.metrics({"loss": 3.0 / step}, step=step)
        run.dataset("translation", tmp_path, "ab" * 32)
        run.tag("note", "first")
        run.folder(tmp_path / "model", "model")
        run.file(tmp_path / "model" / "weights.txt")

    return record


def test_a_run_is_recorded_whole(
    mlflow_up: Any, everything: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_STAGE", "train_translation@en-xx")
    monkeypatch.setenv("DVC_EXP_NAME", "wooly-sari")
    with tracking.run("train en-xx", kind="train", profile="demo") as run:
        everything(run)
    found = mlflow_up.get_run(run.id)
    assert (found.info.run_name, found.info.status) == ("train en-xx", "FINISHED")
    assert found.data.params == {"seed": "7", "optimizer.steps": "12"}
    assert [(point.step, point.value) for point in mlflow_up.get_metric_history(run.id, "loss")] == [(1, 3.0), (2, 1.5)]
    wanted = {"kind": "train", "profile": "demo", "dvc.stage": "train_translation@en-xx", "dvc.experiment": "wooly-sari", "note": "first"}
    assert wanted.items() <= found.data.tags.items()
    assert found.data.tags["git.revision"] == tracking.git_revision()
    assert found.data.tags["command"] == " ".join(sys.argv)
    assert found.data.tags["data.translation.sha256"] == "ab" * 32
    [data] = found.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("translation", ("ab" * 32)[:32])
    assert {file.path for file in mlflow_up.list_artifacts(run.id)} == {"model", "weights.txt"}
    assert [file.path for file in mlflow_up.list_artifacts(run.id, "model")] == ["model/weights.txt"]
    assert "warning" not in capsys.readouterr().err


def test_a_run_that_fails_is_marked_with_the_reason(mlflow_up: Any) -> None:
    with pytest.raises(ValueError, match="loss is nan"), tracking.run("train en-xx", kind="train", profile="demo") as run:
        raise ValueError("loss is nan")
    found = mlflow_up.get_run(run.id)
    assert found.info.status == "FAILED"
    assert found.data.tags["failure"] == "ValueError: loss is nan"


def test_a_run_that_is_stopped_is_marked_too(mlflow_up: Any) -> None:
    with pytest.raises(KeyboardInterrupt), tracking.run("train en-xx", kind="train", profile="demo") as run:
        raise KeyboardInterrupt
    assert mlflow_up.get_run(run.id).info.status == "FAILED"


def test_a_run_that_mlflow_would_not_go_on_recording_is_ended_all_the_same(mlflow_up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Else it stays open, and takes what the next run of the process records."""
    with tracking.run("first", kind="train", profile="demo") as first:
        first.params({"seed": 7})
        first.params({"seed": 8})  # MLflow lets no parameter change
        first.metrics({"loss": 1.0})
    with tracking.run("second", kind="train", profile="demo") as second:
        second.metrics({"loss": 2.0})
    assert mlflow_up.get_run(first.id).info.status == "FINISHED"
    assert mlflow_up.get_run(second.id).data.metrics["loss"] == 2.0
    said = capsys.readouterr().err
    assert "warning: MLflow does not record run 'first': MlflowException:" in said
    assert "not recorded in MLflow for run 'first': metrics (1), parameters (1); because: MlflowException:" in said
    assert "'second'" not in said


def test_without_a_uri_runs_go_to_the_repository(
    mlflow_up: Any, mlflow_store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setattr(tracking, "LOCAL_URI", mlflow_store)
    monkeypatch.setattr(tracking, "STORE", tmp_path / ".mlflow")
    monkeypatch.setattr(tracking, "EXPERIMENT", "quayside by default")
    with tracking.run("report", kind="report", profile="demo") as run:
        run.tag("note", "here")
    found = mlflow_up.get_run(run.id)
    assert found.data.tags["note"] == "here"
    assert found.info.artifact_uri.startswith((tmp_path / ".mlflow/artifacts").as_uri())


def test_mlflow_that_is_down_stops_nothing(mlflow_down: None, everything: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking.run("train en-xx", kind="train", profile="demo") as run:
        everything(run)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: MLflow does not record run 'train en-xx': MlflowException: API request to http://127.0.0.1:9/")
    missed = (
        "artifact model (1), artifact weights.txt (1), datasets (1), metrics (2), parameters (1), tags (1), the end (1), the run itself (1)"
    )
    assert last.startswith(f"warning: not recorded in MLflow for run 'train en-xx': {missed}; because: MlflowException")
    assert run.id is None


def test_the_body_s_own_error_comes_through_when_mlflow_is_down(mlflow_down: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"^loss is nan$"), tracking.run("train en-xx", kind="train", profile="demo"):
        raise ValueError("loss is nan")
    assert capsys.readouterr().err.count("warning:") == 2


@pytest.mark.parametrize("works", [(), START], ids=["from the start", "later"])
def test_nothing_raises_whatever_mlflow_raises(
    works: tuple[str, ...], everything: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = BrokenMlflow(works)
    monkeypatch.setitem(sys.modules, "mlflow", broken)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    with tracking.run("train en-xx", kind="train", profile="demo") as run:
        everything(run)
    assert run.report_missed().endswith("because: OSError: disk full in " + ("log_params" if works else "set_tracking_uri"))
    assert capsys.readouterr().err.count("warning:") == 2
    assert broken.called == ([*START, "log_params", "end_run FINISHED"] if works else ["set_tracking_uri"])


def test_where_all_was_recorded_nothing_is_missed() -> None:
    assert tracking.Run("report").report_missed() == ""


def test_flatten_joins_keys_with_dots() -> None:
    assert tracking.flatten({"a": 1, "b": {"c": {"d": [2, 3]}, "e": None}}) == {"a": 1, "b.c.d": [2, 3], "b.e": None}


def test_outside_of_git_the_revision_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert tracking.git_revision() == "unknown"
