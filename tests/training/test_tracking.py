"""Runs are recorded whole; what cannot be recorded is said, and stops nothing."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
from filelock import FileLock, Timeout

from configs.schema import ROOT, load_params
from training import tracking

DEMO = ROOT / "configs/profiles/demo.yaml"
OTHER = "none of the profiles"  # whose parameters are not the active ones, so that a run of it has no parent


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
            return MagicMock()

        return call


START = (
    *("set_tracking_uri", "get_experiment_by_name", "set_experiment", "set_system_metrics_sampling_interval", "start_run"),
    "log_artifacts",
)


class EndedEarlyError(RuntimeError):
    """An exception that says how its run ended."""

    mlflow_status = "KILLED"


@pytest.fixture(autouse=True)
def _demo_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(DEMO))
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)


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
        run.table("samples", [{"source": "Hallo", "chrf": 50.0}])
        run.folder(tmp_path / "model", "model")
        run.file(tmp_path / "model" / "weights.txt")

    return record


@pytest.fixture
def changed_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit, and the file that it holds, not in UTF-8, changed since."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "notes.txt").write_bytes("größer\n".encode("latin-1"))
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "first"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    (folder / "notes.txt").write_bytes("kleiner als größer\n".encode("latin-1"))
    monkeypatch.setattr(tracking, "ROOT", folder)
    return folder


def artifact(client: Any, run_id: str | None, name: str) -> bytes:
    return Path(client.download_artifacts(run_id, name)).read_bytes()


def test_a_run_is_recorded_whole(
    mlflow_up: Any, everything: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_STAGE", "train_translation@en-xx")
    monkeypatch.setenv("DVC_EXP_NAME", "wooly-sari")
    monkeypatch.setattr(tracking, "git_diff", lambda: b"")
    with tracking.run("train en-xx", kind="train", profile="demo") as run:
        everything(run)
    found = mlflow_up.get_run(run.id)
    assert (found.info.run_name, found.info.status) == ("train en-xx (demo)", "FINISHED")
    assert mlflow_up.get_experiment(found.info.experiment_id).tags["mlflow.experimentKind"] == "custom_model_development"
    assert found.data.params == {"seed": "7", "optimizer.steps": "12"}
    assert [(point.step, point.value) for point in mlflow_up.get_metric_history(run.id, "loss")] == [(1, 3.0), (2, 1.5)]
    wanted = {"kind": "train", "profile": "demo", "dvc.stage": "train_translation@en-xx", "dvc.experiment": "wooly-sari", "note": "first"}
    assert wanted.items() <= found.data.tags.items()
    assert found.data.tags["git.revision"] == tracking.git_revision()
    assert shlex.split(found.data.tags["command"]) == sys.orig_argv
    assert found.data.tags["data.translation.sha256"] == "ab" * 32
    [data] = found.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("translation", ("ab" * 32)[:32])
    assert {file.path for file in mlflow_up.list_artifacts(run.id)} == {"model", "weights.txt", "samples.json", "environment.txt"}
    assert [file.path for file in mlflow_up.list_artifacts(run.id, "model")] == ["model/weights.txt"]
    assert "warning" not in capsys.readouterr().err


def test_glossaries_are_recorded_by_version_whatever_their_industries_are_called(
    mlflow_up: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with tracking.run("train en-xx", kind="train", profile="demo") as run:
        run.glossaries({})
        run.glossaries({"machinery": "339e30092d5b", "R&D: Öl//机械": "1bdad06bc022"})
    expected = {"glossary.machinery": "339e30092d5b", "glossary.R_D_ Öl__机械": "1bdad06bc022"}
    assert mlflow_up.get_run(run.id).data.params == expected
    assert "warning" not in capsys.readouterr().err


def test_what_a_run_was_started_on_is_recorded(mlflow_up: Any, changed_repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = MagicMock()
    torch.cuda.device_count.return_value = 2
    torch.cuda.get_device_name = lambda device: f"Chip {device}"
    monkeypatch.setitem(sys.modules, "torch", torch)
    with tracking.run("report", kind="report", profile=OTHER) as run:
        pass
    tags = mlflow_up.get_run(run.id).data.tags
    assert tags["environment.gpu"] == "Chip 0, Chip 1"
    assert int(tags["environment.cores"]) >= 1
    assert tags["environment.python"] == sys.version.split()[0]
    assert tags["environment.processor"]
    assert tags["environment.platform"]
    assert tags["version.mlflow"] == __import__("mlflow").__version__
    assert tags["git.revision"].endswith("-dirty")
    assert f"mlflow=={tags['version.mlflow']}" in artifact(mlflow_up, run.id, "environment.txt").decode().splitlines()
    patch = artifact(mlflow_up, run.id, "git.diff")
    assert "+kleiner als größer\n".encode("latin-1") in patch
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=changed_repository, check=True)
    subprocess.run(["git", "apply", "-"], cwd=changed_repository, input=patch, check=True)
    assert (changed_repository / "notes.txt").read_bytes() == "kleiner als größer\n".encode("latin-1")


def test_a_long_difference_is_cut_and_says_so(changed_repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tracking.git_diff()
    monkeypatch.setattr(tracking, "LARGEST_DIFF", 20)
    assert tracking.git_diff() == whole[:20] + f"\n[cut: the first 20 of {len(whole)} bytes]\n".encode()


def test_without_torch_imported_no_gpu_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert tracking.surroundings()["environment.gpu"] == ""
    assert "torch" not in sys.modules
    assert tracking.surroundings()["version.torch"].startswith("2.")


def test_packages_that_are_not_installed_have_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "PACKAGES", ("mlflow", "no-such-package"))
    assert [name for name in tracking.surroundings() if name.startswith("version.")] == ["version.mlflow"]


def test_runs_with_the_same_parameters_lie_under_one_parent(mlflow_up: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by profile and hash; other parameters, and another experiment of DVC's, have another."""
    altered = tmp_path / "params.yaml"
    altered.write_text(DEMO.read_text(encoding="utf-8").replace("seed: 7", "seed: 11"), encoding="utf-8")

    def parent(name: str) -> Any:
        with tracking.run(name, kind="train", profile="demo") as run:
            pass
        tags = mlflow_up.get_run(run.id).data.tags
        above = mlflow_up.get_run(tags["mlflow.parentRunId"])
        assert tags["params.sha256"] == above.data.tags["params.sha256"]
        return above

    first, second = parent("train en-xx"), parent("train xx-en")
    digest = tracking.parameters_sha256(load_params(DEMO))
    assert second.info.run_id == first.info.run_id
    assert (first.info.run_name, first.info.status) == (f"demo {digest[:8]}", "FINISHED")
    assert {"kind": "parameters", "profile": "demo", "params.sha256": digest}.items() <= first.data.tags.items()
    assert first.data.params["prepare_translation.languages"] == "en, zh, de, es"
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(altered))
    assert parent("train en-xx").info.run_id != first.info.run_id
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(DEMO))
    monkeypatch.setenv("DVC_EXP_NAME", "wooly-sari")
    tried = parent("train en-xx")
    assert tried.info.run_name == f"demo {digest[:8]} wooly-sari"
    assert parent("train xx-en").info.run_id == tried.info.run_id


def test_a_run_whose_parameters_are_not_the_active_ones_has_no_parent(
    mlflow_up: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking.run("train en-xx", kind="train", profile=OTHER) as other:
        pass
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(tmp_path / "missing.yaml"))
    with tracking.run("train en-xx", kind="train", profile="demo") as missing:
        pass
    for run in (other, missing):
        assert not {"mlflow.parentRunId", "params.sha256"} & mlflow_up.get_run(run.id).data.tags.keys()


def test_the_hash_of_parameters_is_that_of_what_they_say() -> None:
    params = load_params(DEMO)
    section = params.train_translation

    def with_bases(bases: dict[str, str]) -> str:
        return tracking.parameters_sha256(params.model_copy(update={"train_translation": section.model_copy(update={"bases": bases})}))

    assert with_bases({"en-xx": "a", "xx-en": "b"}) == with_bases({"xx-en": "b", "en-xx": "a"})
    assert len({with_bases({}), with_bases({"en-xx": "a"}), with_bases({"en-xx": "b"})}) == 3


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("loss is nan"), "FAILED", "ValueError: loss is nan"),
        (ValueError(), "FAILED", "ValueError"),
        (SystemExit("no space left"), "FAILED", "SystemExit: no space left"),
        (KeyboardInterrupt(), "KILLED", "KeyboardInterrupt"),
        (EndedEarlyError("told to, after step 40"), "KILLED", "EndedEarlyError: told to, after step 40"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_that_does_not_finish_says_why(mlflow_up: Any, error: BaseException, status: str, reason: str) -> None:
    with pytest.raises(type(error)), tracking.run("train en-xx", kind="train", profile=OTHER) as run:
        raise error
    found = mlflow_up.get_run(run.id)
    assert (found.info.status, found.data.tags["failure"]) == (status, reason)


def test_a_run_is_resumed(mlflow_up: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "git_diff", lambda: b"")
    monkeypatch.setattr(tracking, "git_revision", lambda: "before")
    parameters = {"seed": 7, "layers": ["q_proj", "fc1"], "text": "x" * 9_000}

    def train(run: tracking.Run, step: int) -> None:
        run.params(parameters)
        run.metrics({"loss": 4.0 - step}, step=step)
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), tracking.run("train en-xx", kind="train", profile="demo") as before:
        train(before, 1)
    monkeypatch.setattr(tracking, "git_revision", lambda: "after")
    with tracking.run("train en-xx", kind="train", profile="demo", resume=before.id) as after:
        assert mlflow_up.get_run(before.id).info.status == "RUNNING"
        train(after, 2)
    found = mlflow_up.get_run(before.id)
    assert after.id == before.id
    assert (found.info.run_name, found.info.status) == ("train en-xx (demo)", "FINISHED")
    assert [(point.step, point.value) for point in mlflow_up.get_metric_history(after.id, "loss")] == [(1, 3.0), (2, 2.0)]
    assert "failure" not in found.data.tags
    wanted = {"git.revision": "before", "resumed.git.revision": "after", "resumed.after": "KeyboardInterrupt"}
    assert wanted.items() <= found.data.tags.items()
    assert {file.path for file in mlflow_up.list_artifacts(after.id)} == {"environment.txt", "resumed.environment.txt"}
    assert "warning" not in capsys.readouterr().err


def test_parameters_that_change_are_said_and_keep_their_first_value(mlflow_up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking.run("train en-xx", kind="train", profile=OTHER) as before:
        before.params({"seed": 7, "steps": 10})
    with tracking.run("train en-xx", kind="train", profile=OTHER, resume=before.id) as after:
        after.params({"seed": 8, "steps": 10, "threads": 2})
        after.metrics({"loss": 2.0})
    found = mlflow_up.get_run(before.id)
    assert found.data.params == {"seed": "7", "steps": "10", "threads": "2"}
    assert found.data.metrics["loss"] == 2.0
    assert found.data.tags["params.changed"] == "seed: 7 -> 8"
    [said] = capsys.readouterr().err.splitlines()
    assert said == "warning: MLflow keeps the first values of run 'train en-xx' for seed: 7 -> 8"


@pytest.mark.parametrize("gone", ["never there", "0" * 32, "deleted", "elsewhere"])
def test_a_run_that_cannot_be_resumed_is_said_and_a_new_one_started(
    mlflow_up: Any, gone: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = gone
    if gone in ("deleted", "elsewhere"):
        if gone == "elsewhere":
            monkeypatch.setattr(tracking, "EXPERIMENT", "another experiment")
        with tracking.run("train en-xx", kind="train", profile=OTHER) as old:
            pass
        run_id = str(old.id)
        monkeypatch.setattr(tracking, "EXPERIMENT", "quayside")
        if gone == "deleted":
            mlflow_up.delete_run(run_id)
    with tracking.run("train en-xx", kind="train", profile=OTHER, resume=run_id) as run:
        run.metrics({"loss": 1.0})
    found = mlflow_up.get_run(run.id)
    assert run.id != run_id
    assert (found.info.status, found.data.metrics["loss"]) == ("FINISHED", 1.0)
    assert not [name for name in found.data.tags if name.startswith("resumed.")]
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith(f"warning: MLflow has no run '{run_id}' to resume")


def test_rows_are_added_to_a_table(mlflow_up: Any) -> None:
    with tracking.run("train en-xx", kind="train", profile=OTHER) as run:
        run.table("validation_samples", [])
        run.table("validation_samples", [{"step": 1, "source": "Größe 7", "chrf": 10.5}, {"step": 1, "source": "没有", "chrf": 0.0}])
        run.table("validation_samples", [{"step": 2, "source": "Größe 7", "chrf": 20.0, "note": "better"}])
    table = json.loads(artifact(mlflow_up, run.id, "validation_samples.json"))
    assert table["columns"] == ["step", "source", "chrf", "note"]
    assert table["data"] == [[1, "Größe 7", 10.5, None], [1, "没有", 0.0, None], [2, "Größe 7", 20.0, "better"]]


def test_many_and_long_parameters_are_recorded(mlflow_up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"key{number}": number for number in range(250)}
    with tracking.run("train en-xx", kind="train", profile=OTHER) as run:
        run.params({**many, "text": "x" * 9_000, "layers": ["q_proj", "fc1"], "sources": [{"path": "Köln.tsv"}], "none": [], "base": None})
    found = mlflow_up.get_run(run.id).data.params
    assert len(found) == 255
    assert len(found["text"]) == 6_000
    assert found["text"].endswith("x ... (9,000 characters)")
    assert (found["layers"], found["sources"], found["none"], found["base"]) == ("q_proj, fc1", '[{"path": "Köln.tsv"}]', "[]", "None")
    assert capsys.readouterr().err == ""


def test_a_run_that_mlflow_would_not_go_on_recording_is_ended_all_the_same(mlflow_up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Else it stays open, and takes what the next run of the process records."""
    with tracking.run("first", kind="train", profile=OTHER) as first:
        first.metrics({"loss, or not?": 7})  # MLflow takes no such name
        first.metrics({"loss": 1.0})
    with tracking.run("second", kind="train", profile=OTHER) as second:
        second.metrics({"loss": 2.0})
    assert mlflow_up.get_run(first.id).info.status == "FINISHED"
    assert mlflow_up.get_run(second.id).data.metrics["loss"] == 2.0
    said = capsys.readouterr().err
    assert "warning: MLflow does not record run 'first': MlflowException:" in said
    assert "not recorded in MLflow for run 'first': metrics (2); because: MlflowException:" in said
    assert "'second'" not in said


@pytest.fixture
def local_store(mlflow_up: Any, mlflow_store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The store that runs go to without a URI, and its folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setattr(tracking, "LOCAL_URI", mlflow_store)
    monkeypatch.setattr(tracking, "STORE", tmp_path / ".mlflow")
    monkeypatch.setattr(tracking, "EXPERIMENT", "quayside by default")
    return tmp_path / ".mlflow"


def test_without_a_uri_runs_go_to_the_repository(mlflow_up: Any, local_store: Path) -> None:
    with tracking.run("report", kind="report", profile="demo") as run:
        run.tag("note", "here")
    found = mlflow_up.get_run(run.id)
    assert found.data.tags["note"] == "here"
    assert found.info.artifact_uri.startswith((local_store / "artifacts").as_uri())


def test_processes_that_start_side_by_side_look_for_the_parent_one_after_another(
    local_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look: Callable[..., str] = tracking._parent
    waited = []

    def while_another_waits(*arguments: Any) -> str:
        with pytest.raises(Timeout):
            FileLock(local_store / "opening.lock", timeout=0).acquire()
        waited.append(arguments)
        return look(*arguments)

    monkeypatch.setattr(tracking, "_parent", while_another_waits)
    with tracking.run("report", kind="report", profile="demo") as run:
        pass
    assert len(waited) == 1
    assert run.report_missed() == ""


@pytest.mark.parametrize("resume", [None, "0" * 32])
def test_mlflow_that_is_down_stops_nothing(
    mlflow_down: None, everything: Any, resume: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with tracking.run("train en-xx", kind="train", profile="demo", resume=resume) as run:
        everything(run)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: MLflow does not record run 'train en-xx': MlflowException: API request to http://127.0.0.1:9/")
    missed = (
        "artifact model (1), artifact weights.txt (1), datasets (1), metrics (2), parameters (1), table samples (1), tags (1), "
        "the end (1), the run itself (1)"
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
    with tracking.run("train en-xx", kind="train", profile=OTHER) as run:
        everything(run)
    assert run.report_missed().endswith("because: OSError: disk full in " + ("log_params" if works else "set_tracking_uri"))
    assert capsys.readouterr().err.count("warning:") == 2
    assert broken.called == ([*START, "log_params", "end_run FINISHED"] if works else ["set_tracking_uri"])


def test_where_all_was_recorded_nothing_is_missed() -> None:
    assert tracking.Run("report").report_missed() == ""


def test_a_run_that_is_not_recorded_touches_nothing(mlflow_down: None, everything: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = tracking.UnrecordedRun("train en-xx")
    everything(run)
    assert (run.id, run.report_missed(), capsys.readouterr().err) == (None, "", "")


def test_flatten_joins_keys_with_dots() -> None:
    assert tracking.flatten({"a": 1, "b": {"c": {"d": [2, 3]}, "e": None}}) == {"a": 1, "b.c.d": [2, 3], "b.e": None}


def test_outside_of_git_the_revision_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (tracking.git_revision(), tracking.git_diff()) == ("unknown", b"")


def test_without_git_the_revision_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (tracking.git_revision(), tracking.git_diff()) == ("unknown", b"")
