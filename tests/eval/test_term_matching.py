"""Measuring the matching of terms: what is made, what is measured, what is written."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from configs.schema import ROOT
from data.glossary import Glossary, load_glossaries
from data.terms import Wanted
from eval import term_matching
from eval.term_matching import measure_apart, messages, synthetic_terms, table

ROW = {"load_s": 0.812, "rss_mb": 61.4, "segments": 50, "characters_mean": 87.6, "found_per_segment": 1.234, "segments_per_s": 41_234.5}


@pytest.fixture(scope="module")
def glossaries() -> dict[str, Glossary]:
    return load_glossaries(ROOT / "data/glossaries")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_as_many_terms_as_asked_for_the_shipped_ones_first(glossaries: dict[str, Glossary], language: str) -> None:
    terms = synthetic_terms(glossaries, language, 5_000)
    assert len({term.sources[0] for term in terms}) == len({term.id for term in terms}) == 5_000
    shipped = {term.surfaces(language)[0] for glossary in glossaries.values() for term in glossary.terms}
    assert {term.sources[0] for term in terms[: len(shipped)]} == shipped
    assert synthetic_terms(glossaries, language, 5_000) == terms


def test_more_terms_than_there_are_pairs_are_refused(glossaries: dict[str, Glossary]) -> None:
    with pytest.raises(ValueError, match=r"^10,000,000 terms: \d{3} words make \d{3},\d{3} at the most$"):
        synthetic_terms(glossaries, "en", 10_000_000)


def test_messages_are_support_text_and_the_same_every_time() -> None:
    first = list(itertools.islice(messages("de"), 40))
    assert first == list(itertools.islice(messages("de"), 40))
    assert len(set(first)) > 30


def test_a_small_glossary_is_measured(glossaries: dict[str, Glossary]) -> None:
    texts = list(itertools.islice(messages("en"), 100))
    found = measure_apart("en", synthetic_terms(glossaries, "en", 2_000), texts)
    assert (found["language"], found["terms"], found["segments"]) == ("en", 2_000, 100)
    assert found["segments_per_s"] > 2_000
    assert 0 < found["load_s"] < 5
    assert 0.2 < found["found_per_segment"] < 5
    assert 40 < found["characters_mean"] < 200
    assert 0 <= found["rss_mb"] < 50
    assert found["characters_mean"] == pytest.approx(sum(map(len, texts)) / 100)


def test_the_table_has_a_line_per_language_and_size() -> None:
    assert table([{"language": "zh", "terms": 100_000, **ROW}]).splitlines() == [
        "| language | terms | load, s | memory, MB | characters | found per segment | segments/s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| zh | 100,000 | 0.81 | 61 | 88 | 1.23 | 41,234 |",
    ]


def test_the_command_writes_every_row_with_the_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(language: str, terms: Sequence[Wanted], texts: Sequence[str]) -> dict[str, Any]:
        return {"language": language, "terms": len(terms), **ROW, "segments": len(texts)}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(term_matching, "measure_apart", pretend)
    app = typer.Typer()
    app.command()(term_matching.main)
    said = CliRunner().invoke(app, ["1000", "2000", "--segments", "50"])
    assert said.exit_code == 0, said.output
    written = json.loads((tmp_path / "eval/results/term_matching.json").read_text(encoding="utf-8"))
    assert [(row["language"], row["terms"]) for row in written["rows"]] == [
        (code, n) for code in ("en", "de", "es", "zh") for n in (1000, 2000)
    ]
    assert {"data", "bundles", "git", "machine", "versions"} == written["signature"].keys()
    assert written["load_average"] >= 0
    assert said.stdout.startswith(table(written["rows"]))
    assert re.search(r"^eval/results/term_matching\.json: 41,234 segments/s at the least \(en\) \(\d+\.\d s\)$", said.stdout, re.MULTILINE)
