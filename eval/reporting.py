"""What the evaluation stages measured, as one report: eval/results/report.json, and the same in MLflow.

    eval/results/work/translation.json    translation, forgetting, robustness, parity
    eval/results/work/terms.json          terms
    eval/results/work/intents.json        intents, robustness, parity
    eval/results/work/latency.json        latency, serving
    data/prepared/*/counts.json           data: parts, and what became of users' data sets

A part that was not measured is left out: nothing is invented, and its gates break as missing. The verdicts on the gates are in the report;
only `python -m eval.gate` fails on them, so that a bad candidate is recorded too.

Not covered: comparison of several reports (MLflow does that).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.records import write_json
from eval.gates import Rule, Verdict, judge
from eval.signature import machine_class
from training.tracking import flatten, run

PREPARED = Path("data/prepared")
RESULTS = Path("eval/results")
WORK = RESULTS / "work"
REPORT = RESULTS / "report.json"
PAGE = RESULTS / "report.html"
PARTS = ("translation.json", "terms.json", "intents.json", "latency.json")
NOT_IN_A_METRIC = re.compile(r"[^\w.\- :]")  # MLflow refuses these in a name, and slashes that do not lead straight somewhere
SECTIONS = ("translation", "terms", "forgetting", "intents", "robustness", "latency", "serving", "parity", "data")


class ReportError(ValueError):
    """Measurements or a report that cannot be used."""


def build_report(work: Path, prepared: Path, *, profile: str, signature: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured and prepared, the profile and the signature; sections in one order, whatever order they were made in.

    Args:
        work: the folder of the parts.
        prepared: the folder of the prepared data, for its counts.
        profile: the parameters' name.
        signature: what all of it was measured on.

    Raises:
        ReportError: nothing was measured, a part is no JSON object, or two parts differ on a number.
    """
    found: dict[str, Any] = {}
    for path in (work / name for name in PARTS if (work / name).is_file()):
        _merge(found, _read_object(path), path)
    if not found:
        raise ReportError(f"{work} holds no measurements ({', '.join(PARTS)}); `dvc repro` makes them")
    if counts := sorted(prepared.glob("*/counts.json")):
        found["data"] = {path.parent.name: _read_object(path) for path in counts}
    ordered = {name: found[name] for name in (*SECTIONS, *found) if name in found}
    return {"profile": profile, **ordered, "signature": dict(signature)}


def read_report(path: Path) -> dict[str, Any]:
    """A report, its numbers that are not finite as null.

    Raises:
        ReportError: there is none, it is no JSON object, or it does not say what it was measured on.
    """
    if not path.is_file():
        raise ReportError(f"{path}: no such file; `python -m eval.report` makes it")
    report = _read_object(path)
    if not isinstance(report.get("signature"), dict):
        raise ReportError(f"{path}: has no signature, and no number counts without one; `python -m eval.report` makes it anew")
    return report


def verdicts(report: Mapping[str, Any], gates: Sequence[Rule]) -> list[Verdict]:
    """The verdict of each gate, on the machine that the report was measured on."""
    return judge(report, gates, machine_class(report["signature"]))


def with_gates(report: Mapping[str, Any], gates: Sequence[Rule]) -> dict[str, Any]:
    """A report with its gates judged. A bad candidate's report is a report too: nothing fails here, `python -m eval.gate` does."""
    return {**report, "gates": [verdict.as_json() for verdict in verdicts(report, gates)]}


def write_gates(path: Path, report: Mapping[str, Any], gates: Sequence[Rule]) -> None:
    """Judge a report's gates anew and write it, unless the same verdicts stand there already.

    DVC hashes the report: rewritten by the gate stage, it would make the report stage run again, for ever.
    """
    judged = with_gates(report, gates)
    if judged != report:
        write_json(path, judged)


def record(report: Mapping[str, Any], files: Sequence[Path]) -> None:
    """Record a report in MLflow: every number as a metric under its dotted key, what it was measured on as tags, the files.

    Keys hold the paths of users' data sets; what MLflow refuses in a name becomes `_`.
    """
    signature = report["signature"]
    values = {NOT_IN_A_METRIC.sub("_", key): value for key, value in numbers(report).items()}
    with run("report", kind="report", profile=report["profile"]) as current:
        current.metrics({**values, "gates.broken": sum(gate["ok"] is False for gate in report["gates"])})
        current.tag("data.prepared.sha256", str(signature["data"]))
        for name, digest in signature["bundles"].items():
            current.tag(f"bundle.{name}.sha256", digest)
        for file in files:
            current.file(file)


def numbers(report: Mapping[str, Any]) -> dict[str, float]:
    """Every measured number of a report by its dotted key."""
    flat = flatten({name: report[name] for name in SECTIONS if name in report})
    return {key: float(value) for key, value in flat.items() if isinstance(value, int | float) and not isinstance(value, bool)}


def summary(report: Mapping[str, Any]) -> str:
    """What a report holds and what it lacks, in a few words."""
    missing = [name for name in SECTIONS if name not in report]
    pairs = len(report.get("translation", {}))
    return f"{len(numbers(report))} numbers, {pairs} language pairs" + (f"; not measured: {', '.join(missing)}" if missing else "")


def _read_object(path: Path) -> dict[str, Any]:
    """A JSON object, NaN and infinity as null.

    Raises:
        ReportError: the file holds anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except ValueError as error:
        raise ReportError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ReportError(f"{path}: holds {type(content).__name__}, expected an object of sections")
    return content


def _merge(into: dict[str, Any], part: Mapping[str, Any], path: Path, prefix: str = "") -> None:
    """Add a part's keys, at every depth.

    Raises:
        ReportError: a key has another value already.
    """
    for key, value in part.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict) and isinstance(value, dict):
            _merge(into[key], value, path, f"{prefix}{key}.")
        elif into[key] != value:
            raise ReportError(f"{path}: {prefix}{key} is {value!r}, another part says {into[key]!r}")
