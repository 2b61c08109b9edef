"""The line, end to end, on what `make demo` made."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from configs.schema import ROOT
from eval.running import free_port
from tests.demo import ENVIRONMENT, HERE, kept_running, made, run

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(2400)]

REPORT = ROOT / "eval/results/report.json"
PAIRS = [f"{s}-{t}" for s in ("en", "zh", "de", "es") for t in ("en", "zh", "de", "es") if s != t]


@pytest.fixture(scope="module", autouse=True)
def _demo() -> None:
    done = made()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(REPORT.read_text(encoding="utf-8"))
    return found


def test_a_second_run_runs_nothing() -> None:
    started = time.monotonic()
    done = run("dvc repro")
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    assert "Running stage" not in done.stdout
    assert "Data and pipelines are up to date." in done.stdout
    assert seconds < 15


def test_the_report_has_the_keys_that_others_read(report: dict[str, Any]) -> None:
    assert set(report["translation"]) == set(PAIRS)
    for score in report["translation"].values():
        assert {"chrf", "bleu", "chrf_unseen", "tm_baseline_chrf", "direct", "protected", "segments"} <= set(score)
    assert sum(score["direct"] for score in report["translation"].values()) == 6
    assert {"macro_f1", "accuracy", "oos_recall", "ece", "coverage_at_95", "baseline_macro_f1", "by_language"} <= set(report["intents"])
    assert set(report["intents"]["by_language"]) == {"en", "zh", "de", "es"}
    assert set(report["terms"]) == set(PAIRS)
    for name, found in report["terms"].items():
        wanted = {"none", "proper", "random", "strict", "chrf_context_none", "chrf_context_proper", "terms", "by_industry"}
        assert wanted | ({"inflected"} if not name.endswith("-zh") else set()) <= set(found)
    assert set(report["latency"]) == {"translate", "translate_terms", "translate_strict", "classify"}
    for name, found in report["latency"].items():
        ratio = "ratio_p95" if name in {"translate_terms", "translate_strict"} else "ratio_transformers"
        assert {"rate_per_s", "p50_ms", "p95_ms", "p99_ms", "requests", "failed", ratio} <= set(found)
    assert {"rss_mb", "ready_s"} <= set(report["serving"])
    assert set(report["parity"]) == {"en-xx", "xx-en", "intents"}
    assert {"data", "bundles", "git", "machine", "versions"} <= set(report["signature"])
    assert all({"name", "measured", "limit", "ok"} <= set(gate) for gate in report["gates"])


def test_protected_values_come_back(report: dict[str, Any]) -> None:
    assert {name: score["protected"] for name, score in report["translation"].items()} == dict.fromkeys(PAIRS, 100.0)


def test_the_gate_fails_when_a_number_is_bad(tmp_path: Path, report: dict[str, Any]) -> None:
    report["intents"]["macro_f1"] = 1.0
    bad = tmp_path / "report.json"
    bad.write_text(json.dumps(report), encoding="utf-8")
    done = run(f"python -m eval.gate --report {bad}")
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    assert "intents, macro-F1" in (done.stdout + done.stderr).strip().splitlines()[-1]


def test_mlflow_has_every_training_and_evaluation() -> None:
    code = (
        "import mlflow, json; mlflow.set_tracking_uri('sqlite:///.mlflow/mlflow.db');"
        "runs = mlflow.search_runs(experiment_names=['quayside'], output_format='list');"
        "print(json.dumps([[r.data.tags, r.data.params, r.data.metrics, r.info.status, [i.dataset.name for i in r.inputs.dataset_inputs]]"
        " for r in runs]))"
    )
    done = run(f'python -c "{code}"')
    runs = json.loads(done.stdout.strip().splitlines()[-1])
    by_name = {found[0]["mlflow.runName"].rpartition(" (")[0]: found for found in reversed(runs)}  # without the profile
    for name in ("train en-xx", "train xx-en", "train intents"):
        tags, params, metrics, status, data = by_name[name]
        assert status == "FINISHED"
        assert tags["git.revision"] != "unknown"
        assert tags["dvc.stage"].startswith("train_")
        assert {"optimizer.steps", "optimizer.learning_rate", "seed"} <= set(params)
        score = "eval_macro_f1" if name == "train intents" else "eval_chrf"
        assert {"loss", "grad_norm", "learning_rate", "waiting_for_data_percent", "eval_loss", score} <= set(metrics)
        assert metrics["waiting_for_data_percent"] < 20  # reading data is never the bottleneck
        assert "mlflow.parentRunId" in tags
        assert any(metric.startswith("system/") for metric in metrics)
        assert len(data) == 1
    for name in ("evaluate translation", "evaluate intents", "latency", "report"):
        assert by_name[name][3] == "FINISHED"
        assert by_name[name][2]


def test_serving_imports_no_torch_transformers_or_mlflow() -> None:
    heavy = ("torch", "transformers", "mlflow", "onnx", "dvc")
    code = f"import serving.service, serving.bundle, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == []


def test_the_notebooks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert len(notebooks) >= 1
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        assert "def " not in code, "a notebook imports and plots, and defines nothing"
        exec(compile(code, path.name, "exec"), {})  # noqa: S102


def test_a_bento_runs_without_the_repository(tmp_path: Path) -> None:
    path = os.pathsep.join([HERE, ENVIRONMENT["PATH"]])
    environment = {**ENVIRONMENT, "PATH": path, "BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    built = subprocess.run(["bentoml", "build", "-o", "tag"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (bento,) = (path.parent for path in (tmp_path / "bentoml/bentos/quayside").glob("*/src"))
    assert not (bento / "src/training/models").exists()
    code = "import configs.schema; print(configs.schema.ROOT)"
    found = subprocess.run([sys.executable, "-c", code], cwd=bento / "src", capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == bento / "src"
    port = free_port()
    with kept_running(f"bentoml serve {bento} --port {port}", f"http://127.0.0.1:{port}/readyz", cwd=tmp_path, environment=environment):
        said = run(f"curl -sf http://127.0.0.1:{port}/v1/models").stdout
        assert {model["name"] for model in json.loads(said)["models"]} == {"en-xx", "xx-en", "intents"}
