import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from eval import reporting
from eval.gates import Rule
from eval.reporting import ReportError, build_report, numbers, read_report, record, summary, with_gates, write_gates

SIGNATURE = {
    "data": "d" * 64,
    "bundles": {"en-xx": "b" * 64},
    "git": "abc",
    "machine": {"architecture": "x86_64", "processor": "P", "flags": [], "cores": 2},
    "versions": {},
}
TRANSLATION = {"translation": {"en-de": {"chrf": 61.0, "direct": True}}, "parity": {"en-xx": {"sequences_equal": 100.0}}}
INTENTS = {"intents": {"macro_f1": 70.0, "by_language": {"de": {"macro_f1": 68.0}}}, "parity": {"intents": {"int8_macro_f1_drop": 0.1}}}
LATENCY = {"latency": {"translate": {"p95_ms": 80.0, "failed": 0}}, "serving": {"ready_s": 4.0}}
TALLY = {"read": 90, "rejected": 1, "kept": {"train": 80}, "dropped": {"copies": 10}, "examples": {"copies": ["a | a"]}}
COUNTS = {"parts": {"train": {"de": 300}}, "sources": {"data/My export (2).tsv": TALLY}}


@pytest.fixture
def work(tmp_path):
    def write(**parts):
        for name, content in parts.items():
            (tmp_path / f"{name.replace('_', '-')}.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.fixture
def prepared(tmp_path):
    """Counts of one kind of data; a folder without any is no kind."""
    folder = tmp_path / "prepared"
    (folder / "intents").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / "intents" / "counts.json").write_text(json.dumps(COUNTS))
    return folder


def build(work, prepared=Path("nowhere")):
    return build_report(work, prepared, profile="demo", signature=SIGNATURE)


def test_the_parts_become_one_report_in_one_order(work, prepared):
    noisy = {"robustness": {"intents": {"clean": 70.0, "typos": 66.0}}}
    report = build(work(latency=LATENCY, intents=INTENTS | noisy, translation=TRANSLATION), prepared)
    sections = ["translation", "intents", "robustness", "latency", "serving", "parity", "data"]
    assert list(report) == ["profile", *sections, "signature"]
    assert report["parity"] == {"en-xx": {"sequences_equal": 100.0}, "intents": {"int8_macro_f1_drop": 0.1}}
    assert (report["profile"], report["signature"]) == ("demo", SIGNATURE)
    assert "gates" not in report


def test_sections_are_joined_from_several_parts(work):
    noisy = {"robustness": {"translation": {"en-de": {"clean": 61.0, "typos": 55.0}}}}
    logits = {"parity": {"en-xx": {"logits_max_abs": 0.0001}}, "robustness": {"intents": {"clean": 70.0}}}
    report = build(work(translation=TRANSLATION | noisy, intents=logits))
    assert report["parity"]["en-xx"] == {"sequences_equal": 100.0, "logits_max_abs": 0.0001}
    assert report["robustness"] == {**noisy["robustness"], "intents": {"clean": 70.0}}


def test_the_data_section_has_the_counts_of_every_kind_prepared(work, prepared):
    assert build(work(intents=INTENTS), prepared)["data"] == {"intents": COUNTS}
    (prepared / "translation").mkdir()
    (prepared / "translation" / "counts.json").write_text('{"parts": {}, "sources": {}}')
    assert build(work(intents=INTENTS), prepared)["data"] == {"intents": COUNTS, "translation": {"parts": {}, "sources": {}}}


def test_counts_that_are_no_object_are_refused(work, prepared):
    (prepared / "intents" / "counts.json").write_text("[]")
    with pytest.raises(ReportError, match=r"prepared/intents/counts\.json: holds list, expected an object of sections"):
        build(work(intents=INTENTS), prepared)


def test_counts_alone_are_no_measurement(tmp_path, prepared):
    with pytest.raises(ReportError, match="holds no measurements"):
        build(tmp_path, prepared)


def test_a_part_that_was_not_measured_is_left_out(work):
    report = build(work(intents=INTENTS))
    assert list(report) == ["profile", "intents", "parity", "signature"]
    missing = "translation, terms, forgetting, robustness, latency, serving, data"
    assert summary(report) == f"3 numbers, 0 language pairs; not measured: {missing}"


def test_other_files_of_the_folder_are_no_part(work):
    assert "other" not in build(work(intents=INTENTS, other={"other": 1}))


def test_no_measurement_at_all_is_refused(tmp_path):
    with pytest.raises(ReportError, match=r"holds no measurements .*translation\.json.*; `dvc repro` makes them"):
        build(tmp_path)


def test_two_parts_that_differ_on_a_number_are_refused(work):
    same = {"parity": {"en-xx": {"sequences_equal": 100.0}}}
    assert build(work(translation=TRANSLATION, intents=same))["parity"]["en-xx"] == {"sequences_equal": 100.0}
    other = {"parity": {"en-xx": {"sequences_equal": 98.0}}}
    with pytest.raises(ReportError, match=r"intents\.json: parity\.en-xx\.sequences_equal is 98\.0, another part says 100\.0"):
        build(work(translation=TRANSLATION, intents=other))


@pytest.mark.parametrize(("text", "problem"), [("{", "not JSON: "), ("[1]", "holds list, expected an object of sections")])
def test_a_part_that_is_no_object_is_refused(work, text, problem):
    folder = work(translation=TRANSLATION)
    (folder / "intents.json").write_text(text)
    with pytest.raises(ReportError, match=rf"intents\.json: {problem}"):
        build(folder)


def test_a_number_that_is_not_finite_is_null(work):
    report = build(work(intents={"intents": {"macro_f1": float("nan"), "ece": float("inf"), "accuracy": 70.0}}))
    assert report["intents"] == {"macro_f1": None, "ece": None, "accuracy": 70.0}


def test_the_numbers_of_a_report_have_dotted_names(work):
    report = build(work(translation=TRANSLATION, latency=LATENCY))
    assert numbers(report) == {
        "translation.en-de.chrf": 61.0,
        "latency.translate.p95_ms": 80.0,
        "latency.translate.failed": 0.0,
        "serving.ready_s": 4.0,
        "parity.en-xx.sequences_equal": 100.0,
    }
    assert summary(report) == "5 numbers, 1 language pairs; not measured: terms, forgetting, intents, robustness, data"


def test_models_from_scratch_have_a_section_without_numbers(work):
    report = build(work(translation=TRANSLATION | {"forgetting": {}}))
    assert report["forgetting"] == {}
    assert numbers(report) == {"translation.en-de.chrf": 61.0, "parity.en-xx.sequences_equal": 100.0}
    assert "forgetting" not in summary(report)


def test_examples_and_names_are_no_numbers(work, prepared):
    found = numbers(build(work(intents=INTENTS), prepared))
    assert {key: value for key, value in found.items() if key.startswith("data.")} == {
        "data.intents.parts.train.de": 300.0,
        "data.intents.sources.data/My export (2).tsv.read": 90.0,
        "data.intents.sources.data/My export (2).tsv.rejected": 1.0,
        "data.intents.sources.data/My export (2).tsv.kept.train": 80.0,
        "data.intents.sources.data/My export (2).tsv.dropped.copies": 10.0,
    }


def test_verdicts_are_put_into_the_report_once(work, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(build(work(intents=INTENTS))))
    gates = [Rule(name="macro-F1", measure="intents.macro_f1", at_least=55.0)]
    write_gates(path, read_report(path), gates)
    judged = read_report(path)
    assert judged["gates"] == [{"name": "macro-F1", "measured": 70.0, "rule": "at_least", "limit": 55.0, "ok": True, "note": ""}]
    assert judged["intents"] == INTENTS["intents"]
    before = path.stat().st_mtime_ns
    write_gates(path, judged, gates)
    assert path.stat().st_mtime_ns == before
    write_gates(path, judged, [Rule(name="macro-F1", measure="intents.macro_f1", at_least=75.0)])
    assert [gate["ok"] for gate in read_report(path)["gates"]] == [False]


def test_gates_are_judged_for_the_machine_that_was_measured(work):
    def judged(machine: str) -> bool | None:
        rule = Rule(name="p95", measure="latency.translate.p95_ms", at_most=100.0, machine=machine)
        return with_gates(build(work(latency=LATENCY)), [rule])["gates"][0]["ok"]

    assert judged("x86_64-2c-plain") is True
    assert judged("x86_64-64c-avx2") is None


@pytest.fixture
def calls(monkeypatch):
    """What a report records in MLflow."""
    calls: dict[str, object] = {"tags": {}, "files": []}

    class Recorder:
        def metrics(self, values):
            calls["metrics"] = values

        def tag(self, name, value):
            calls["tags"][name] = value

        def file(self, path):
            calls["files"].append(path)

    @contextmanager
    def run(name, *, kind, profile):
        calls["run"] = (name, kind, profile)
        yield Recorder()

    monkeypatch.setattr(reporting, "run", run)
    return calls


def test_a_report_goes_to_mlflow_with_numbers_tags_and_files(work, tmp_path, calls):
    report = with_gates(build(work(intents=INTENTS)), [Rule(name="p95", measure="latency.classify.p95_ms", at_most=25.0)])
    record(report, [tmp_path / "report.json"])
    assert calls == {
        "run": ("report", "report", "demo"),
        "metrics": {
            "intents.macro_f1": 70.0,
            "intents.by_language.de.macro_f1": 68.0,
            "parity.intents.int8_macro_f1_drop": 0.1,
            "gates.broken": 1,
        },
        "tags": {"data.prepared.sha256": "d" * 64, "bundle.en-xx.sha256": "b" * 64},
        "files": [tmp_path / "report.json"],
    }


def test_metrics_have_names_that_mlflow_takes(work, prepared, calls):
    """A data set may be called anything; one bad name, and MLflow would take none of the numbers."""
    from mlflow.utils.validation import _validate_metric_name

    odd = {"sources": {"../a//b/./c, ä&b.tsv": {"read": 3}, "/data/x.tsv": {"read": 4}}}
    (prepared / "intents" / "counts.json").write_text(json.dumps(odd))
    record(with_gates(build(work(translation=TRANSLATION), prepared), []), [])
    assert calls["metrics"] == {
        "translation.en-de.chrf": 61.0,
        "parity.en-xx.sequences_equal": 100.0,
        "data.intents.sources..._a__b_._c_ ä_b.tsv.read": 3.0,
        "data.intents.sources._data_x.tsv.read": 4.0,
        "gates.broken": 0,
    }
    for name in calls["metrics"]:
        _validate_metric_name(name)
