"""A glossary tried on sentences, mostly with a translator that needs no bundle."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from configs.schema import ROOT
from data.glossary import Glossary, Term
from data.glossary.files import load_glossary
from serving import trying
from serving.answers import AppliedTerm, Translation
from serving.errors import InvalidError

CSV = "id,en,de\npump,pump,Pumpe\nvalve,valve,Ventil\n"
SENTENCES = "Our pump leaks.\n\nThe valve of the pump is stuck.\nThank you.\n"


class FakeTranslator:
    """Writes capitals; with a glossary it writes the German of a pump, and of a valve where every term is to stand there."""

    languages = ("de", "en", "es", "zh")
    described = (SimpleNamespace(pairs=(("en", "de"), ("en", "zh"))),)

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def path(self, source: str, target: str) -> list[tuple[str, str]]:
        if source == "en":
            return [(source, target)]
        raise InvalidError(f"no model translates {source} to {target}")

    def translate(self, segments: Sequence[str], **options: Any) -> list[Translation]:
        self.asked.append({"segments": list(segments), **options})
        return [self._one(text, **options) for text in segments]

    def _one(
        self, text: str, *, source: str, target: str, industry: str | None = None, glossaries: Any = None, strict_terms: bool = False
    ) -> Translation:
        matches = glossaries.matcher(industry, source, target).find(text) if industry else []
        written, terms = text.upper(), []
        for match in matches:
            applied = match.text == "pump" or strict_terms
            written = written.replace(match.text.upper(), match.term.targets[0]) if applied else written
            terms.append(AppliedTerm(match.text, match.term.targets[0], applied, match.start, match.end))
        return Translation(written, source, None, tuple(terms), 0, 100.0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTranslator:
    """The translator that every folder of bundles holds."""
    translator = FakeTranslator()
    monkeypatch.setattr("serving.bundle.load_translator", lambda folder, threads, *, beams: translator)
    return translator


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the command in a folder with a glossary and sentences."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "s.txt").write_text(SENTENCES, encoding="utf-8")
    app = typer.Typer()
    app.command()(trying.main)

    def invoke(*arguments: str, source: str = "en", target: str = "de", stdin: bytes | None = None) -> click.testing.Result:
        return CliRunner().invoke(app, [*arguments, "--source", source, "--target", target], input=stdin)

    return invoke


def version(path: str) -> str:
    return load_glossary(Path(path)).version


def test_each_sentence_without_and_with_the_glossary(run: Callable[..., Any], fake: FakeTranslator) -> None:
    found = run("m.csv", "s.txt")
    *lines, last = found.stdout.splitlines()
    assert found.exit_code == 0
    assert lines == [
        "   1  Our pump leaks.",
        "      without  OUR PUMP LEAKS.",
        "      with     OUR Pumpe LEAKS.",
        "      applied  pump = Pumpe",
        "   3  The valve of the pump is stuck.",
        "      without  THE VALVE OF THE PUMP IS STUCK.",
        "      with     THE VALVE OF THE Pumpe IS STUCK.",
        "      missed   valve = Ventil",
        "      applied  pump = Pumpe",
        "   4  Thank you.",
        "      without  THANK YOU.",
        "      with     (the same)",
        "      terms    (none found)",
    ]
    assert last.startswith(f"m, version {version('m.csv')}: 3 sentences, 2 of 3 terms applied, 2 sentences changed (")
    assert last.endswith(" s)")
    assert [call.get("industry") for call in fake.asked] == [None, "m"]
    assert fake.asked[1]["strict_terms"] is False


def test_strict_asks_for_every_term(run: Callable[..., Any], fake: FakeTranslator) -> None:
    found = run("m.csv", "s.txt", "--strict")
    assert "      with     THE Ventil OF THE Pumpe IS STUCK.\n      applied  valve = Ventil\n" in found.stdout
    assert ": 3 sentences, 3 of 3 terms applied, 2 sentences changed (" in found.stdout
    assert [call.get("strict_terms") for call in fake.asked] == [None, True]


def test_json_has_the_same(run: Callable[..., Any], fake: FakeTranslator) -> None:
    report = json.loads(run("m.csv", "s.txt", "--json").stdout)
    assert report["totals"].pop("seconds") >= 0
    assert report["totals"] == {"sentences": 3, "found": 3, "applied": 2, "changed": 2}
    assert (report["glossary"], report["source"], report["target"]) == ({"industry": "m", "version": version("m.csv")}, "en", "de")
    assert report["sentences"][0] == {
        "line": 1,
        "sentence": "Our pump leaks.",
        "without": "OUR PUMP LEAKS.",
        "with": "OUR Pumpe LEAKS.",
        "changed": True,
        "terms": [{"source": "pump", "target": "Pumpe", "applied": True, "start": 4, "end": 8}],
    }
    assert [sentence["line"] for sentence in report["sentences"]] == [1, 3, 4]
    assert report["sentences"][2]["changed"] is False


def test_many_sentences_keep_their_order(run: Callable[..., Any], fake: FakeTranslator, tmp_path: Path) -> None:
    count = 2 * trying.BATCH + 1
    (tmp_path / "s.txt").write_text("".join(f"pump {number}\n" for number in range(count)), encoding="utf-8")
    report = json.loads(run("m.csv", "s.txt", "--json").stdout)
    assert [sentence["with"] for sentence in report["sentences"]] == [f"Pumpe {number}" for number in range(count)]
    assert len(fake.asked) == 6


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfOur pump leaks.\r\nThank you.", b"\n  Our pump leaks. \nThank you.\n\n"])
def test_without_a_file_stdin_is_read(run: Callable[..., Any], fake: FakeTranslator, content: bytes) -> None:
    found = run("m.csv", stdin=content)
    assert found.stdout.splitlines()[0].endswith("  Our pump leaks.")
    assert ": 2 sentences, 1 of 1 terms applied, 1 sentences changed (" in found.stdout
    assert found.stderr == ""


def test_a_person_at_a_terminal_is_told_what_to_type(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    said: list[str] = []
    monkeypatch.setattr(trying, "say", said.append)
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b"Hello.\n")))
    assert trying.read_sentences(None, "en") == [(1, "Hello.")]
    assert said == [f"type sentences in en, one a line; end with {trying.END} on a line of its own"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "fr"}, "language 'fr' is not served; valid: de, en, es, zh"),
        ({"target": "EN"}, "a glossary is tried between two languages, not en and en"),
        ({"source": "de", "target": "zh"}, "no model translates de to zh; the bundles translate en-de, en-zh"),
        ({"target": "zh-CN"}, "m.csv: none of its 2 terms has words in en and zh; its languages: de, en"),
    ],
)
def test_a_pair_that_cannot_be_tried(run: Callable[..., Any], fake: FakeTranslator, arguments: dict[str, str], message: str) -> None:
    found = run("m.csv", "s.txt", **arguments)
    assert (found.exit_code, found.output) == (1, f"error: {message}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no sentence; one a line is wanted"),
        (b" \n\n", "holds no sentence; one a line is wanted"),
        (b"Our pump.\nGr\xfc\xdfe\n", "2: not UTF-8 (byte 0xfc); save the text as UTF-8"),
        ("Our pump.\n".encode("utf-16"), "1: not UTF-8 (byte 0xff); save the text as UTF-8"),
    ],
)
def test_sentences_that_cannot_be_read(run: Callable[..., Any], fake: FakeTranslator, content: bytes, message: str) -> None:
    Path("s.txt").write_bytes(content)
    separator = ":" if message[0].isdigit() else ": "
    found = run("m.csv", "s.txt")
    assert (found.exit_code, found.output) == (1, f"error: s.txt{separator}{message}\n")
    found = run("m.csv", stdin=content)
    assert (found.exit_code, found.output) == (1, f"error: standard input{separator}{message}\n")


def test_files_that_are_not_there(run: Callable[..., Any], fake: FakeTranslator) -> None:
    assert run("m.csv", "nowhere.txt").output == "error: nowhere.txt: no such file or directory\n"
    assert run("nowhere.csv", "s.txt").output.startswith("error: nowhere.csv: no such file or folder")


def test_a_broken_glossary_is_told_with_all_its_problems(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("industry: b\nterms:\n  - {id: a, en: {pl: x}}\n  - {en: y}\n", encoding="utf-8")
    found = run("b.yaml", "s.txt", "--bundles", "nowhere")
    assert found.exit_code == 1
    assert found.output == "error: b.yaml:3: 'a' needs a base form in each of its languages\nb.yaml:4: needs an id\n"


def test_without_bundles_nothing_is_asked(run: Callable[..., Any]) -> None:
    found = run("m.csv", "--bundles", "nowhere", stdin=b"")
    assert (found.exit_code, found.output) == (1, "error: nowhere: no such folder of bundles; train and export first (`dvc repro`)\n")


def test_a_term_that_is_never_translated_has_words_in_any_language() -> None:
    name = Term("m/pro", (), {"en": {"base": "Quayside Pro"}}, translate=False)
    trying.check_terms(Path("m.yaml"), Glossary("m", (name,)), "en", "de")
    with pytest.raises(ValueError, match=r"^m\.yaml: none of its 0 terms has words in en and de; its languages: none$"):
        trying.check_terms(Path("m.yaml"), Glossary("m", ()), "en", "de")


def test_small_models_obey_it(world: Any, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,en,de\nwidget,frobnicator,Frobnikator\n", encoding="utf-8")
    options = ["--source", "en", "--target", "de", "--bundles", str(world.bundles), "--strict", "--json"]
    asked = [sys.executable, "-m", "data.glossary", "try", str(tmp_path / "m.csv"), *options]
    done = subprocess.run(asked, cwd=ROOT, input="Where is our frobnicator?\n", capture_output=True, text=True, timeout=300, check=True)
    [sentence] = json.loads(done.stdout)["sentences"]
    assert [(term["source"], term["target"], term["applied"]) for term in sentence["terms"]] == [("frobnicator", "Frobnikator", True)]
    assert "Frobnikator" in sentence["with"]
    assert "Frobnikator" not in sentence["without"]
