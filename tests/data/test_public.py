import hashlib
import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from data import public
from data.public_sets.reading import messages
from data.public_sets.registry import SETS, Input, PublicSet
from data.records import Segment, Utterance, read_jsonl

LOCAL = Path(os.environ.get("QUAYSIDE_PUBLIC_DATA", "-"))
CSV = b"text,label\nwhere is it,order_status\n"
TOY = PublicSet(
    name="toy",
    what="orders",
    size="1",
    licence="none stated",
    measure_only=True,
    repository="o/r",
    commit="abc",
    inputs=(Input("a.csv", "a.csv", hashlib.sha256(CSV).hexdigest()),),
    parts={"train": (messages("a.csv", "text", "label"),)},
)
PUBLISHED = {  # the publishers' counts
    "wmt-chat-2024": {"train": 17_805 + 15_026 + 16_122 + 15_463 + 15_092},
    "wmt-chat-en-de": {"train": 17_805 - 653 - 2_243, "validation": 653, "test": 2_243},  # the whole is published, the parts are ours
    "bcontrast": {"train": 13_845, "validation": 1_902},
    "multi30k": {"train": 29_000, "validation": 1_014, "test": 1_000},
    "tico19": {"test": 3 * 3_071},
    "ntrex": {"test": 1_997},
    "clinc150": {"train": 15_000 + 100, "validation": 3_000 + 100, "test": 4_500 + 1_000},
    "banking77": {"train": 10_003, "test": 3_080},
    "bitext": {"train": 6_480, "validation": 810, "test": 810},
}
LANGUAGES = {
    "wmt-chat-2024": {"en", "de", "fr", "ko", "nl", "pt"},
    "wmt-chat-en-de": {"en", "de"},
    "bcontrast": {"en", "de"},
    "multi30k": {"en", "de", "fr", "cs"},
    "tico19": {"en", "zh", "es", "fr"},
    "ntrex": {"en", "zh", "de", "es", "fr", "ja"},
}
INTENTS = {"clinc150": 151, "banking77": 77, "bitext": 27}
NO_TEXT = {  # messages whose English side is blank
    "wmt-chat-2024": [
        ("train.en-fr.csv", 7332),
        *(("train.en-ko.csv", line) for line in (1508, 1759, 3079, 8027, 10860)),
        ("train.en-nl.csv", 1000),
    ],
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in a folder of its own, the toy set beside the real ones."""
    monkeypatch.setitem(SETS, "toy", TOY)
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(public.main)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_shows_every_set_with_size_licence_and_source(run):
    found = run("list")
    *rows, last = found.stdout.splitlines()
    assert len(rows) == 1 + len(SETS)
    assert rows[0].split() == ["name", "what", "size", "licence", "source"]
    (chat,) = [row for row in rows if row.strip().startswith("wmt-chat-2024 ")]
    assert [cell.strip() for cell in chat.split("  ") if cell.strip()] == [
        "wmt-chat-2024",
        "real customer-support chat, en with de, fr, ko, nl, pt",
        "de 17,805, fr 15,026, ko 16,122, nl 15,463, pt 15,092 messages",
        "CC BY-NC 4.0: measure only",
        "github.com/WMT-Chat-task/chat-task-2024-data",
    ]
    assert last.startswith(f"{len(SETS)} public data sets (")


def test_a_set_from_a_folder_ends_with_its_licence(run, tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV)
    found = run("toy", "--from", tmp_path)
    assert found.stdout.startswith(
        "data/public/toy: train 1 records, 0 rejected (dataset.json); "
        "licence: none stated, measure only: commit neither its text nor weights trained on it ("
    )
    assert read_jsonl(tmp_path / "data/public/toy/train.jsonl", Utterance)[0].intent == "order_status"


def test_a_set_without_folder_is_taken_from_the_cache(run, tmp_path, monkeypatch):
    monkeypatch.setenv("QUAYSIDE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/public/toy").mkdir(parents=True)
    (tmp_path / "cache/public/toy/a.csv").write_bytes(CSV)
    assert run("toy", "--out", "here").stdout.startswith("here: train 1 records, 0 rejected")


def test_mistakes_are_one_sentence(run, tmp_path):
    found = run("bitex")
    assert found.exit_code == 1
    assert found.output == "error: public data set 'bitex' is not known; did you mean bitext?\n"
    found = run("toy", "--from", tmp_path)
    assert found.exit_code == 1
    assert found.output == (f"error: {tmp_path}: lacks a.csv of toy; looked for in it and in toy/, with .gz or without\n")


@pytest.mark.skipif(not LOCAL.is_dir(), reason="QUAYSIDE_PUBLIC_DATA names no folder with the public sets")
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_real_set_has_the_published_counts(run, tmp_path, name):
    found = run(name, "--from", LOCAL.resolve(), "--out", tmp_path / "out")
    assert found.exit_code == 0, found.output
    description = json.loads((tmp_path / "out/dataset.json").read_text(encoding="utf-8"))
    record = Utterance if name in INTENTS else Segment
    parts = {part: read_jsonl(tmp_path / f"out/{part}.jsonl", record) for part in PUBLISHED[name]}
    records = [item for found in parts.values() for item in found]
    rejects = [(reject["file"], reject["line"]) for reject in description["rejects"]]
    assert rejects == NO_TEXT.get(name, [])
    assert {reject["reason"] for reject in description["rejects"]} <= {"no text in en"}
    assert {part: len(found) for part, found in parts.items()} == description["counts"]
    assert description["counts"] == PUBLISHED[name] | ({"train": PUBLISHED[name]["train"] - len(rejects)} if rejects else {})
    assert len({item.id for item in records}) == len(records)
    if name in INTENTS:
        assert len({item.intent for item in records}) == INTENTS[name]
    else:
        assert {language for item in records for language in item.texts} == LANGUAGES[name]


@pytest.mark.skipif(not LOCAL.is_dir(), reason="QUAYSIDE_PUBLIC_DATA names no folder with the public sets")
def test_no_real_conversation_is_in_two_parts(run, tmp_path):
    assert run("wmt-chat-en-de", "--from", LOCAL.resolve(), "--out", tmp_path / "out").exit_code == 0
    parts = {part: read_jsonl(tmp_path / f"out/{part}.jsonl", Segment) for part in ("train", "validation", "test")}
    conversations = {part: {item.pattern for item in found} for part, found in parts.items()}
    assert {part: len(found) for part, found in conversations.items()} == {"train": 413, "validation": 19, "test": 61}
    assert len(set().union(*conversations.values())) == 493
    written = [next(iter(item.texts)) for item in parts["test"]]
    assert (written.count("en"), written.count("de")) == (1_016, 1_227)


def test_the_published_counts_are_of_all_sets():
    assert list(PUBLISHED) == list(SETS)
    assert set(INTENTS) | set(LANGUAGES) == set(SETS)
