"""Measuring what mining proposes: halves, judgements, figures, what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from configs.schema import ROOT
from data.glossary import Glossary, load_glossaries
from data.glossary.loading import term_of
from eval import term_mining
from eval.term_mining import JUDGED, Text, admitted, halves, measure, read_judgements, table

TERMS = {"pump": "Pumpe", "valve": "Klappe", "sealing ring": "Dichtungsring"}
FRAMES = [
    ("We sent the {} to you", "Wir haben Ihnen für die {} geschrieben"),
    ("Is your {} here", "Ist Ihre {} da"),
    ("A {} for us", "Eine {} für uns"),
]
PAIRS = [(f"{a.format(one)} {n}", f"{b.format(other)} {n}") for n in range(10) for a, b in FRAMES for one, other in TERMS.items()]
SOUGHT = (Glossary("m", (term_of("m", {"id": "p", "en": {"base": "x", "pl": "Pump"}, "de": {"base": "y", "acc": "pumpe"}}),)),)


def test_the_halves_are_disjoint_and_all_there_is() -> None:
    shipped = list(load_glossaries(ROOT / "data/glossaries").values())
    one, other = ({term.id for glossary in half for term in glossary.terms} for half in halves(shipped))
    assert not one & other
    assert len(one) + len(other) == sum(len(glossary.terms) for glossary in shipped)
    assert 0.45 < len(one) / (len(one) + len(other)) < 0.55


def test_admitted_are_the_forms_of_the_same_term_in_lower_case() -> None:
    assert admitted(SOUGHT, "de") == {("x", "y"), ("x", "pumpe"), ("pump", "y"), ("pump", "pumpe")}


def test_listed_and_judged_proposals_are_right_and_the_others_wrong() -> None:
    judgements = {("s", "en-de", "valve", "Klappe"): True, ("other", "en-de", "sealing ring", "Dichtungsring"): True}
    row, unjudged = measure(Text("s", "de", PAIRS, sought=SOUGHT), judgements)
    assert (row["first"], row["in_glossaries"], row["right"], row["unjudged"]) == (3, 1, 2, 1)
    assert row["precision"] == pytest.approx(200 / 3)
    assert row["precision_in_glossaries"] == pytest.approx(100 / 3)
    assert [proposal.source for proposal in unjudged] == ["sealing ring"]
    wrong, rest = measure(Text("s", "de", PAIRS), {("s", "en-de", name, other): False for name, other in TERMS.items()})
    assert (wrong["in_glossaries"], wrong["right"], rest) == (None, 0, [])


def test_the_committed_judgements_are_read() -> None:
    found = read_judgements(JUDGED)
    assert len(found) > 150
    assert found["tico19", "en-zh", "clinical trial", "临床试验"]
    assert not found["tico19", "en-zh", "hand", "洗手"]


def test_a_verdict_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "judged.tsv"
    path.write_text("set\tlanguages\tsource\ttarget\tverdict\na\ten-de\tb\tc\tyes\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"judged\.tsv:2: the verdict is right or wrong, not 'yes'$"):
        read_judgements(path)


def test_the_command_writes_the_figures_and_says_what_nobody_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_mining, "OUT", tmp_path / "found.json")
    monkeypatch.setattr(term_mining, "texts", lambda: iter([Text("s", "de", PAIRS, sought=SOUGHT)]))
    monkeypatch.setattr(term_mining, "signature", lambda: {"git": "abc"})
    monkeypatch.delenv("QUAYSIDE_PUBLIC_DATA", raising=False)
    app = typer.Typer()
    app.command()(term_mining.main)
    found = CliRunner().invoke(app, [])
    assert found.exit_code == 0
    assert "TICO-19 is left out: QUAYSIDE_PUBLIC_DATA names no folder" in found.stderr
    assert "s\ten-de\tvalve\tKlappe\n" in found.stderr
    assert "found.json: 33 % right at the least (s en-de), not judged: 2" in found.stdout
    written = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert written["signature"] == {"git": "abc"}
    assert table(written["rows"]).splitlines()[-1].startswith("| s en-de | 90 | 3 | 3 | 33 | 33 | 2 | ")


def test_without_the_prepared_text_the_command_says_what_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_mining, "SHIPPED", tmp_path / "train.jsonl")
    with pytest.raises(ValueError, match=r"train\.jsonl: no such file; `python -m data\.prepare_translation` writes it$"):
        next(term_mining.texts())
