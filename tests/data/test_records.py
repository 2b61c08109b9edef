import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.records import (
    RecordError,
    Reject,
    Segment,
    Turn,
    Utterance,
    Writer,
    file_sha256,
    read_jsonl,
    tree_sha256,
    write_json,
    write_jsonl,
    write_text,
)

ROOT = Path(__file__).resolve().parents[2]

SEGMENT = Segment(id="a", pattern="p", texts={"en": "Hi", "zh": "你好"}, terms=["m/x"])


def test_records_are_frozen_and_closed():
    with pytest.raises(ValidationError, match="frozen"):
        SEGMENT.id = "b"
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Turn(role="agent", text="x", mood="good")
    with pytest.raises(ValidationError, match="'customer' or 'agent'"):
        Turn(role="robot", text="x")
    with pytest.raises(ValidationError, match="frozen"):
        Reject(file="a", line=1, reason="x").line = 2


def test_what_is_read_only_is_named_and_otherwise_nothing_is(tmp_path):
    informal = SEGMENT.model_copy(update={"source_only": ["zh"]})
    assert SEGMENT.source_only == []
    write_jsonl(tmp_path / "a.jsonl", [SEGMENT, informal])
    assert [segment.source_only for segment in read_jsonl(tmp_path / "a.jsonl", Segment)] == [[], ["zh"]]


def test_a_reject_says_where_and_why(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"file": "b.csv", "line": 7, "reason": "no text"}\n{"file": "b.csv", "line": "x", "reason": ""}\n')
    with pytest.raises(RecordError, match=r"a\.jsonl:2: line: Input should be a valid integer"):
        read_jsonl(tmp_path / "a.jsonl", Reject)
    write_jsonl(tmp_path / "a.jsonl", [Reject(file="b.csv", line=7, reason="no text")])
    assert read_jsonl(tmp_path / "a.jsonl", Reject) == [Reject(file="b.csv", line=7, reason="no text", text="")]


# Line separators that str.splitlines() would cut at stand inside JSON strings; customers paste them.
HARD_TEXTS = ["a\u2028b\u2029c", "\x85", "tab\t, \r\n, \x00", '"quotes" \\ back', "😀 👩‍👩‍👧", "\ue000", "", "</s>", "ﬀ ﷺ"]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_hard_texts_come_back_from_a_file(tmp_path, text):
    records = [Utterance(id="1", text=text, intent="x", history=[Turn(role="agent", text=text)]), Utterance(id="2", text="b", intent="y")]
    assert write_jsonl(tmp_path / "a.jsonl", records) == 2
    assert read_jsonl(tmp_path / "a.jsonl", Utterance) == records


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=30), max_size=5))
def test_any_texts_come_back_from_a_file(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("records") / "a.jsonl"
    records = [Segment(id=str(i), pattern="p", texts={"en": text}) for i, text in enumerate(texts)]
    write_jsonl(path, records)
    assert read_jsonl(path, Segment) == records


def test_blank_lines_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"role": "agent", "text": "a"}\r\n\r\n  \n{"role": "customer", "text": "b"}')
    assert [turn.text for turn in read_jsonl(path, Turn)] == ["a", "b"]


def test_every_broken_line_is_named_with_its_number_and_reason(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"role": "agent"}\n{"role": "agent", "text": "fine"}\nnot json\n{"role": "king", "text": 5}\n')
    with pytest.raises(RecordError) as error:
        read_jsonl(path, Turn)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{path}:1", f"{path}:3", f"{path}:4"]
    assert lines[0].endswith("text: Field required")
    assert "line: Invalid JSON" in lines[1]
    assert "role: Input should be 'customer' or 'agent'" in lines[2]
    assert "text: Input should be a valid string" in lines[2]


def test_of_very_many_broken_lines_only_some_are_shown(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("x\n" * 50)
    with pytest.raises(RecordError) as error:
        read_jsonl(path, Turn, limit=3)
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert lines[-1] == "... and 47 more"


def test_a_file_that_is_not_utf8_is_refused_with_the_place(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"role": "agent", "text": "Grüße"}'.encode("latin-1"))
    with pytest.raises(RecordError, match=r"a\.jsonl: not UTF-8 at byte 29"):
        read_jsonl(path, Turn)


def test_write_makes_the_folder_and_leaves_nothing_else(tmp_path):
    write_text(tmp_path / "new" / "deep" / "a.txt", "ä\n")
    assert (tmp_path / "new" / "deep" / "a.txt").read_bytes() == "ä\n".encode()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.txt"]


def test_a_file_written_piece_by_piece_appears_at_the_end(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with Writer(path) as writer:
        writer.write("ä\n")
        assert not path.exists()
        writer.write("b\n")
    assert path.read_bytes() == "ä\nb\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_pieces_that_fail_midway_leave_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def broken():
        with Writer(path) as writer:
            writer.write("new")
            raise RuntimeError("source broke")

    with pytest.raises(RuntimeError, match="source broke"):
        broken()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_records_that_fail_midway_leave_the_old_file(tmp_path):
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [SEGMENT])

    def records():
        yield SEGMENT
        raise RuntimeError("source broke")

    with pytest.raises(RuntimeError, match="source broke"):
        write_jsonl(path, records())
    assert read_jsonl(path, Segment) == [SEGMENT]


def test_json_that_other_tools_cannot_read_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"score": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": "ü"\n}\n'


# A limit on the size of a file makes the kernel refuse in the middle of the write, as a full disk does.
FULL_DISK = """
import resource, sys
from pathlib import Path
from data.records import Writer, write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
if sys.argv[2] == "whole":
    write_text(Path(sys.argv[1]), "new " * 1_000_000)
with Writer(Path(sys.argv[1])) as writer:
    for _ in range(1_000):
        writer.write("new " * 1_000)
"""


@pytest.mark.parametrize("way", ["whole", "pieces"])
def test_a_full_disk_leaves_the_old_file_and_no_half_written_one(tmp_path, way):
    path = tmp_path / "a.txt"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path), way], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"[Errno {errno.EFBIG}]" in done.stderr
    assert str(path) in done.stderr  # the kernel alone does not say which file
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


# Stops for good in the middle of the write, so that the parent can kill it there.
STUCK = """
import os, signal, sys, time
from pathlib import Path
import data.records
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a test run in the background does not hand on
def write_half(self, content):
    with self.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        print("half", flush=True)
        time.sleep(60)
Path.write_bytes = write_half
data.records.write_text(Path(sys.argv[1]), "new " * 100_000)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_process_leaves_the_old_file_whole(tmp_path, sent):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with subprocess.Popen(
        [sys.executable, "-c", STUCK, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout.readline() == "half\n"
        time.sleep(0.05)
        process.send_signal(sent)
        process.wait(timeout=30)
    assert path.read_text() == "old"
    write_text(path, "newer")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "newer")]


def test_the_error_of_an_unwritable_place_names_the_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        write_text(tmp_path / "a.txt", "x")
    assert error.value.filename == str(tmp_path / "a.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_file_hash_is_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    # NIST FIPS 180-2, appendix B.1.
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_tree_hash_depends_on_names_contents_and_places_only(tmp_path):
    def tree(name, files):
        for relative, content in files.items():
            (tmp_path / name / relative).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / relative).write_text(content)
        return tree_sha256(tmp_path / name)

    same = tree("one", {"a": "1", "b/c": "2"})
    assert tree("two", {"b/c": "2", "a": "1"}) == same
    os.utime(tmp_path / "two" / "a", (0, 0))
    assert tree_sha256(tmp_path / "two") == same
    others = [{"a": "1", "b/d": "2"}, {"a": "1", "c": "2"}, {"a": "2", "b/c": "1"}, {"a": "1"}, {"a": "1", "b/c": "2", "d": ""}]
    hashes = {tree(f"other{i}", files) for i, files in enumerate(others)}
    assert len(hashes) == len(others)
    assert same not in hashes


def test_write_json_round_trip(tmp_path):
    value = {"text": "你好 \u2028", "numbers": [1, 2.5, None, True]}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value
