import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from data.records import Utterance, read_jsonl, tree_sha256
from data.utterances import OUT_OF_SCOPE, PARTS

ROOT = Path(__file__).resolve().parents[2]
OUT = Path("data/prepared/intents")


def workplace(folder, **changes):
    """A folder with the shipped sources and few messages from patterns."""
    (folder / "data").mkdir(parents=True)
    for name in ("corpora", "glossaries", "utterances"):
        (folder / "data" / name).symlink_to(ROOT / "data" / name)
    params = yaml.safe_load((ROOT / "configs" / "params.yaml").read_text(encoding="utf-8"))
    params["prepare_intents"] |= {"pattern_messages": 2} | changes
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


def test_it_writes_every_part_and_says_so_in_one_line(prepared):
    folder, done = prepared
    assert (done.returncode, done.stderr) == (0, "")
    parts = {name: read_jsonl(folder / OUT / f"{name}.jsonl", Utterance) for name in PARTS}
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
    by_hand = sum(len(read_jsonl(path, Utterance)) for path in (ROOT / "data" / "utterances").glob("*.jsonl"))
    line = rf"{OUT}: {by_hand:,} messages by hand, with the patterns' {sizes} \(\d+\.\d s\)\n"
    assert re.fullmatch(line, done.stdout)
    counts = json.loads((folder / OUT / "counts.json").read_text())
    assert {name: sum(counts[name].values()) for name in PARTS} == {name: len(part) for name, part in parts.items()}


def test_only_the_training_part_has_messages_from_patterns_and_none_out_of_scope(prepared):
    parts = {name: read_jsonl(prepared[0] / OUT / f"{name}.jsonl", Utterance) for name in PARTS}
    from_patterns = {name: sum(m.sentiment is None for m in part) for name, part in parts.items()}
    assert from_patterns["train"] > 100
    assert from_patterns["validation"] == from_patterns["test"] == 0
    assert [any(m.intent == OUT_OF_SCOPE for m in parts[name]) for name in PARTS] == [False, True, True]


def test_the_same_inputs_give_the_same_bytes_whatever_the_hash_seed(prepared, tmp_path):
    other = workplace(tmp_path / "two")
    assert prepare(other, hash_seed="1").returncode == 0
    assert tree_sha256(other / OUT) == tree_sha256(prepared[0] / OUT)


def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(tmp_path):
    folder = workplace(tmp_path / "three", test_per_intent=1_000)
    done = prepare(folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"error: de: \w+ has \d+ messages, the split needs more than 1004\n", done.stderr)
    assert not (folder / OUT).exists()
