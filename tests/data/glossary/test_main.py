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


def parallel(folder, languages="en,de"):
    """A table of 60 rows with two terms in several wordings."""
    frames = [
        ("We sent the {} to you", "Wir haben Ihnen für die {} geschrieben"),
        ("Is your {} here", "Ist Ihre {} da"),
        ("A {} for us", "Eine {} für uns"),
    ]
    rows = [
        f"{a.format(one)} {number},{b.format(other)} {number}"
        for number in range(10)
        for a, b in frames
        for one, other in (("hydraulic pump", "Hydraulikpumpe"), ("valve", "Klappe"))
    ]
    (folder / "text.csv").write_text("\n".join([languages, *rows]) + "\n", encoding="utf-8")


def test_mine_writes_a_glossary_and_its_evidence(run, tmp_path):
    parallel(tmp_path)
    found = run("mine", "text.csv", "new.yaml", "--source", "en", "--target", "de", "--industry", "machinery")
    assert found.stdout.splitlines()[:3] == [
        "score  together  source  target  term",
        " 81.7        30      30      30  hydraulic pump = Hydraulikpumpe",
        " 81.7        30      30      30  valve = Klappe",
    ]
    assert found.stdout.splitlines()[3].startswith("60 segments; new.yaml: machinery, version ")
    assert ", 2 terms; evidence in new.evidence.tsv (" in found.stdout
    assert (tmp_path / "new.yaml").read_text(encoding="utf-8").startswith("industry: machinery\n")
    header, first, _ = (line.split("\t") for line in (tmp_path / "new.evidence.tsv").read_text(encoding="utf-8").splitlines())
    assert dict(zip(header, first, strict=True)) == {
        "source": "hydraulic pump",
        "target": "Hydraulikpumpe",
        "score": "81.7",
        "source_count": "30",
        "target_count": "30",
        "joint": "30",
        "source_forms": "hydraulic pump",
        "target_forms": "Hydraulikpumpe",
        "source_example_1": "We sent the hydraulic pump to you 0",
        "target_example_1": "Wir haben Ihnen für die Hydraulikpumpe geschrieben 0",
        "source_example_2": "We sent the hydraulic pump to you 1",
        "target_example_2": "Wir haben Ihnen für die Hydraulikpumpe geschrieben 1",
    }
    pytest.importorskip("opencc")
    assert run("check", "new.yaml").exit_code == 0


def test_mine_leaves_known_terms_out_and_prints_json(run, tmp_path):
    parallel(tmp_path)
    (tmp_path / "known.csv").write_text("id,en\nvalve,Valve\n", encoding="utf-8")
    found = run("mine", "text.csv", "new.csv", "--source", "en", "--target", "de", "--known", "known.csv", "--json")
    assert [(term["source"], term["target"], term["joint"]) for term in json.loads(found.stdout)] == [
        ("hydraulic pump", "Hydraulikpumpe", 30)
    ]
    assert "1 terms; evidence in new.evidence.tsv" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("text.csv", "new.csv", "--source", "en", "--target", "zh"),
            "text.csv: fewer than two columns hold text in en, zh; its columns: en, de",
        ),
        (("nowhere.csv", "new.csv", "--source", "en", "--target", "de"), "nowhere.csv: no such file or folder"),
        (
            ("text.csv", "new.doc", "--source", "en", "--target", "de"),
            "new.doc: the ending of its name says no glossary format; valid: .yaml",
        ),
        (("text.csv", "new.csv", "--source", "en", "--target", "German"), "German: no language's code; valid are en, de, es, zh, fr ..."),
        (("text.csv", "new.csv", "--source", "en", "--target", "en"), "terms are mined between two languages, not en and en"),
        (("text.csv", "new.csv", "--source", "en", "--target", "de", "--format", "doc"), "--format doc: Input should be 'tsv', 'csv'"),
        (("few.csv", "new.csv", "--source", "en", "--target", "de"), "few.csv: 1 different segments in en and de; at least 50 are needed"),
        (("bad.tmx", "new.csv", "--source", "en", "--target", "de"), "bad.tmx: not a TMX file: Start tag expected"),
        (("mixed.tmx", "new.csv", "--source", "en", "--target", "de"), "mixed.tmx: no segment is in both en and de (2 lines left out)"),
    ],
)
def test_mine_refuses_what_it_cannot_use(run, tmp_path, arguments, message):
    parallel(tmp_path)
    (tmp_path / "few.csv").write_text("en,de\na pump,eine Pumpe\n", encoding="utf-8")
    (tmp_path / "bad.tmx").write_text("no tmx", encoding="utf-8")
    (tmp_path / "mixed.tmx").write_text(
        '<tmx version="1.4"><header/><body><tu><tuv xml:lang="en"><seg>a</seg></tuv></tu>'
        '<tu><tuv xml:lang="de"><seg>b</seg></tuv></tu></body></tmx>',
        encoding="utf-8",
    )
    found = run("mine", *arguments)
    assert found.exit_code == 1
    assert found.output.startswith(f"error: {message}")
    assert found.output.count("\n") == 1
    assert not (tmp_path / "new.csv").exists()


def test_try_passes_arguments_output_and_exit_code_through(run, capfd):
    found = run("try", "a.csv", "--source", "en", "--bundles", "nowhere", "--target", "de")
    assert found.exit_code == 1
    assert capfd.readouterr() == ("", "error: nowhere: no such folder of bundles; train and export first (`dvc repro`)\n")
    assert run("try", "--help").exit_code == 0
    said = capfd.readouterr().out
    assert "python -m serving.trying" in said
    assert "sentences_file" in said
    assert run("try", "a.csv").exit_code == 2
    assert "--source" in capfd.readouterr().err


def test_an_interrupted_try_ends_as_one(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("data.glossary.__main__.subprocess.run", interrupted)
    found = run("try", "a.csv")
    assert (found.exit_code, found.output) == (130, "")
