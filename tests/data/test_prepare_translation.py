import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from configs.schema import PARAMS_FILE, ROOT
from data.corpus import PARTS
from data.records import Segment, Utterance, read_jsonl, tree_sha256

OUT = Path("data/prepared/translation")
SHIPPED = ROOT / "data"
SMALL = {
    "message_repeats": 1,
    "expansions_per_pattern": 12,
    "validation_segments": 20,
    "test_segments": 30,
    "expansions_per_held_out_pattern": 2,
}
USERS = ["source\ttarget", "The flange 4711 is cracked\tDer Flansch 4711 hat einen Riss", "\tleer", "lonely"]
SOURCE = {
    "path": "users.tsv",
    "format": None,
    "encoding": None,
    "columns": {"en": "source", "de": "target"},
    "languages": {},
    "part": "train",
}


def link(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(SHIPPED / name)


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def workplace(folder, **changes):
    """A folder with a part of the shipped sources, two lines of a user, and small parameters."""
    files = [f"corpora/{name}.yaml" for name in ("slots", "forms", "conversation", "logistics")]
    link(folder / "data", *files, "glossaries", "utterances/en.jsonl", "test_unseen")
    write(folder / "data/phrases/short.tsv", (SHIPPED / "phrases/ordering.tsv").read_text("utf-8").splitlines()[:41])
    messages = read_jsonl(SHIPPED / "utterances/en.jsonl", Utterance)[:2]
    write(folder / "data/translations/en.tsv", ["id\tde\tes\tzh", *(f"{m.id}\tAuf Deutsch\ten español\t中文" for m in messages)])
    write(folder / "users.tsv", USERS)
    params = yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8"))
    params["prepare_translation"]["intake"]["rejected_percent"] = 40.0
    params["prepare_translation"] |= SMALL | {"sources": [SOURCE]} | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def prepare(folder, hash_seed="0"):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "QUAYSIDE_PARAMS": str(folder / "params.yaml"), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "data.prepare_translation"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = workplace(tmp_path_factory.mktemp("prepare") / "one")
    return folder, prepare(folder)


def test_it_writes_every_part_and_says_so_in_one_line(prepared):
    folder, done = prepared
    assert (done.returncode, done.stderr) == (0, "")
    counts = json.loads((folder / OUT / "counts.json").read_text())["parts"]
    assert {path.name for path in (folder / OUT).iterdir()} == {
        *(f"{name}.jsonl" for name in PARTS),
        "counts.json",
        "glossaries",
        "rejects",
    }
    sizes = ", ".join(f"{name} {counts[name]['segments']:,}" for name in PARTS)
    assert re.fullmatch(rf"{OUT}: {sizes} segments in en, zh, de, es \(\d+\.\d s\)\n", done.stdout)
    for name in PARTS:
        segments = read_jsonl(folder / OUT / f"{name}.jsonl", Segment)
        assert len(segments) == counts[name]["segments"] > 0
        assert all(set(segment.texts) == {"en", "de", "es", "zh"} for segment in segments if segment.pattern != "users.tsv")


def test_everything_that_is_brought_is_trained_on(prepared):
    folder, _ = prepared
    trained = read_jsonl(folder / OUT / "train.jsonl", Segment)
    patterns = {segment.pattern.split(".")[0] for segment in trained}
    assert patterns == {"conversation", "logistics", "short", "message", "users"}
    assert trained[-1].texts == {"en": "The flange 4711 is cracked", "de": "Der Flansch 4711 hat einen Riss"}
    tally = json.loads((folder / OUT / "counts.json").read_text())["sources"]["users.tsv"]
    assert tally == {"read": 2, "rejected": 1, "kept": {"train": 1}, "dropped": {"empty": 1}, "examples": {"empty": [" | leer"]}}
    (reject,) = (folder / OUT / "rejects/1.jsonl").read_text().splitlines()
    assert json.loads(reject) == {"file": "users.tsv", "line": 4, "reason": "1 fields, expected 2", "text": "lonely"}


def test_the_same_inputs_give_the_same_bytes_whatever_the_hash_seed(prepared, tmp_path):
    other = workplace(tmp_path / "two")
    assert prepare(other, hash_seed="1").returncode == 0
    assert tree_sha256(other / OUT) == tree_sha256(prepared[0] / OUT)


def test_what_cannot_be_done_is_one_sentence_and_writes_no_part(tmp_path):
    folder = workplace(tmp_path / "three", shipped=False, sources=[SOURCE | {"part": "split"}])
    done = prepare(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: users.tsv: 1 segments are left, but 50 are to be held out of them\n"
    assert [path.name for path in (folder / OUT).rglob("*") if path.is_file()] == ["1.jsonl"]


def test_wrong_parameters_are_one_sentence(tmp_path):
    folder = workplace(tmp_path / "four", test_segments=-1)
    done = prepare(folder)
    assert done.returncode == 1
    expected = f"error: {folder}/params.yaml: prepare_translation.test_segments = -1: input should be greater than 0\n"
    assert done.stderr == expected


def test_a_source_that_is_not_there_is_one_sentence(tmp_path):
    folder = workplace(tmp_path / "five", shipped=False)
    (folder / "users.tsv").rename(folder / "user.tsv")
    done = prepare(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: users.tsv: no such file or folder; did you mean user.tsv?\n"
    assert [path.name for path in (folder / OUT).rglob("*") if path.is_file()] == []


def test_a_language_of_users_data_needs_no_more_than_its_code(tmp_path):
    """As data/README.md says it: Portuguese, which nothing shipped is written in."""
    folder = workplace(
        tmp_path / "six",
        shipped=False,
        languages=["en", "pt"],
        sources=[SOURCE | {"columns": {}, "part": "split"}],
        test_segments=2,
        validation_segments=1,
    )
    sentences = ("The pump is too loud", "Where is my order?", "We need the invoice today", "The box was empty")
    portuguese = ("A bomba faz muito barulho", "Onde está o meu pedido?", "Precisamos da fatura hoje", "A caixa estava vazia")
    write(folder / "users.tsv", ["en\tpt", *map("\t".join, zip(sentences, portuguese, strict=True))])
    done = prepare(folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = {name: read_jsonl(folder / OUT / f"{name}.jsonl", Segment) for name in ("train", "validation", "test")}
    assert {name: len(segments) for name, segments in found.items()} == {"train": 1, "validation": 1, "test": 2}
    assert {s.texts["pt"] for segments in found.values() for s in segments} == set(portuguese)
