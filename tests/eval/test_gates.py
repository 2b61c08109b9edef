import math
from typing import Any

import pytest
import yaml

from configs.schema import SettingsError
from eval.gates import GATES_FILE, Rule, broken, judge, load_gates, number_at

MACHINE = "x86_64-2c-avx2"
REPORT = {
    "translation": {
        "en-de": {"chrf": 61.0, "tm_baseline_chrf": 50.0, "direct": True},
        "en-es": {"chrf": 57.0, "tm_baseline_chrf": 50.0},
    },
    "latency": {"translate": {"p95_ms": 140.0, "failed": 0}},
    "broken": {"nan": math.nan, "infinite": math.inf, "text": "61", "null": None},
}


def verdict(**rule: Any):
    (found,) = judge(REPORT, [Rule(name="gate", **rule)], MACHINE)
    return found


def load(tmp_path, *rules: Any):
    path = tmp_path / "gates.yaml"
    path.write_text(yaml.safe_dump({"gates": list(rules)}, sort_keys=False))
    return load_gates(path)


@pytest.mark.parametrize(("limit", "ok"), [(60.9, True), (61.0, True), (61.1, False)])
def test_at_least(limit, ok):
    found = verdict(measure="translation.en-de.chrf", at_least=limit)
    assert (found.measured, found.rule, found.limit, found.ok, found.note) == (61.0, "at_least", limit, ok, "")


@pytest.mark.parametrize(("limit", "ok"), [(140.1, True), (140.0, True), (139.9, False)])
def test_at_most(limit, ok):
    assert verdict(measure="latency.translate.p95_ms", at_most=limit).ok is ok


@pytest.mark.parametrize(("limit", "ok"), [(0.0, True), (1.0, False), (-1.0, False)])
def test_equals(limit, ok):
    assert verdict(measure="latency.translate.failed", equals=limit).ok is ok


@pytest.mark.parametrize(("limit", "ok"), [(11.0, True), (11.1, False)])
def test_minus_judges_the_difference(limit, ok):
    found = verdict(measure="translation.en-de.chrf", minus="translation.en-de.tm_baseline_chrf", at_least=limit)
    assert (found.measured, found.ok) == (11.0, ok)


@pytest.mark.parametrize(("limit", "ok"), [(59.0, True), (59.1, False)])
def test_mean_of_judges_the_mean(limit, ok):
    found = verdict(mean_of=["translation.en-de.chrf", "translation.en-es.chrf"], at_least=limit)
    assert (found.measured, found.ok) == (59.0, ok)


def test_a_mean_may_be_a_difference_too():
    keys = ["translation.en-de.chrf", "translation.en-es.chrf"]
    assert verdict(mean_of=keys, minus="translation.en-de.tm_baseline_chrf", at_least=9.0).measured == 9.0


def test_each_makes_a_gate_for_every_value(tmp_path):
    rule = {
        "name": "chrF {pair}",
        "measure": "translation.{pair}.chrf",
        "minus": "translation.{pair}.tm_baseline_chrf",
        "at_least": 10.0,
        "each": {"pair": ["en-de", "en-es"]},
    }
    found = judge(REPORT, load(tmp_path, rule), MACHINE)
    assert [(v.name, v.measured, v.ok) for v in found] == [("chrF en-de", 11.0, True), ("chrF en-es", 7.0, False)]
    assert broken(found) == ["chrF en-es"]


def test_each_of_two_makes_every_combination(tmp_path):
    rule = {"name": "{a}{b}", "mean_of": ["x.{a}", "{b}"], "at_most": 1, "each": {"a": ["1", "2"], "b": ["3", "4"]}}
    gates = load(tmp_path, rule)
    assert [(gate.name, gate.mean_of) for gate in gates] == [
        ("13", ["x.1", "3"]),
        ("14", ["x.1", "4"]),
        ("23", ["x.2", "3"]),
        ("24", ["x.2", "4"]),
    ]


@pytest.mark.parametrize(
    ("machine", "ok"), [("x86_64-2c-avx2", False), ("x86_64-2c-*", False), ("x86_64-4c-avx2", None), ("arm64-*", None)]
)
def test_machine_limits_a_gate_to_its_class(machine, ok):
    found = verdict(measure="latency.translate.p95_ms", at_most=100.0, machine=machine)
    assert (found.measured, found.ok) == (140.0, ok)
    assert found.note == ("" if ok is False else f"skipped (machine class x86_64-2c-avx2, the gate is for {machine})")
    assert broken([found]) == (["gate"] if ok is False else [])


CONDITION = "latency.{endpoint}.requests"


@pytest.mark.parametrize(
    ("latency", "ok", "note"),
    [
        ({"translate": {"p95_ms": 140.0, "requests": 5}}, False, ""),
        ({"translate": {"p95_ms": 140.0, "requests": 0}}, None, "skipped (latency.translate.requests is 0)"),
        ({"classify": {"p95_ms": 140.0}}, None, "skipped (the report has no latency.translate)"),
        ({}, None, "skipped (the report has no latency.translate)"),
        # What should be there and is not, breaks the gate.
        (None, False, "missing: latency.translate.p95_ms"),
        ({"translate": {"requests": 5}}, False, "missing: latency.translate.p95_ms"),
        ({"translate": {}}, False, "missing: latency.translate.p95_ms"),
        ({"translate": {"p95_ms": 140.0}}, False, ""),
        ({"translate": {"p95_ms": 140.0, "requests": None}}, False, ""),
        ({"translate": {"p95_ms": 140.0, "requests": False}}, False, ""),
    ],
)
def test_where_limits_a_gate_to_what_was_there_to_measure(tmp_path, latency, ok, note):
    rule = {"name": "{endpoint}, p95", "measure": "latency.{endpoint}.p95_ms", "at_most": 100.0, "where": CONDITION}
    report = {"serving": {}} if latency is None else {"latency": latency}
    (found,) = judge(report, load(tmp_path, rule | {"each": {"endpoint": ["translate"]}}), MACHINE)
    assert (found.ok, found.note) == (ok, note)


def test_a_missing_number_breaks_its_gate_by_name():
    found = verdict(measure="translation.en-zh.chrf", minus="translation.en-zh.tm_baseline_chrf", at_least=-1000.0)
    assert (found.measured, found.ok) == (None, False)
    assert found.note == "missing: translation.en-zh.chrf, translation.en-zh.tm_baseline_chrf"


def test_one_missing_number_breaks_a_mean():
    found = verdict(mean_of=["translation.en-de.chrf", "translation.en-zh.chrf"], at_least=0.0)
    assert (found.measured, found.ok, found.note) == (None, False, "missing: translation.en-zh.chrf")


@pytest.mark.parametrize("kind", ["at_least", "at_most", "equals"])
@pytest.mark.parametrize("key", ["broken.nan", "broken.infinite", "broken.text", "broken.null", "broken", "translation.en-de.direct"])
def test_what_is_no_finite_number_breaks_its_gate(kind, key):
    found = verdict(measure=key, **{kind: 0.0})
    assert (found.measured, found.ok, found.note) == (None, False, f"missing: {key}")


def test_a_key_leads_through_the_report():
    assert number_at(REPORT, "latency.translate.failed") == 0.0
    assert number_at(REPORT, "latency.translate.failed.deeper") is None
    assert number_at(REPORT, "no.such.key") is None


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path):
    rules = [
        {"name": "a", "measure": "x", "at_leest": 1.0},
        {"name": "b", "measure": "x", "mean_of": ["y"], "at_least": 1.0, "at_most": 2.0},
        {"name": "c", "at_least": 1.0},
        {"name": "d {pair}", "measure": "x", "at_least": 1.0, "each": {"pair": ["en-de"]}},
        {"name": "e", "measure": "x.{lang}", "at_least": 1.0},
        {"name": "f", "measure": "x", "at_least": "much"},
        {"name": "g", "measure": "x", "at_least": math.nan},
        {"measure": "x", "at_least": 1.0},
        {"name": "h", "measure": "x", "at_least": 1.0, "color": "red"},
        "just text",
        {"name": "i", "measure": "forgetting.en-de.drop", "at_most": 1.0, "where": "forgeting.en-de.segments"},
        {"name": "j", "measure": "drop", "at_most": 1.0, "where": "segments"},
    ]
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, *rules)
    lines = str(caught.value).splitlines()
    expected = [
        "gates.0.at_leest = 1.0 is not a known key; did you mean at_least?",
        "exactly one of measure, mean_of is needed, got measure and mean_of; "
        "exactly one of at_least, at_most, equals is needed, got at_least and at_most",
        "exactly one of measure, mean_of is needed, got none",
        "{pair} of each stands not in both name and measure",
        "{lang} has no values in each",
        "gates.5.at_least = 'much': input should be a valid number",
        "gates.6.at_least = nan: input should be a finite number",
        "gates.7.name is missing",
        "gates.8.color = 'red' is not a known key; "
        "valid here: name, measure, mean_of, minus, at_least, at_most, equals, each, machine, where",
        "gates.9 = 'just text'",
        "where = 'forgeting.en-de.segments' does not stand beside what is measured",
        "where = 'segments' does not stand beside what is measured",
    ]
    assert len(lines) == len(expected)
    for number, (line, part) in enumerate(zip(lines, expected, strict=True)):
        assert f"gates.yaml: gates.{number}" in line
        assert part in line


def test_an_unknown_section_is_refused(tmp_path):
    path = tmp_path / "gates.yaml"
    path.write_text("gate: []\n")
    with pytest.raises(SettingsError, match=r"gates is missing\n.*gate .*is not a known key; did you mean gates\?"):
        load_gates(path)


def test_a_file_without_gates_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="at least 1 item"):
        load(tmp_path)


def test_two_gates_of_one_name_are_refused(tmp_path):
    rule = {"name": "same", "measure": "x", "at_least": 1.0}
    template = {"name": "sam{e}", "measure": "{e}", "at_least": 1.0, "each": {"e": ["e"]}}
    with pytest.raises(SettingsError, match=r"gates\.yaml: several gates of one name: same"):
        load(tmp_path, rule, template)


def test_a_verdict_is_a_row_of_the_report():
    row = verdict(measure="translation.en-de.chrf", at_least=55.0).as_json()
    assert row == {"name": "gate", "measured": 61.0, "rule": "at_least", "limit": 55.0, "ok": True, "note": ""}


def report_with(numbers: dict[str, float]) -> dict[str, Any]:
    """A report that holds these numbers at their dotted keys, and nothing else."""
    report: dict[str, Any] = {}
    for key, number in numbers.items():
        *path, last = key.split(".")
        section = report
        for part in path:
            section = section.setdefault(part, {})
        section[last] = number
    return report


def test_every_shipped_gate_holds_within_its_limit_and_breaks_beyond_it_and_without_its_number():
    gates = load_gates()
    assert len(gates) >= 36
    for gate in gates:
        kind, limit = gate.limit()
        worse = {"at_least": -0.01, "at_most": 0.01, "equals": 1.0}[kind]
        keys = gate.mean_of or [gate.measure]
        subtracted = {gate.minus: 7.0} if gate.minus else {}

        def ok(number: float, gate=gate, keys=keys, subtracted=subtracted) -> bool | None:
            numbers = dict.fromkeys(keys, number + sum(subtracted.values())) | subtracted
            return judge(report_with(numbers), [gate], "x86_64-2c-avx2")[0].ok

        assert ok(limit if kind == "equals" else limit - worse) is True, gate.name
        assert ok(limit + worse) is False, gate.name
        assert ok(math.nan) is False, gate.name
        assert judge({}, [gate], "x86_64-2c-avx2")[0].ok is False, gate.name


def test_every_shipped_gate_names_its_source():
    text = GATES_FILE.read_text(encoding="utf-8")
    limits = [line for line in text.splitlines() if line.strip().startswith(("at_least:", "at_most:", "equals:"))]
    assert len(limits) >= 17
    assert [line for line in limits if "# " not in line] == []


def test_shipped_milliseconds_are_judged_on_one_machine_class_and_ratios_everywhere():
    gates = load_gates()
    milliseconds = [gate for gate in gates if gate.measure and gate.measure.endswith(("_ms", "_s"))]
    ratios = [gate for gate in gates if gate.measure and "ratio" in gate.measure]
    assert len(milliseconds) >= 3
    assert len(ratios) >= 2
    assert all(gate.machine for gate in milliseconds)
    assert not any(gate.machine for gate in ratios)
