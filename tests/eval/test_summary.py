"""The table of the README: every number from the report, none made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval import reporting, summary
from eval.summary import markdown


def memory(seen: float, held_out: float) -> dict[str, float]:
    return {"tm_baseline_chrf": seen, "tm_baseline_chrf_held_out": held_out}


@pytest.fixture
def report() -> dict[str, Any]:
    return {
        "profile": "demo",
        "translation": {
            "en-de": {"chrf": 61.04, "chrf_held_out": 40.26, "chrf_unseen": 20.44, **memory(44.0, 31.26), "direct": True},
            "de-en": {"chrf": 62.0, "chrf_held_out": 41.0, "chrf_unseen": 21.0, **memory(45.0, 32.0), "direct": True},
            "de-zh": {"chrf": 38.0, "chrf_held_out": 20.0, **memory(25.0, 15.0), "direct": False, "pivot_share": 91.4},
            "es-zh": {"chrf": 39.0, "chrf_held_out": 21.0, **memory(26.0, 16.0), "direct": False, "pivot_share": 88.6},
        },
        "intents": {"macro_f1": 71.26, "baseline_macro_f1": 66.0, "messages": 40, "by_language": {"en": {}, "de": {}}},
        "terms": {
            "en-de": {"proper": 95.0, "random": 91.0, "strict": 100.0, "inflected": 80.0},
            "en-zh": {"proper": 90.5, "random": 93.0, "strict": 100.0},
            "de-en": {"proper_unseen": 70.0},
        },
        "latency": {
            "translate": {"rate_per_s": 5.0, "p95_ms": 81.75, "ratio_transformers": 3.46},
            "translate_strict": {"rate_per_s": 5.0, "p95_ms": 90.0, "ratio_p95": 1.101},
        },
        "serving": {"ready_s": 4.26, "rss_mb": 512.4},
        "signature": {
            "data": "d" * 64,
            "bundles": {"en-xx": "b" * 64},
            "git": "abc",
            "machine": {"architecture": "x86_64", "processor": "Fast", "flags": [], "cores": 2},
            "versions": {"onnxruntime": "1.31.1"},
        },
    }


def test_the_table_has_every_measure_once(report: dict[str, Any]) -> None:
    table, signature = markdown(report).split("\n\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert all(len(row) == 3 for row in rows)
    assert rows[0] == ["measure", "value", "beside"]
    assert {tuple(row[1:]) for row in rows[2:]} == {
        ("61.0 (40.3 / 20.4)", "44.0 (31.3) translation memory"),
        ("62.0 (41.0 / 21.0)", "45.0 (32.0) translation memory"),
        ("38.5", "at least 89 % of the weaker leg"),
        ("71.3", "66.0 TF-IDF with logistic regression"),
        ("81.8", "one at a time 3.5 x faster than transformers"),
        ("90.0", "1.10 of that without a glossary"),
        ("92.8", "worst en-zh 90.5"),
        ("92.0", "worst en-de 91.0"),
        ("100.0", "worst en-de 100.0"),
        ("80.0", "worst en-de 80.0"),
        ("4.3", "512 MB resident"),
    }
    assert [row[0] for row in rows[2:4]] == [f"chrF {pair}, seen patterns (held-out patterns / by hand)" for pair in ("en-de", "de-en")]
    assert rows[4][0] == "chrF, mean of 2 pairs through English"
    pairs = {"with a glossary": 2, "permuted translations": 2, "strict": 2, "inflected": 1}
    assert [row[0] for row in rows[5:9]] == [f"unknown terms, %, {what}, mean of {count} pairs" for what, count in pairs.items()]
    assert [row[0] for row in rows[10:12]] == [f"translate{what}, p95 at 5 requests/s, ms" for what in ("", " with strict terms")]
    assert signature.startswith("Signature: data dddd")
    assert "Fast" in signature


def test_what_users_data_alone_does_not_have_is_a_dash(report: dict[str, Any]) -> None:
    report["translation"] = {"en-de": {"chrf": 61.04, "tm_baseline_chrf": 44.0, "tm_baseline_chrf_held_out": None, "direct": True}}
    found = markdown(report)
    assert "| chrF en-de, seen patterns (held-out patterns / by hand) | 61.0 (– / –) | 44.0 (–) translation memory |" in found
    assert "through English" not in found


def test_pairs_without_a_measured_leg_have_no_share_of_it(report: dict[str, Any]) -> None:
    del report["translation"]["es-zh"]["pivot_share"]
    assert "| 38.5 | at least 91 % of the weaker leg |" in markdown(report)
    del report["translation"]["de-zh"]["pivot_share"]
    assert "| chrF, mean of 2 pairs through English | 38.5 |  |" in markdown(report)


def test_a_fine_tuned_pair_stands_beside_its_base(report: dict[str, Any]) -> None:
    assert "fine-tuned" not in markdown(report)
    scores = {"chrf": 61.04, "chrf_base": 38.26, "chrf_general": 55.0, "chrf_general_base": 55.26}
    report["forgetting"] = {"en-de": scores, "de-en": {"chrf": 62.0, "chrf_base": 39.0, "segments_general": 0}}
    found = markdown(report)
    assert "| chrF en-de, fine-tuned, seen patterns (general text) | 61.0 (55.0) | 38.3 (55.3) the base |" in found
    assert "| chrF de-en, fine-tuned, seen patterns (general text) | 62.0 (–) | 39.0 (–) the base |" in found


def test_the_command_reads_the_report(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    monkeypatch.setattr(summary, "REPORT", path)
    summary.main()
    said = capsys.readouterr().out
    assert said.startswith(markdown(report))
    assert said.splitlines()[-1].startswith(f"from {path} (")


def test_without_a_report_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "REPORT", tmp_path / "report.json")
    with pytest.raises(SystemExit) as caught:
        summary.main()
    assert str(caught.value) == f"error: {tmp_path / 'report.json'}: no such file; `python -m eval.report` makes it"
    assert reporting.REPORT.name == "report.json"
