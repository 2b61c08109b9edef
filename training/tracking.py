"""The one place that records in MLflow.

    with run("train en-xx", kind="train", profile="demo") as current:   shown as `train en-xx (demo)`
        current.params(...); current.metrics(..., step=...); current.table(...)
    python -m training.tracking compare RUN RUN                         what differs between two runs: `training/comparing.py`

Runs with the same parameters lie under one parent, named by profile and hash, and the DVC experiment if there is one. A run that cannot be
recorded stops no training: the first failure is said once on stderr, recording ends for that run, and the end of the run says what was
not recorded.

Where runs go: `MLFLOW_TRACKING_URI`, else SQLite in `.mlflow/` of the repository.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock

from configs.schema import ROOT, Params, SettingsError, load_params

STORE = ROOT / ".mlflow"
LOCAL_URI = f"sqlite:///{STORE / 'mlflow.db'}"
EXPERIMENT = "quayside"
KIND = {"mlflow.experimentKind": "custom_model_development"}  # "Machine learning" in MLflow's pages, which otherwise guess
PARENT = "parameters"  # the kind of a run that only holds those with the same parameters
HASH_DIGITS = 8  # of the parameters' hash in a name
OPENING_SECONDS = 60  # for another process to create the tables, which takes about 5
SAMPLING_SECONDS = 5  # of the system metrics; MLflow's default of 10 leaves a one-minute run with six points
UNNAMEABLE = re.compile(r"[^\w.\- ]")  # what MLflow has in no parameter's name (a slash and a colon only in some places)
LONGEST_PARAMETER = 6_000  # characters; MLflow's MAX_PARAM_VAL_LENGTH
LARGEST_DIFF = 1_000_000  # bytes; nobody reads more
NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # MLflow's codes for an unknown run and for what cannot be a run's id
PACKAGES = ("torch", "transformers", "onnxruntime", "accelerate", "peft", "mlflow", "dvc")
CPUINFO = Path("/proc/cpuinfo")


class Run:
    """One MLflow run; every method records or notes that it could not, and never raises."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id: str | None = None
        self.recorded: dict[str, str] = {}  # parameters; MLflow lets none of them change
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
                _warn(f"MLflow does not record run {self.name!r}: {self._reason}")

    def end(self, status: str) -> None:
        """Close the run, even if recording has failed: left open, it would take what the process records next."""
        self.attempt("the end", lambda mlflow: mlflow.end_run(status), anyway=self.id is not None)

    def params(self, values: Mapping[str, Any]) -> None:
        """Record parameters; nested mappings become dotted names. One that has another value already keeps it, with a warning."""
        found = {key: readable(value) for key, value in flatten(values).items()}
        changed = [f"{key}: {self.recorded[key]} -> {value}" for key, value in found.items() if self.recorded.get(key, value) != value]
        if changed:
            _warn(f"MLflow keeps the first values of run {self.name!r} for {'; '.join(changed)}")
            self.tag("params.changed", "; ".join(changed))
        self.recorded = found | self.recorded
        self.attempt("parameters", lambda mlflow: mlflow.log_params({key: self.recorded[key] for key in found}))

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers, at a step for a curve."""
        self.attempt("metrics", lambda mlflow: mlflow.log_metrics(dict(values), step=step))

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows to the table `name.json`; what a row lacks is null."""
        if not rows:
            return
        columns = dict.fromkeys(column for row in rows for column in row)
        content = {column: [row.get(column) for row in rows] for column in columns}
        self.attempt(f"table {name}", lambda mlflow: mlflow.log_table(content, f"{name}.json"))

    def dataset(self, name: str, path: Path, digest: str) -> None:
        """Record which data went in, by its hash."""

        def record(mlflow: Any) -> None:
            """The data set as an input of the run, and its whole hash as a tag."""
            from mlflow.data.meta_dataset import MetaDataset
            from mlflow.data.sources import LocalArtifactDatasetSource

            mlflow.log_input(MetaDataset(LocalArtifactDatasetSource(str(path)), name=name, digest=digest[:32]), context="training")
            mlflow.set_tag(f"data.{name}.sha256", digest)

        self.attempt("datasets", record)

    def glossaries(self, versions: Mapping[str, str]) -> None:
        """Record which glossaries went in: `glossary.INDUSTRY` is the version."""
        self.params({f"glossary.{UNNAMEABLE.sub('_', industry)}": version for industry, version in versions.items()})

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


class UnrecordedRun(Run):
    """The run of a process that does not speak for its training: nothing is recorded, and nothing is missed."""

    def attempt(self, what: str, record: Callable[[Any], object], *, anyway: bool = False) -> None:
        """Nothing."""


@contextmanager
def run(name: str, *, kind: str, profile: str, resume: str | None = None) -> Iterator[Run]:
    """A run with system metrics and all that it was started with and on; what the body raises is its end, with the reason.

    An interrupt, and an exception whose `mlflow_status` is `KILLED`, make it killed, every other exception failed.

    Args:
        name: what it does; MLflow shows it with the profile behind.
        kind: what the run is: train, export, evaluate, latency, report.
        profile: the active parameter profile.
        resume: the id of a run to go on with; what this start was started with and on gets `resumed.` before its names. A run that is
            there no more is said, and a new one started.
    """
    current = Run(name)
    current.attempt("the run itself", lambda mlflow: _start(mlflow, current, kind, profile, resume))
    try:
        yield current
    except BaseException as error:
        current.tag("failure", _reason(error))
        current.end(getattr(error, "mlflow_status", "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"))
        raise
    else:
        current.end("FINISHED")
    finally:
        if missed := current.report_missed():
            _warn(missed)


def connect(mlflow: Any) -> str:
    """Make MLflow quiet, impatient and look where our runs are; returns the address."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    uri = os.environ.get("MLFLOW_TRACKING_URI", LOCAL_URI)
    mlflow.set_tracking_uri(uri)
    return uri


def _start(mlflow: Any, current: Run, kind: str, profile: str, resume: str | None) -> None:
    """Open the run in the tracking store: the one to resume, else a new one below the parent of its parameters."""
    local = connect(mlflow) == LOCAL_URI
    params = _active_parameters(profile)
    with _alone(local):  # trainings start side by side: the first creates the tables and the parent
        experiment = _open_experiment(mlflow, (STORE / "artifacts").as_uri() if local else None)
        earlier = _resumable(mlflow, current, resume, experiment) if resume else None
        parent = _parent(mlflow, experiment, params) if params and not earlier else None
    mlflow.set_system_metrics_sampling_interval(SAMPLING_SECONDS)
    prefix = "resumed." if earlier else ""
    tags = {f"{prefix}{name}": value for name, value in surroundings().items()}
    if earlier:
        tags["resumed.after"] = earlier.data.tags.get("failure", earlier.info.status)
        current.recorded = dict(earlier.data.params)
        started = mlflow.start_run(run_id=resume, tags=tags, log_system_metrics=True)
        if "failure" in earlier.data.tags:
            mlflow.delete_tag("failure")
    else:
        tags |= {"kind": kind, "profile": profile, **({"params.sha256": parameters_sha256(params)} if params else {})}
        started = mlflow.start_run(run_name=f"{current.name} ({profile})", parent_run_id=parent, tags=tags, log_system_metrics=True)
    current.id = started.info.run_id
    current.attempt("its surroundings", lambda mlflow: _record_files(mlflow, prefix))


def _alone(local: bool) -> AbstractContextManager[object]:
    """No other process opens the local store meanwhile; a server arranges that itself, but for a parent made twice."""
    if not local:
        return nullcontext()
    STORE.mkdir(exist_ok=True)
    return FileLock(STORE / "opening.lock", timeout=OPENING_SECONDS)


def _open_experiment(mlflow: Any, artifacts: str | None) -> str:
    """Make our experiment the current one, created if it is not there; returns its id.

    `artifacts` is where its files go, `None` as the server says.
    """
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=artifacts, tags=KIND)
    return str(mlflow.set_experiment(EXPERIMENT).experiment_id)


def _resumable(mlflow: Any, current: Run, run_id: str, experiment: str) -> Any:
    """The run to go on with as MLflow has it, or None and a warning."""
    try:
        found = mlflow.MlflowClient().get_run(run_id)
        if found.info.lifecycle_stage == "active" and found.info.experiment_id == experiment:
            return found
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in NOT_THERE:
            raise
    _warn(f"MLflow has no run {run_id!r} to resume in experiment {EXPERIMENT!r}: {current.name!r} is recorded as a new run")
    return None


def _parent(mlflow: Any, experiment: str, params: Params) -> str:
    """The id of the run that holds those with these parameters, of one DVC experiment if there is one; made if it is not there."""
    client, digest, name = mlflow.MlflowClient(), parameters_sha256(params), os.environ.get("DVC_EXP_NAME", "")
    wanted = f"tags.kind = '{PARENT}' and tags.`params.sha256` = '{digest}'"
    for found in client.search_runs([experiment], wanted, order_by=["attributes.start_time ASC"]):
        if found.data.tags.get("dvc.experiment") == name:
            return str(found.info.run_id)
    tags = {"kind": PARENT, "profile": params.profile, "params.sha256": digest, "dvc.experiment": name}
    shown = " ".join(filter(None, [params.profile, digest[:HASH_DIGITS], name]))
    made = str(client.create_run(experiment, run_name=shown, tags=tags).info.run_id)
    values = [mlflow.entities.Param(key, readable(value)) for key, value in flatten(params.model_dump()).items()]
    client.log_batch(made, params=values)
    client.set_terminated(made, "FINISHED")
    return made


def _active_parameters(profile: str) -> Params | None:
    """The active parameters; None where they cannot be read or are another profile's than the run's, which was given its own."""
    try:
        params = load_params()
    except SettingsError:
        return None
    return params if params.profile == profile else None


def parameters_sha256(params: Params) -> str:
    """The hash of what parameters say, whatever the order of their keys and the comments in their file."""
    content = json.dumps(params.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return sha256(content.encode()).hexdigest()


def surroundings() -> dict[str, str]:
    """What this process was started with and on, by names for tags; versions of packages that are installed, none of them imported."""
    installed = {package: version for package in PACKAGES if (version := _version(package))}
    return {
        "git.revision": git_revision(),
        "dvc.stage": os.environ.get("DVC_STAGE", ""),
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
        "command": shlex.join(sys.orig_argv),
        "environment.python": platform.python_version(),
        "environment.platform": platform.platform(),
        "environment.processor": _processor(),
        "environment.cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "environment.gpu": _gpus(),
        **{f"version.{package}": version for package, version in installed.items()},
    }


def _version(package: str) -> str:
    """An installed package's version; empty where it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """The processor's name where Linux tells it, else its kind."""
    described = CPUINFO.read_text(encoding="utf-8") if CPUINFO.is_file() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", described, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def _gpus() -> str:
    """The GPUs that torch sees, if this process has imported it: a command without torch computes on none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ""
    return ", ".join(torch.cuda.get_device_name(device) for device in range(torch.cuda.device_count()))


def _record_files(mlflow: Any, prefix: str) -> None:
    """Every installed package as `environment.txt`, and `git.diff` where tracked files differ from the commit."""
    packages = sorted({f"{found.name}=={found.version}" for found in metadata.distributions()}, key=str.lower)
    contents = {"environment.txt": "".join(f"{line}\n" for line in packages).encode(), "git.diff": git_diff()}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            if content:
                (Path(folder) / f"{prefix}{name}").write_bytes(content)
        mlflow.log_artifacts(folder)


def git_revision() -> str:
    """The commit checked out, with `-dirty` where tracked files differ; `unknown` outside a git checkout."""
    return _git("describe", "--always", "--dirty", "--abbrev=12").decode().strip() or "unknown"


def git_diff() -> bytes:
    """How the tracked files differ from the commit, as a patch; a long one is cut, and says so in its last line."""
    said = _git("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD")
    if len(said) <= LARGEST_DIFF:
        return said
    return said[:LARGEST_DIFF] + f"\n[cut: the first {LARGEST_DIFF:,} of {len(said):,} bytes]\n".encode()


def _git(*arguments: str) -> bytes:
    """What git says in the repository; nothing where it fails or is not installed."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def readable(value: Any) -> str:
    """A parameter as a reviewer reads it: a plain list with commas, a deeper one as JSON, what MLflow has no room for cut."""
    text = str(value)
    if isinstance(value, list | tuple) and value:
        plain = all(isinstance(entry, str | int | float) for entry in value)
        text = ", ".join(map(str, value)) if plain else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= LONGEST_PARAMETER:
        return text
    cut = f" ... ({len(text):,} characters)"
    return text[: LONGEST_PARAMETER - len(cut)] + cut


def _reason(error: BaseException) -> str:
    """An exception's class and what it says."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")[:500]


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    import runpy

    runpy.run_module("training.comparing", run_name="__main__")  # by name: the stages record, and do not depend on how runs are compared
