import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from data.corpus import PARTS
from data.records import Segment, read_jsonl, tree_sha256

ROOT = Path(__file__).resolve().parents[2]
OUT = Path("data/prepared/translation")
SMALL = {"expansions_per_pattern": 12, "validation_segments": 20, "test_segments": 30, "expansions_per_held_out_pattern": 2}


def workplace(folder, **changes):
    """A folder with the shipped sources and small parameters."""
    (folder / "data").mkdir(parents=True)
    for name in ("corpora", "glossaries"):
        (folder / "data" / name).symlink_to(ROOT / "data" / name)
    params = yaml.safe_load((ROOT / "configs" / "params.yaml").read_text(encoding="utf-8"))
    params["prepare_translation"] |= SMALL | changes
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
    counts = json.loads((folder / OUT / "counts.json").read_text())
    assert {path.name for path in (folder / OUT).iterdir()} == {*(f"{name}.jsonl" for name in PARTS), "counts.json"}
    line = re.fullmatch(r"data/prepared/translation: (\d+) patterns into (.+) segments in 4 languages \(\d+\.\d s\)\n", done.stdout)
    assert int(line[1]) >= 80
    assert line[2] == ", ".join(f"{name} {counts[name]['segments']:,}" for name in PARTS)
    for name in PARTS:
        segments = read_jsonl(folder / OUT / f"{name}.jsonl", Segment)
        assert len(segments) == counts[name]["segments"] > 0
        assert all(list(segment.texts) == ["en", "de", "es", "zh"] for segment in segments)


def test_the_same_inputs_give_the_same_bytes_whatever_the_hash_seed(prepared, tmp_path):
    other = workplace(tmp_path / "two")
    assert prepare(other, hash_seed="1").returncode == 0
    assert tree_sha256(other / OUT) == tree_sha256(prepared[0] / OUT)


def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(tmp_path):
    folder = workplace(tmp_path / "three", test_segments=10**6)
    done = prepare(folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"error: the patterns give too few combinations \(test: \d+ of 1000000, validation: 0 of 20\)\n", done.stderr)
    assert not (folder / OUT).exists()


def test_wrong_parameters_are_one_sentence(tmp_path):
    folder = workplace(tmp_path / "four", test_segments=-1)
    done = prepare(folder)
    assert done.returncode == 1
    expected = f"error: {folder}/params.yaml: prepare_translation.test_segments = -1: input should be greater than 0\n"
    assert done.stderr == expected
