import json

import pytest
import typer
from typer.testing import CliRunner

import data.profile
from data.glossary import Glossary, Term
from data.readers.options import pairs


@pytest.fixture
def run(monkeypatch):
    """The command in this process, with one term for all glossaries."""
    pump = Term("machinery/pump", (), {"en": {"base": "pump"}, "de": {"base": "Pumpe"}})
    monkeypatch.setattr(data.profile, "load_glossaries", lambda folder: {"machinery": Glossary("machinery", (pump,))})
    app = typer.Typer()
    app.command()(data.profile.main)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("source,target\nThe pump leaks.,Die Pumpe leckt.\nThe order is late.,Die Bestellung ist zu spät.\n", encoding="utf-8")
    return path


COLUMNS = ("--columns", "en=source", "--columns", "de=target")


def test_tables_and_one_closing_line(run, file):
    found = run(file, *COLUMNS)
    assert found.exit_code == 0, found.output
    last = found.stdout.splitlines()[-1]
    assert last.startswith(f"{file}: 2 segments, findings: 1 (")
    assert "2 segments are too few to hold 360 out" in found.stdout


def test_json_is_all_that_stands_on_stdout(run, file):
    found = run(file, *COLUMNS, "--json")
    assert json.loads(found.stdout)["terms"]["top"][0]["term"] == "pump"


def test_a_page_is_written(run, file, tmp_path):
    page = tmp_path / "out" / "profile.html"
    found = run(file, *COLUMNS, "--html", page)
    assert found.stdout.splitlines()[-1].split(" (")[0].endswith(f"{page} written")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.tsv"], "nowhere.tsv: no such file or folder"),
        (["FILE"], "FILE: neither parallel text nor labelled messages by its columns: source, target; name them, "),
        (["FILE", "--columns", "en"], "--columns en: expected NAME=COLUMN, such as en=source"),
        (["FILE", "--columns", "en=source", "--columns", "de=ziel"], "FILE: has no column ziel; its columns: source, target"),
        (["FILE", *COLUMNS, "--encoding", "utf-9"], "FILE: encoding 'utf-9' is unknown; valid are utf-8, utf-16, gb18030"),
    ],
)
def test_a_mistake_is_one_sentence(run, file, arguments, message):
    found = run(*(file if a == "FILE" else a for a in arguments))
    assert found.exit_code == 1
    assert len(found.output.strip().splitlines()) == 1
    assert message.replace("FILE", str(file)) in found.output


def test_pairs_keep_what_follows_the_first_sign():
    assert pairs(["en=a=b"], "--columns") == [("en", "a=b")]
