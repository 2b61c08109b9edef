"""The one place that talks to MLflow.

A run that cannot be recorded stops no training: the first failure is said once on stderr, recording ends for that run, and the end of
the run says what was not recorded.

Where runs go: `MLFLOW_TRACKING_URI`, else SQLite in `.mlflow/` of the repository.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from configs.schema import ROOT

STORE = ROOT / ".mlflow"
LOCAL_URI = f"sqlite:///{STORE / 'mlflow.db'}"
EXPERIMENT = "quayside"
OPENING_SECONDS = 60  # for another process to create the tables, which takes about 5
SAMPLING_SECONDS = 5  # of the system metrics; MLflow's default of 10 leaves a one-minute run with six points


class Run:
    """One MLflow run; every method records or notes that it could not, and never raises."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id: str | None = None
        self._reason = ""
        self._missed: Counter[str] = Counter()

    def attempt(self, what: str, record: Callable[[Any], object], *, anyway: bool = False) -> None:
        """Call `record(mlflow)`, unless recording has already failed; `anyway` tries all the same."""
        if self._reason and not anyway:
            self._missed[what] += 1
            return
        try:
            import mlflow

            record(mlflow)
        except Exception as error:  # a tracking server fails in many ways, and none may stop a training
            self._missed[what] += 1
            if not self._reason:
                self._reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                print(f"warning: MLflow does not record run {self.name!r}: {self._reason}", file=sys.stderr)  # noqa: T201

    def end(self, status: str) -> None:
        """Close the run, even if recording has failed: left open, it would take what the process records next."""
        self.attempt("the end", lambda mlflow: mlflow.end_run(status), anyway=self.id is not None)

    def params(self, values: Mapping[str, Any]) -> None:
        """Record parameters; nested mappings become dotted names."""
        flat = flatten(values)
        self.attempt("parameters", lambda mlflow: mlflow.log_params(flat))

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers, at a step for a curve."""
        self.attempt("metrics", lambda mlflow: mlflow.log_metrics(dict(values), step=step))

    def dataset(self, name: str, path: Path, digest: str) -> None:
        """Record which data went in, by its hash."""

        def record(mlflow: Any) -> None:
            from mlflow.data.meta_dataset import MetaDataset
            from mlflow.data.sources import LocalArtifactDatasetSource

            mlflow.log_input(MetaDataset(LocalArtifactDatasetSource(str(path)), name=name, digest=digest[:32]), context="training")
            mlflow.set_tag(f"data.{name}.sha256", digest)

        self.attempt("datasets", record)

    def tag(self, name: str, value: str) -> None:
        """Record a tag."""
        self.attempt("tags", lambda mlflow: mlflow.set_tag(name, value))

    def folder(self, path: Path, name: str) -> None:
        """Record a folder's files as artifacts."""
        self.attempt(f"artifact {name}", lambda mlflow: mlflow.log_artifacts(str(path), name))

    def file(self, path: Path) -> None:
        """Record a file as artifact."""
        self.attempt(f"artifact {path.name}", lambda mlflow: mlflow.log_artifact(str(path)))

    def report_missed(self) -> str:
        """What was not recorded, as one sentence; empty where all was."""
        if not self._missed:
            return ""
        parts = ", ".join(f"{what} ({count})" for what, count in sorted(self._missed.items()))
        return f"not recorded in MLflow for run {self.name!r}: {parts}; because: {self._reason}"


@contextmanager
def run(name: str, *, kind: str, profile: str) -> Iterator[Run]:
    """A run with git revision, DVC stage and system metrics; marked failed, with the reason, if the body raises.

    Args:
        name: shown in MLflow's list.
        kind: what the run is: train, export, evaluate, latency, report.
        profile: the active parameter profile.
    """
    current = Run(name)
    current.attempt("the run itself", lambda mlflow: _start(mlflow, current, kind, profile))
    try:
        yield current
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"[:500]
        current.tag("failure", reason)
        current.end("FAILED")
        raise
    else:
        current.end("FINISHED")
    finally:
        if missed := current.report_missed():
            print(f"warning: {missed}", file=sys.stderr)  # noqa: T201


def _start(mlflow: Any, current: Run, kind: str, profile: str) -> None:
    """Open the run in the tracking store."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    uri = os.environ.get("MLFLOW_TRACKING_URI", LOCAL_URI)
    mlflow.set_tracking_uri(uri)
    if uri == LOCAL_URI:
        STORE.mkdir(exist_ok=True)
        with FileLock(
            STORE / "opening.lock", timeout=OPENING_SECONDS
        ):  # trainings start side by side, and the first use creates the tables
            _open_experiment(mlflow, (STORE / "artifacts").as_uri())
    else:
        _open_experiment(mlflow, None)
    mlflow.set_system_metrics_sampling_interval(SAMPLING_SECONDS)
    tags = {
        "kind": kind,
        "profile": profile,
        "git.revision": git_revision(),
        "dvc.stage": os.environ.get("DVC_STAGE", ""),
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
        "command": " ".join(sys.argv),
    }
    started = mlflow.start_run(run_name=current.name, tags=tags, log_system_metrics=True)
    current.id = started.info.run_id


def _open_experiment(mlflow: Any, artifacts: str | None) -> None:
    """Make our experiment the current one, created if it is not there; `artifacts` is where its files go, `None` as the server says."""
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=artifacts)
    mlflow.set_experiment(EXPERIMENT)


def git_revision() -> str:
    """The commit checked out, with `-dirty` where tracked files differ; `unknown` outside a git checkout."""
    said = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
