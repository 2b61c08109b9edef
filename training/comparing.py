"""What differs between two runs in MLflow: parameters, what they ran on, metrics, and the validation sentences that both translated.

    python -m training.tracking compare RUN RUN [--json]

A run is named by its id, the beginning of it (6 characters or more), or its name, with its profile or without, which means the newest of
that name. Differences are the second run's value minus the first's.

Not covered: more than two runs and curves (MLflow's own page compares those), intervals of any metric but the sentences' chrF.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.console import command
from training import tracking

SAMPLES = "validation_samples.json"
COLUMNS = {"step", "source", "reference", "chrf"}  # of that table, beside the translation
RESAMPLES = 1_000  # sacreBLEU's default
SEED = 7
ID = re.compile(r"[0-9a-f]{6,32}")  # MLflow's ids are UUIDs without dashes; 6 digits tell some thousand runs apart
HASH = re.compile(r"(params|(?:data|bundle)\..+)\.sha256")
DIGITS = 10  # of a hash in a table
WIDTH = 140  # columns where no terminal says how many
SYSTEM = "system/"  # what MLflow's own metrics of the machine begin with

app = typer.Typer(no_args_is_help=True)


@app.callback()
def main() -> None:
    """What MLflow has recorded."""


@app.command("compare")
@command
def compare_runs(
    first: Annotated[str, typer.Argument(metavar="RUN", help="id, beginning of an id, or name")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="the one to compare with it")],
    as_json: Annotated[bool, typer.Option("--json", help="print the comparison as JSON")] = False,
) -> str:
    """Compare two runs: what differs, every metric that both have, and the validation sentences that both translated."""
    compared = read_and_compare(first, second)
    if as_json:
        typer.echo(json.dumps(compared, ensure_ascii=False, indent=2, allow_nan=False))
        raise typer.Exit
    show(compared)
    return sentence(compared)


def read_and_compare(first: str, second: str) -> dict[str, Any]:
    """The comparison of two runs by id or name.

    Raises:
        ValueError: MLflow does not answer, has no such run or several, or both are the same.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    uri = tracking.connect(mlflow)
    if uri == tracking.LOCAL_URI and not (tracking.STORE / "mlflow.db").is_file():
        raise ValueError(f"{tracking.STORE}: holds no runs yet; a training records the first")
    try:
        client = mlflow.MlflowClient()
        found = [find_run(client, wanted) for wanted in (first, second)]
        if found[0].info.run_id == found[1].info.run_id:
            raise ValueError(
                f"{first!r} and {second!r} are the same run, {found[0].info.run_id}; an older one of a name is named by its id"
            )
        return compare(*found, *(samples(mlflow, run.info.run_id) for run in found))
    except MlflowException as error:
        raise ValueError(f"MLflow at {uri}: {' '.join(str(error).split())[:300]}") from None


def find_run(client: Any, wanted: str) -> Any:
    """The one run whose id begins so, or the newest of that name.

    Raises:
        ValueError: there is none, or several ids begin so.
    """
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    where = [experiment.experiment_id] if experiment else []
    if ID.fullmatch(wanted):
        by_id = client.search_runs(where, f"attributes.run_id LIKE '{wanted}%'")
        if len(by_id) > 1:
            raise ValueError(f"{wanted}: {len(by_id)} runs' ids begin so: {', '.join(run.info.run_id for run in by_id[:5])}")
        if by_id:
            return by_id[0]
    newest: dict[str, Any] = {"order_by": ["attributes.start_time DESC"]}
    pattern = re.sub(r"""['"\\]""", "_", wanted)  # any character to LIKE, so that nothing ends the text early
    named = re.compile(re.escape(wanted) + r"( \([^()]*\))?")
    for run in client.search_runs(where, f"attributes.run_name LIKE '{pattern}%'", **newest):
        if named.fullmatch(run.info.run_name):
            return run
    names = list(dict.fromkeys(run.info.run_name for run in client.search_runs(where, max_results=20, **newest)))
    raise ValueError(f"{wanted!r}: no run's id (6 characters or more) or name; the newest runs: {', '.join(names[:7]) or 'none'}")


def samples(mlflow: Any, run_id: str) -> list[dict[str, Any]]:
    """A run's table of validation sentences, row by row; empty where it has none."""
    if SAMPLES not in {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}:
        return []
    table = mlflow.artifacts.load_dict(f"runs:/{run_id}/{SAMPLES}")
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    return [row for row in rows if row.keys() >= COLUMNS and row["chrf"] is not None]


def compare(
    first: Any, second: Any, first_samples: Sequence[Mapping[str, Any]], second_samples: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Everything that is told of two runs, as JSON has it: pairs are [first, second], null where one lacks it."""
    runs, data = (first, second), [run.data for run in (first, second)]
    params = _pairs(*(found.params for found in data))
    metrics = _pairs(*({name: _finite(value) for name, value in found.metrics.items()} for found in data))
    both = {name: pair for name, pair in metrics.items() if all(name in found.metrics for found in data)}
    return {
        "runs": [_described(run) for run in runs],
        "parameters": {name: pair for name, pair in params.items() if pair[0] != pair[1]},
        "hashes": _pairs(*(_hashes(found.tags) for found in data)),
        "metrics": {name: {"first": a, "second": b, "difference": None if None in (a, b) else b - a} for name, (a, b) in both.items()},
        "metrics_of_one_only": [len(found.metrics) - len(both) for found in data],
        "sentences": compare_sentences(first_samples, second_samples) if first_samples and second_samples else None,
    }


def compare_sentences(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sentence by sentence the chrF of each run's last step; wins are the second run's, the interval is that of the mean difference.

    A source with several references, in several languages, is several sentences.
    """
    (first_step, before), (second_step, after) = last_step(first), last_step(second)
    chrf = np.array([(before[key], after[key]) for key in before if key in after]).reshape(-1, 2)  # (N, 2)
    differences = chrf[:, 1] - chrf[:, 0]  # (N,)
    low, high = paired_interval(differences) if len(differences) > 1 else (None, None)
    return {
        "steps": [first_step, second_step],
        "sentences": len(differences),
        "wins": int((differences > 0).sum()),
        "losses": int((differences < 0).sum()),
        "ties": int((differences == 0).sum()),
        "means": chrf.mean(axis=0).tolist() if len(chrf) else [None, None],
        "mean_difference": float(differences.mean()) if len(chrf) else None,
        "low": low,
        "high": high,
    }


def last_step(rows: Sequence[Mapping[str, Any]]) -> tuple[int, dict[tuple[str, str], float]]:
    """The last step of a table, and its chrF by source and reference; of a step done twice, after resuming, the second time."""
    step = max(int(row["step"]) for row in rows)
    return step, {(str(row["source"]), str(row["reference"])): float(row["chrf"]) for row in rows if row["step"] == step}


def paired_interval(differences: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean difference of two systems on the same sentences, (N,).

    Source: Koehn 2004, section 5, https://aclanthology.org/W04-3250
    """
    rows = np.random.default_rng(SEED).integers(len(differences), size=(RESAMPLES, len(differences)))  # (R, N)
    low, high = np.percentile(differences[rows].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def show(compared: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the tables: parameters that differ, what the runs ran on, metrics, sentences."""
    console = console or Console()
    if not console.is_terminal:
        console.width = WIDTH
    head = [f"{run['name']} {run['id'][: tracking.HASH_DIGITS]}" for run in compared["runs"]]
    for title, rows, last in (
        ("Parameters that differ", _parameter_rows(compared), None),
        ("What they ran on, and how they ended", _run_rows(compared), ""),
        ("Metrics, last values", _metric_rows(compared), "difference"),
        ("Validation sentences", _sentence_rows(compared), "difference"),
    ):
        if listed := list(rows):
            console.print(_table(title, [*head, *([] if last is None else [last])], listed))
            console.print()


def sentence(compared: Mapping[str, Any]) -> str:
    """The comparison in one line."""
    data = [a == b for name, (a, b) in compared["hashes"].items() if name.startswith("data.")]
    parts = [
        f"parameters that differ: {len(compared['parameters'])}",
        f"data {('the same' if all(data) else 'not the same') if data else 'not recorded'}",
        "{} metrics in both, {} and {} in one only".format(len(compared["metrics"]), *compared["metrics_of_one_only"]),
    ]
    if found := compared["sentences"]:
        interval = "" if found["low"] is None else f", 95 % interval {found['low']:+.2f} to {found['high']:+.2f}"
        mean = "" if found["mean_difference"] is None else f": mean chrF {found['mean_difference']:+.2f}{interval}"
        parts.append(f"{found['sentences']} sentences in both{mean}")
    return "; ".join(parts)


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values of both by name, sorted; the machine's own metrics last."""
    names = sorted({*first, *second}, key=lambda name: (name.startswith(SYSTEM), name))
    return {name: [first.get(name), second.get(name)] for name in names}


def _finite(value: float) -> float | None:
    """A number that JSON has."""
    return value if math.isfinite(value) else None


def _hashes(tags: Mapping[str, str]) -> dict[str, str]:
    """The hashes of data and bundles by name."""
    return {named[1]: value for name, value in tags.items() if (named := HASH.fullmatch(name))}


def _described(run: Any) -> dict[str, Any]:
    """What a run says of itself."""
    tags, info = run.data.tags, run.info
    return {
        "id": info.run_id,
        "name": info.run_name,
        "git": tags.get("git.revision"),
        "status": info.status,
        "failure": tags.get("failure"),
        "started": datetime.fromtimestamp(info.start_time / 1000, UTC).isoformat(timespec="seconds"),
    }


def _parameter_rows(compared: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, pair in compared["parameters"].items():
        yield [name, *map(_cell, pair)]


def _run_rows(compared: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, (first, second) in compared["hashes"].items():
        yield [name, *(_cell(digest and digest[:DIGITS]) for digest in (first, second)), _same(first, second)]
    first, second = compared["runs"]
    for key in ("git", "status", "failure", "started"):
        if first[key] or second[key]:
            yield [key, _cell(first[key]), _cell(second[key]), "" if key == "started" else _same(first[key], second[key])]


def _metric_rows(compared: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, found in compared["metrics"].items():
        yield [name, _number(found["first"]), _number(found["second"]), _number(found["difference"], "+")]
    if any(compared["metrics_of_one_only"]):
        yield ["metrics of this run only", *map(str, compared["metrics_of_one_only"]), ""]


def _sentence_rows(compared: Mapping[str, Any]) -> Iterator[list[str]]:
    found = compared["sentences"]
    if found is None:
        return
    yield ["step", *map(str, found["steps"]), ""]
    yield ["sentences in both", "", "", str(found["sentences"])]
    yield ["better chrF", str(found["losses"]), str(found["wins"]), f"{found['ties']} equal"]
    yield ["mean chrF", *map(_number, found["means"]), _number(found["mean_difference"], "+")]
    if found["low"] is not None:
        yield ["95 % interval of it", "", "", f"{_number(found['low'], '+')} to {_number(found['high'], '+')}"]


def _same(first: Any, second: Any) -> str:
    return "same" if first == second else "different"


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.6g}"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table; texts as they are: brackets in them are no markup."""
    found = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, name in enumerate(["", *head]):
        found.add_column(Text(name), justify="right" if number else "left", overflow="fold")
    for row in rows:
        found.add_row(*map(Text, row))
    return found


if __name__ == "__main__":
    app()
