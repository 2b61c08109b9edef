"""The command that scores the terms of a file of translations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from eval.score_terms import main

GLOSSARY = """
industry: m
terms:
  - id: pump
    en: {base: pump, pl: pumps}
    de: {base: Pumpe, gender: f, pl: Pumpen, synonyms: [Förderpumpe], forbidden: [Pumpwerk]}
    zh: 液压泵
  - {id: belt, en: belt, de: {base: Riemen, gen: Riemens}}
  - {id: valve, en: valve, es: válvula}
"""
PUMPS = {"source": "the pumps and a valve", "reference": "die Pumpen und ein Ventil", "translation": "die Pumpe und ein Ventil"}
ROWS = [
    {**PUMPS, "document": "d"},
    {"source": "a PUMP", "reference": "eine Pumpe", "translation": "ein Pumpwerk", "document": "d"},
    {"source": "the belt", "reference": "der Riemen", "translation": "der Riemen", "part": "seen", "id": "1"},
]


@pytest.fixture
def glossaries(tmp_path: Path) -> Path:
    folder = tmp_path / "glossaries"
    folder.mkdir()
    (folder / "m.yaml").write_text(GLOSSARY, encoding="utf-8")
    return folder


def run(path: Path, glossaries: Path, *options: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(main)
    said = CliRunner().invoke(app, [str(path), "--glossaries", str(glossaries), *options])
    return said.exit_code, said.output


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_scores_beside_the_references_and_the_terms_that_fail(tmp_path: Path, glossaries: Path) -> None:
    code, said = run(write(tmp_path / "en-de.jsonl", ROWS), glossaries)
    lines = said.splitlines()
    assert code == 0, said
    assert [line.split() for line in lines[:11] if "chrf" not in line] == [
        ["translation", "reference"],
        ["term_success", "66.67", "100.00"],  # the valve has no German
        ["terms", "3", "3"],
        ["forbidden", "1", "0"],
        ["inflected", "0.00", "100.00"],
        ["inflected_terms", "1", "1"],
        ["consistency", "0.00", "100.00"],  # in two places once missed; the last segment has no document
        ["consistency_occurrences", "2", "2"],
        ["consistency_found", "-", "100.00"],
    ]
    assert [float(line.split()[2]) for line in lines if line.startswith("chrf")] == [100, 100]
    assert lines[11:15] == [
        "m/pump: 1 of 2, inflected 0 of 1",
        "    source      a PUMP",
        "    reference   eine Pumpe",
        "    hypothesis  ein Pumpwerk",
    ]
    assert lines[15].startswith(f"{tmp_path / 'en-de.jsonl'}: 3 segments, 1 terms fail somewhere")


def test_as_json_and_without_what_there_is_nothing_to_count_of(tmp_path: Path, glossaries: Path) -> None:
    rows = [{"source": "the pump", "reference": "液压泵", "translation": "液壓泵"}]
    code, said = run(write(tmp_path / "x.jsonl", rows), glossaries, "--pair", "en-zh", "--json")
    made = json.loads(said)
    assert code == 0
    assert set(made) == {"term_success", "terms", "forbidden", "chrf", "chrf_context", "references", "worst"}
    assert (made["term_success"], made["chrf"], made["worst"]) == (100, pytest.approx(100), [])  # Traditional characters


def test_what_cannot_be_scored_is_said(tmp_path: Path, glossaries: Path) -> None:
    nothing = write(tmp_path / "en-de.jsonl", [{"source": "hello", "reference": "hallo", "translation": "hallo"}])
    assert run(nothing, glossaries) == (1, f"error: {nothing}: none of 2 terms of {glossaries} stands in a source of its 1 segments\n")
    unnamed = write(tmp_path / "translations.jsonl", ROWS)
    reason = "its name is no pair of languages (en-de.jsonl); give one with --pair en-de"
    assert run(unnamed, glossaries) == (1, f"error: {unnamed}: {reason}\n")
    broken = write(tmp_path / "de-en.jsonl", [{"source": "a"}, {"source": "a", "reference": "b", "translation": "c", "kind": "d"}])
    code, said = run(broken, glossaries)
    assert code == 1
    assert f"{broken}:1: reference: Field required; translation: Field required" in said
    assert f"{broken}:2: kind: Extra inputs are not permitted" in said
