"""Measuring the preparation: what is generated, what is watched, what is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from configs.schema import ROOT
from data.grammar import Grammar, load_grammar
from eval import preparation
from eval.preparation import generate, measure, table

ROW = {"seconds": 61.44, "us_per_segment": 614.4, "peak_mb": 512.3, "kept": 9_000, "copies": 4}


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar(ROOT / "data/corpora", ROOT / "data/glossaries")


@pytest.fixture
def few(grammar: Grammar, monkeypatch: pytest.MonkeyPatch) -> Grammar:
    """Two patterns, so that a few hundred lines take several rounds."""
    found = [p for p in grammar.patterns if len(grammar.expansions(p, 20, 1)) == 20][:2]
    monkeypatch.setattr(grammar, "patterns", found)
    return grammar


def lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_file_has_as_many_lines_as_asked_for_in_two_languages(few: Grammar, tmp_path: Path) -> None:
    generate(tmp_path / "a.tsv", 130, few)
    header, *rows = lines(tmp_path / "a.tsv")
    assert header == ["en", "de"]
    assert len(rows) == 130
    assert all(len(row) == 2 and all(row) and row[0] != row[1] for row in rows)


def test_every_round_draws_anew_and_every_file_is_the_same(few: Grammar, tmp_path: Path) -> None:
    for name in ("a.tsv", "b.tsv"):
        generate(tmp_path / name, 80, few)
    first, second = lines(tmp_path / "a.tsv")[1:41], lines(tmp_path / "a.tsv")[41:]
    assert len(second) == 40
    assert sum(row in first for row in second) < 10
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()


def test_a_small_size_is_measured_by_the_stage_s_own_command(grammar: Grammar) -> None:
    found = measure(500, grammar)
    reasons = set(found) - {"segments", "seconds", "us_per_segment", "peak_mb", "kept"}
    assert found["segments"] == 500
    assert found["us_per_segment"] == pytest.approx(1e6 * found["seconds"] / 500)
    assert 0.5 < found["seconds"] < 120
    assert 50 < found["peak_mb"] < 3_000
    assert found["kept"] + sum(found[reason] for reason in reasons) == 500
    assert found["kept"] > 400, "what the patterns write is clean"


def test_a_stage_that_fails_says_why(few: Grammar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = preparation.PARAMS_FILE.read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(re.sub(r"(  test_segments: )\d+", r"\1-1", text), encoding="utf-8")
    monkeypatch.setattr(preparation, "PARAMS_FILE", tmp_path / "params.yaml")
    expected = r"^data\.prepare_translation: error: \S+/params\.yaml: prepare_translation\.test_segments = -1: .* greater than 0$"
    with pytest.raises(ValueError, match=expected):
        measure(20, few)


def test_the_memory_is_that_of_a_process_and_its_children_at_their_largest() -> None:
    child = "import time; text = b'x' * (150 << 20); time.sleep(0.8); del text; time.sleep(0.4)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    peak_mb = preparation._watch(subprocess.Popen([sys.executable, "-c", code], text=True))
    assert 150 < peak_mb < 300


def test_the_table_has_a_line_per_size() -> None:
    rows = [{"segments": size, **ROW} for size in (10_000, 1_000_000)]
    assert table(rows).splitlines() == [
        "| segments | seconds | µs per segment | memory, MB | kept |",
        "| ---: | ---: | ---: | ---: | ---: |",
        "| 10,000 | 61 | 614 | 512 | 9,000 |",
        "| 1,000,000 | 61 | 614 | 512 | 9,000 |",
    ]


@pytest.mark.parametrize(("arguments", "sizes"), [([], [10_000, 100_000, 1_000_000]), (["500", "2000"], [500, 2000])])
def test_the_command_writes_every_size_with_the_signature(
    arguments: list[str], sizes: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(segments: int, grammar: Any) -> dict[str, Any]:
        assert grammar == (ROOT / "data/corpora", ROOT / "data/glossaries")
        return {"segments": segments, **ROW}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preparation, "measure", pretend)
    monkeypatch.setattr(preparation, "load_grammar", lambda *folders: folders)
    app = typer.Typer()
    app.command()(preparation.main)
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    written = json.loads((tmp_path / "eval/results/preparation.json").read_text(encoding="utf-8"))
    assert written["rows"] == [{"segments": size, **ROW} for size in sizes]
    assert set(written["signature"]) == {"data", "bundles", "git", "machine", "versions"}
    assert said.stdout.startswith(table(written["rows"]))
    assert re.fullmatch(rf"eval/results/preparation\.json: {len(sizes)} sizes \(\d+\.\d s\)", said.stdout.splitlines()[-1])
