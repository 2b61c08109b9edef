"""The figures of obedience: what is below its target is said, what was not measured makes a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval import obedience
from eval.obedience import TARGETS, missed

FOUND = {"none": 1.0, "proper": 95.0, "random": 89.9, "strict": 100.0, "chrf_context_none": 70.0, "chrf_context_proper": 80.0, "terms": 12}


def test_what_is_below_its_target_is_named() -> None:
    assert missed({"en-de": {**FOUND, "inflected": 79.94}, "en-zh": FOUND}) == [
        "en-de random 89.9",
        "en-de inflected 79.9",
        "en-zh random 89.9",
    ]
    assert missed({"en-de": dict(TARGETS)}) == []


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(obedience, "WORK", tmp_path / "terms.json")
    monkeypatch.setattr(obedience, "RESULTS", tmp_path)
    monkeypatch.setattr("eval.signature.signature", lambda *_: {"git": "abc"})
    return tmp_path / "terms.json"


def call() -> Any:
    import typer

    app = typer.Typer()
    app.command()(obedience.main)
    return CliRunner().invoke(app)


def test_the_figures_are_kept_with_the_profile_s_name(work: Path) -> None:
    work.write_text(json.dumps({"terms": {"en-de": FOUND, "de-en": {"proper_unseen": 3.0}}}))
    said = call()
    assert said.exit_code == 0, said.output
    assert "below the targets of a long training: en-de random 89.9" in said.output
    [out] = work.parent.glob("terms-*.json")
    kept = json.loads(out.read_text())
    assert (out.name, kept["missed"]) == (f"terms-{kept['profile']}.json", ["en-de random 89.9"])
    assert kept["terms"]["en-de"] == FOUND
    assert kept["terms"]["de-en"] == {"proper_unseen": 3.0}


def test_what_was_not_measured_is_one_sentence(work: Path) -> None:
    assert "no such file; `dvc repro evaluate_terms` makes it" in str(call().exception)
    work.write_text(json.dumps({"terms": {}}))
    assert "no pair has terms that training does not know" in str(call().exception)
