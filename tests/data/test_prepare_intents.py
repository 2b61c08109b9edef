import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from configs.schema import PARAMS_FILE, ROOT
from data.records import OUT_OF_SCOPE, Utterance, read_jsonl, tree_sha256
from data.utterances import PARTS

OUT = Path("data/prepared/intents")
SHIPPED = ROOT / "data"
TRANSLATED = ("en.thanks.", "en.out_of_scope.")  # the ids of the messages that these tests translate
USERS = [("message", "label"), ("Which seal kit fits the 4711 flange?", "technical_support"), ("lonely",)]
SOURCE = {
    "path": "users.tsv",
    "format": None,
    "encoding": None,
    "columns": {"text": "message", "intent": "label"},
    "language": "en",
    "part": "train",
}
CORPORA = {
    "forms": {"en": {"fallback": {}, "defaults": {}, "derived": {}}},
    "slots": {"slots": {"code": {"code": "QX-####"}, "opener_customer": [{"en": "Hello,"}]}},
    "t": {"patterns": [{"id": "t.one", "speaker": "customer", "intent": "moq", "en": "at which volume do prices drop for {code}?"}]},
}


def workplace(folder, **changes):
    """A folder with the shipped English messages, some translations, one pattern and a line of a user."""
    for name in ("corpora", "glossaries", "utterances", "translations"):
        (folder / "data" / name).mkdir(parents=True)
    (folder / "data/utterances/en.jsonl").symlink_to(SHIPPED / "utterances/en.jsonl")
    messages = [m for m in read_jsonl(SHIPPED / "utterances/en.jsonl", Utterance) if m.id.startswith(TRANSLATED)]
    lines = ["id\tde", *(f"{m.id}\tZahl {number}: {m.id[::-1]}" for number, m in enumerate(messages))]
    (folder / "data/translations/en.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, content in CORPORA.items():
        (folder / f"data/corpora/{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "users.tsv").write_text("".join("\t".join(row) + "\n" for row in USERS), encoding="utf-8")
    params = yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8"))
    params["prepare_intents"]["intake"]["rejected_percent"] = 50.0
    params["prepare_intents"] |= {"pattern_messages": 2, "translations": True, "sources": [SOURCE]} | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def prepare(folder, hash_seed="0"):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "QUAYSIDE_PARAMS": str(folder / "params.yaml"), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "data.prepare_intents"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = workplace(tmp_path_factory.mktemp("prepare") / "one")
    return folder, prepare(folder)


@pytest.fixture(scope="module")
def parts(prepared):
    return {name: read_jsonl(prepared[0] / OUT / f"{name}.jsonl", Utterance) for name in PARTS}


def test_it_writes_every_part_and_says_so_in_one_line(prepared, parts):
    folder, done = prepared
    assert (done.returncode, done.stderr) == (0, "")
    names = {*(f"{name}.jsonl" for name in PARTS), "labels.json", "counts.json", "rejects"}
    assert {path.name for path in (folder / OUT).iterdir()} == names
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
    assert re.fullmatch(rf"{OUT}: {sizes} messages, 27 intents \(\d+\.\d s\)\n", done.stdout)
    counts = json.loads((folder / OUT / "counts.json").read_text())["parts"]
    assert counts == {name: dict(sorted(Counter(m.language for m in part).items())) for name, part in parts.items()}
    assert len(json.loads((folder / OUT / "labels.json").read_text())["intent"]) == 27


def test_what_users_brought_is_trained_on_and_counted(prepared, parts):
    folder, _ = prepared
    assert [m.intent for m in parts["train"] if m.text == USERS[1][0]] == ["technical_support"]
    tally = json.loads((folder / OUT / "counts.json").read_text())["sources"]["users.tsv"]
    assert tally == {"read": 1, "rejected": 1, "kept": {"train": 1}, "dropped": {}, "examples": {}}
    assert json.loads((folder / OUT / "rejects/1.jsonl").read_text())["line"] == 3


def test_only_the_training_part_has_messages_from_patterns_and_none_out_of_scope(parts):
    from_patterns = {name: [m.id for m in part if ".pattern." in m.id] for name, part in parts.items()}
    assert from_patterns == {"train": ["en.pattern.t.one.0", "en.pattern.t.one.1"], "validation": [], "test": []}
    assert [any(m.intent == OUT_OF_SCOPE for m in parts[name]) for name in PARTS] == [False, True, True]


def test_translations_follow_their_messages(parts):
    translated = {m.id for m in parts["train"] if m.id.endswith(">de")}
    assert translated == {f"{m.id}>de" for m in parts["train"] if m.id.startswith("en.thanks.") and ">" not in m.id and not m.history}
    assert len(translated) > 30
    assert all(">" not in m.id for name in ("validation", "test") for m in parts[name])


def test_the_same_inputs_give_the_same_bytes_whatever_the_hash_seed(prepared, tmp_path):
    other = workplace(tmp_path / "two")
    assert prepare(other, hash_seed="1").returncode == 0
    assert tree_sha256(other / OUT) == tree_sha256(prepared[0] / OUT)


def test_translations_may_be_left_out(tmp_path):
    folder = workplace(tmp_path / "three", translations=False)
    assert prepare(folder).returncode == 0
    assert {m.language for m in read_jsonl(folder / OUT / "train.jsonl", Utterance)} == {"en"}


def test_what_cannot_be_done_is_one_sentence_and_writes_no_part(tmp_path):
    folder = workplace(tmp_path / "four", test_per_intent=1_000, sources=[])
    done = prepare(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: en: \w+ has \d+ messages, the split needs more than 1004\n", done.stderr)
    assert not (folder / OUT).exists()
