"""What differs between two runs is told, for people and for programs; a run that is not there, in one sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from configs.schema import ROOT
from eval.stats import paired_bootstrap_interval
from training import comparing, tracking

EXPERIMENT = "compared"
TITLES = ["Parameters that differ", "What they ran on, and how they ended", "Metrics, last values", "Validation sentences"]
FIRST_CHRF, SECOND_CHRF = (40.0, 50.0, 60.0, 70.0), (45.0, 50.0, 75.0, 69.0)


def rows(step: int, chrf: tuple[float, ...], other: float = 0.0) -> list[dict[str, Any]]:
    """Sentences as validation translations are recorded, one of them twice, into two languages."""
    sources = [("Where is it?", "Wo ist sie?"), ("Where is it?", "¿Dónde está?"), ("Thanks.", "Danke."), ("[b]Hello[/b]", "Hallo")]
    shared = [{"step": step, "source": s, "reference": r, "translation": r, "chrf": c} for (s, r), c in zip(sources, chrf, strict=True)]
    return [*shared, {"step": step, "source": f"only at {other}", "reference": "x", "translation": "x", "chrf": 0.0}]


@pytest.fixture(scope="module")
def ids(mlflow_store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Runs in an experiment of their own: two trainings of one name, an evaluation, an older training that has the newest one's name."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("compared"))
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_store)
        patch.setattr(tracking, "EXPERIMENT", EXPERIMENT)
        for key, revision, steps, chrf in (("first", "aaaa", 10, FIRST_CHRF), ("second", "bbbb", 20, SECOND_CHRF)):
            patch.setattr(tracking, "git_revision", lambda revision=revision: revision)
            with tracking.run("train en-xx", kind="train", profile=key) as run:
                run.params({"seed": 7, "optimizer": {"steps": steps}, key: "[red]here[/red]"})
                run.tag("data.translation.sha256", "ab" * 32)
                run.tag("data.terms.sha256", key * 8)
                for step in (1, 2):
                    run.metrics({"loss": 3.0 / step / steps, "broken": float("nan"), f"{key}_only": 1.0}, step=step)
                run.table("validation_samples", rows(steps // 2, (0.0,) * 4))
                run.table("validation_samples", rows(steps, chrf, other=steps))
            made[key] = str(run.id)
        with tracking.run("evaluate", kind="evaluate", profile="first") as run:
            run.metrics({"chrf": 61.5})
        made["evaluate"] = str(run.id)
        yield made


@pytest.fixture(scope="module")
def compared(ids: dict[str, str]) -> dict[str, Any]:
    return comparing.read_and_compare(ids["first"], ids["second"])


def call(*arguments: str) -> Result:
    return CliRunner().invoke(comparing.app, ["compare", *arguments])


def test_parameters_hashes_and_endings_are_compared(compared: dict[str, Any], ids: dict[str, str]) -> None:
    assert compared["parameters"] == {
        "first": ["[red]here[/red]", None],
        "optimizer.steps": ["10", "20"],
        "second": [None, "[red]here[/red]"],
    }
    assert compared["hashes"] == {"data.terms": ["first" * 8, "second" * 8], "data.translation": ["ab" * 32, "ab" * 32]}
    first, second = compared["runs"]
    assert (first["id"], first["name"], first["git"]) == (ids["first"], "train en-xx (first)", "aaaa")
    assert (second["git"], second["status"], second["failure"]) == ("bbbb", "FINISHED", None)


def test_last_values_of_metrics_that_both_have_are_compared(compared: dict[str, Any]) -> None:
    assert compared["metrics"]["loss"] == pytest.approx({"first": 0.15, "second": 0.075, "difference": -0.075})
    assert compared["metrics"]["broken"] == {"first": None, "second": None, "difference": None}
    assert not {"first_only", "second_only"} & compared["metrics"].keys()
    assert all(only >= 1 for only in compared["metrics_of_one_only"])


def test_the_machine_s_own_metrics_come_last_and_one_sided_ones_are_counted() -> None:
    def run(metrics: dict[str, float]) -> Any:
        info = SimpleNamespace(run_id="a", run_name="a", status="FINISHED", start_time=0)
        return SimpleNamespace(info=info, data=SimpleNamespace(params={}, metrics=metrics, tags={}))

    shared = {"zeta": 1.0, "system/cpu": 50.0, "alpha": 2.0}
    found = comparing.compare(run({**shared, "one": 1.0}), run({**shared, "two": 1.0, "three": 1.0}), [], [])
    assert list(found["metrics"]) == ["alpha", "zeta", "system/cpu"]
    assert found["metrics_of_one_only"] == [1, 2]
    assert found["sentences"] is None
    assert "data not recorded" in comparing.sentence(found)


def test_sentences_of_the_last_steps_are_compared_in_pairs(compared: dict[str, Any]) -> None:
    low, high = paired_bootstrap_interval(np.array(SECOND_CHRF), np.array(FIRST_CHRF))  # the evaluation's own: 1,000 resamples, seed 7
    assert compared["sentences"] == {
        "steps": [10, 20],
        "sentences": 4,
        "wins": 2,
        "losses": 1,
        "ties": 1,
        "means": [55.0, 59.75],
        "mean_difference": 4.75,
        "low": pytest.approx(low),
        "high": pytest.approx(high),
    }
    assert low < 4.75 < high


def test_runs_without_a_sentence_in_common_have_no_interval() -> None:
    one = [{"step": 1, "source": "a", "reference": "b", "chrf": 1.0}]
    found = comparing.compare_sentences(one, [{**one[0], "source": "c"}])
    assert (found["sentences"], found["mean_difference"], found["low"]) == (0, None, None)
    found = comparing.compare_sentences(one, [{**one[0], "chrf": 3.0}])
    assert (found["sentences"], found["wins"], found["mean_difference"], found["low"], found["high"]) == (1, 1, 2.0, None, None)


def test_of_a_step_done_twice_the_second_time_counts() -> None:
    row = {"step": 5, "source": "a", "reference": "b", "chrf": 1.0}
    assert comparing.last_step([{**row, "step": 1}, row, {**row, "chrf": 2.0}]) == (5, {("a", "b"): 2.0})


def test_a_run_is_found_by_id_its_beginning_and_its_name(mlflow_up: Any, ids: dict[str, str]) -> None:
    for wanted, key in (
        (ids["first"], "first"),
        (ids["first"][:12], "first"),
        ("train en-xx (first)", "first"),
        ("train en-xx", "second"),  # the newest of two
        ("evaluate", "evaluate"),
    ):
        assert comparing.find_run(mlflow_up, wanted).info.run_id == ids[key], wanted


@pytest.mark.parametrize("wanted", ["train", "abcdef012345", "it's", "%", "train en-xx (third)", ""])
def test_an_unknown_run_is_one_sentence_that_says_which_there_are(mlflow_up: Any, ids: dict[str, str], wanted: str) -> None:
    result = call(wanted, ids["first"])
    assert result.exit_code == 1
    names = "evaluate (first), train en-xx (second), train en-xx (first)"
    assert result.output == f"error: {wanted!r}: no run's id (6 characters or more) or name; the newest runs: {names}\n"


def test_the_beginning_of_several_ids_is_refused() -> None:
    found = [SimpleNamespace(info=SimpleNamespace(run_id=f"abcdef{number}")) for number in (1, 2)]
    experiment = SimpleNamespace(experiment_id="1")
    client = SimpleNamespace(get_experiment_by_name=lambda name: experiment, search_runs=lambda where, wanted: found)
    with pytest.raises(ValueError, match=r"^abcdef: 2 runs' ids begin so: abcdef1, abcdef2$"):
        comparing.find_run(client, "abcdef")


def test_a_run_is_not_compared_with_itself(mlflow_up: Any, ids: dict[str, str]) -> None:
    result = call("train en-xx", ids["second"][:8])
    assert result.exit_code == 1
    assert result.output.startswith(f"error: 'train en-xx' and '{ids['second'][:8]}' are the same run, {ids['second']}")


def test_the_tables_show_it_all_and_the_last_line_sums_up(mlflow_up: Any, ids: dict[str, str], compared: dict[str, Any]) -> None:
    result = call(ids["first"], ids["second"])
    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.output.splitlines()]
    cells = {re.split(r"  +", line.strip())[0]: re.split(r"  +", line.strip())[1:] for line in lines if line}
    assert [line for line in lines if line in TITLES] == TITLES
    assert cells["optimizer.steps"] == ["10", "20"]
    assert cells["second"] == ["-", "[red]here[/red]"]
    assert cells["data.translation"] == ["ab" * 5, "ab" * 5, "same"]
    assert cells["data.terms"] == ["firstfirst", "secondseco", "different"]
    assert cells["git"] == ["aaaa", "bbbb", "different"]
    assert cells["status"] == ["FINISHED", "FINISHED", "same"]
    assert cells["loss"] == ["0.15", "0.075", "-0.075"]
    assert cells["broken"] == ["-", "-", "-"]
    assert cells["metrics of this run only"] == [str(only) for only in compared["metrics_of_one_only"]]
    assert cells["mean chrF"] == ["55", "59.75", "+4.75"]
    assert cells["better chrF"] == ["1", "2", "1 equal"]
    assert re.fullmatch(
        r"parameters that differ: 3; data not the same; \d+ metrics in both, \d+ and \d+ in one only; 4 sentences in both: "
        r"mean chrF \+4\.75, 95 % interval [+-]\d+\.\d\d to \+\d+\.\d\d \(\d+\.\d s\)",
        lines[-1],
    )


def test_what_is_empty_has_no_table_and_why_a_run_failed_has_a_line(compared: dict[str, Any]) -> None:
    runs = [compared["runs"][0], {**compared["runs"][1], "status": "KILLED", "failure": "KeyboardInterrupt"}]
    console = Console(record=True, width=140, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    comparing.show({**compared, "runs": runs, "parameters": {}, "sentences": None}, console)
    shown = console.export_text()
    assert [title for title in TITLES if title in shown] == TITLES[1:3]
    assert re.search(r"^status +FINISHED +KILLED +different$", shown, re.MULTILINE)
    assert re.search(r"^failure +- +KeyboardInterrupt +different$", shown, re.MULTILINE)


def test_the_command_gives_the_same_as_json(mlflow_up: Any, ids: dict[str, str], compared: dict[str, Any]) -> None:
    result = call(ids["first"], ids["second"], "--json")
    assert result.exit_code == 0
    assert json.loads(result.output) == compared


def test_the_tracking_module_has_the_command() -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "training.tracking", "compare", "a", "b"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    [said] = done.stderr.splitlines()
    assert said.startswith("error: MLflow at http://127.0.0.1:9: API request to http://127.0.0.1:9/")


def test_where_nothing_was_ever_recorded_there_is_nothing_to_compare(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(tracking, "STORE", tmp_path / ".mlflow")
    result = call("a", "b")
    assert result.exit_code == 1
    assert result.output == f"error: {tmp_path / '.mlflow'}: holds no runs yet; a training records the first\n"
    assert not (tmp_path / ".mlflow").exists()


def test_an_experiment_without_runs_says_so(mlflow_up: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "EXPERIMENT", "never used")
    result = call("abcdef0", "b")
    assert result.output == "error: 'abcdef0': no run's id (6 characters or more) or name; the newest runs: none\n"
