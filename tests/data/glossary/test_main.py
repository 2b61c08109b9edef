import json

import pytest
from typer.testing import CliRunner

from data.glossary.__main__ import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id,en,de\npump,pump,Pumpe\nold,old,alt\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id,en,zh,de\npump,pump,泵,Kolben\nthe,the,<b>这</b>,das Ding\n", encoding="utf-8")
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_check_prints_problems_and_versions(run):
    pytest.importorskip("opencc")
    found = run("check", "a.csv", "b.csv", "nowhere.csv")
    assert found.exit_code == 1
    first, *lines = found.stdout.splitlines()
    assert first == "b.csv:3: b/the: en 'the': a word of which every message is full"
    assert lines[0] == "b.csv:3: b/the: zh '<b>这</b>': holds markup (<b>)"
    assert lines[1].startswith("nowhere.csv: no such file or folder")
    assert lines[2].startswith("a.csv: a, version ")
    assert lines[2].endswith(", 2 terms")
    assert lines[-1] == "3 files, problems: 3"
    good = run("check", "a.csv")
    assert good.exit_code == 0
    assert good.stdout.splitlines()[-1].startswith("1 files, problems: 0 (")


def test_check_as_json(run):
    pytest.importorskip("opencc")
    found = run("check", "b.csv", "--json")
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    assert [(item["file"], item["line"], item["term"]) for item in report["problems"]] == [("b.csv", 3, "b/the")] * 2
    assert report["files"][0]["terms"] == 2
    assert run("check", "a.csv", "--json").exit_code == 0


def test_a_workbook_comes_back_with_reasons(run, tmp_path):
    pytest.importorskip("opencc")
    openpyxl = pytest.importorskip("openpyxl")
    assert run("convert", "b.csv", "b.xlsx").exit_code == 0
    found = run("check", "b.xlsx", "--out", "c.xlsx")
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-1] == "1 files, problems: 2; c.xlsx written"
    rows = list(openpyxl.load_workbook(tmp_path / "c.xlsx").active.iter_rows(values_only=True))
    assert [row[-1] for row in rows] == [
        "problems",
        None,
        "b/the: en 'the': a word of which every message is full; b/the: zh '<b>这</b>': holds markup (<b>)",
    ]
    refused = run("check", "b.csv", "--out", "c.xlsx")
    assert refused.output == "error: --out c.xlsx: one XLSX file comes back with reasons, not b.csv\n"


def test_convert_says_what_is_written_and_what_is_not(run, tmp_path):
    (tmp_path / "c.yaml").write_text('industry: m\nterms:\n  - {id: a, en-GB: "a\\x01"}\n', encoding="utf-8")
    found = run("convert", "c.yaml", "c.tbx")
    assert found.stdout.startswith("c.tbx: m, version ")
    assert found.stderr.splitlines() == [
        "warning: c.tbx: TBX holds no control characters: left out of 1 terms",
        "warning: c.tbx: without their language's own word, these locales are read back as the language: en-GB",
    ]
    assert run("convert", "c.yaml", "c.doc").output == (
        "error: c.doc: the ending of its name says no glossary format; valid: .yaml, .csv, .tsv, .xlsx, .tbx, .tmx\n"
    )


def test_merge_and_diff(run):
    found = run("merge", "a.csv", "b.csv", "c.yaml")
    assert found.stderr == "b.csv:2: pump: de is 'Kolben', a.csv:2 had 'Pumpe'\n"
    assert found.stdout.startswith("c.yaml: a, version ")
    assert "3 terms; conflicts: 1 (" in found.stdout
    shown = run("diff", "a.csv", "c.yaml")
    assert shown.stdout.splitlines()[:3] == ["+ the", "~ pump: de: 'Pumpe' -> 'Kolben'", "~ pump: zh: '' -> '泵'"]
    assert "1 added, 0 removed, 1 changed" in shown.stdout.splitlines()[3]
    report = json.loads(run("diff", "a.csv", "c.yaml", "--json").stdout)
    assert report["changed"] == {
        "pump": [{"field": "de", "before": "Pumpe", "after": "Kolben"}, {"field": "zh", "before": "", "after": "泵"}]
    }
    assert run("merge", "a.csv", "c.yaml").output == "error: merge needs two glossary files or more, and last the file to write\n"
