"""Checkpoints: whole or torn, which are kept, and one process at a time; what trainings do with them is in test_resuming."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.schema import ROOT
from data.records import file_sha256
from training.checkpoints import (
    WHOLE,
    BusyError,
    StoppedError,
    all_checkpoints,
    checkpoint_folder,
    claimed,
    is_whole,
    keep_newest,
    mark_whole,
    newest_whole,
    step_of,
)

FILES = {"model.safetensors": "weights", "optimizer.pt": "moments", "nested/rng_state.pth": ""}


def write(folder: Path, step: int, *, whole: bool = True) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    for name, content in FILES.items():
        (checkpoint / name).parent.mkdir(parents=True, exist_ok=True)
        (checkpoint / name).write_text(f"{content} {step}")
    if whole:
        mark_whole(checkpoint)
    return checkpoint


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_marked_checkpoint_names_every_file_by_its_hash(tmp_path: Path) -> None:
    checkpoint = write(tmp_path, 20)
    stated = json.loads((checkpoint / WHOLE).read_text())
    assert stated == {name: file_sha256(checkpoint / name) for name in FILES}
    assert is_whole(checkpoint)
    mark_whole(checkpoint)
    assert json.loads((checkpoint / WHOLE).read_text()) == stated, "the mark is not a file of it"


def remove(checkpoint: Path) -> None:
    (checkpoint / "optimizer.pt").unlink()


def change_a_byte(checkpoint: Path) -> None:
    content = bytearray((checkpoint / "model.safetensors").read_bytes())
    content[2] ^= 1
    (checkpoint / "model.safetensors").write_bytes(content)


def cut_short(checkpoint: Path) -> None:
    with (checkpoint / "model.safetensors").open("r+") as file:
        file.truncate(3)


def unmark(checkpoint: Path) -> None:
    (checkpoint / WHOLE).unlink()


def half_mark(checkpoint: Path) -> None:
    text = (checkpoint / WHOLE).read_text()
    (checkpoint / WHOLE).write_text(text[: len(text) // 2])


def mark_with(content: bytes) -> Callable[[Path], None]:
    def write_mark(checkpoint: Path) -> None:
        (checkpoint / WHOLE).write_bytes(content)

    return write_mark


TEARS: dict[str, Callable[[Path], None]] = {
    "a file is missing": remove,
    "a byte is another": change_a_byte,
    "a file is cut short": cut_short,
    "the mark is missing": unmark,
    "half the mark is there": half_mark,
    "the mark is empty": mark_with(b""),
    "the mark names nothing": mark_with(b"{}"),
    "the mark is a list": mark_with(b'["model.safetensors"]'),
    "the mark is no text": mark_with(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS)
def test_a_torn_checkpoint_is_seen(tmp_path: Path, tear: Callable[[Path], None]) -> None:
    checkpoint = write(tmp_path, 20)
    tear(checkpoint)
    assert not is_whole(checkpoint)


def test_checkpoints_stand_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for step in (1_000, 90, 200):
        write(tmp_path, step, whole=step != 90)
    (tmp_path / "checkpoint-300").write_text("a file")
    (tmp_path / "run.json").write_text("{}")
    assert [step_of(path) for path in all_checkpoints(tmp_path)] == [90, 200, 1_000]
    assert all_checkpoints(tmp_path / "nothing") == []


@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS)
def test_the_newest_whole_one_is_found_and_torn_ones_go(tmp_path: Path, tear: Callable[[Path], None]) -> None:
    written = [write(tmp_path, step) for step in (80, 90, 100, 110)]
    tear(written[2])
    tear(written[3])
    assert newest_whole(tmp_path) == (written[1], [written[3], written[2]])
    assert names(tmp_path) == ["checkpoint-80", "checkpoint-90"]
    assert newest_whole(tmp_path) == (written[1], []), "once more there is nothing to remove"


def test_torn_ones_alone_are_none(tmp_path: Path) -> None:
    torn = [write(tmp_path, step, whole=False) for step in (20, 10)]
    assert newest_whole(tmp_path) == (None, torn)
    assert newest_whole(tmp_path) == (None, [])
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("count", "best", "left"),
    [(2, None, [90, 100]), (2, 100, [90, 100]), (2, 80, [80, 90, 100]), (3, 20, [20, 80, 90, 100]), (9, 20, [20, 30, 80, 90, 100])],
)
def test_the_newest_and_the_best_are_kept(tmp_path: Path, count: int, best: int | None, left: list[int]) -> None:
    for step in (20, 30, 80, 90, 100):
        write(tmp_path, step)
    keep_newest(tmp_path, count, Path(f"elsewhere/checkpoint-{best}") if best else None)
    assert [step_of(path) for path in all_checkpoints(tmp_path)] == left


INPUTS: dict[str, Any] = {"seed": 7, "data": "d" * 64, "base": None, "optimizer": {"steps": 60, "learning_rate": 1e-3}}


def test_a_training_has_the_same_folder_each_time(tmp_path: Path) -> None:
    folder = checkpoint_folder("en-xx", INPUTS, tmp_path)
    assert folder.parent == tmp_path / "en-xx"
    assert folder == checkpoint_folder("en-xx", dict(reversed(INPUTS.items())), tmp_path)
    assert not folder.exists()
    assert checkpoint_folder("en-xx", INPUTS).parent == Path("training/checkpoints/en-xx")


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"data": "e" * 64}, {"base": "b" * 64}, {"optimizer": {"steps": 61, "learning_rate": 1e-3}}, {"more": 1}]
)
def test_other_inputs_have_another_folder(change: dict[str, Any]) -> None:
    assert checkpoint_folder("en-xx", INPUTS | change) != checkpoint_folder("en-xx", INPUTS) != checkpoint_folder("xx-en", INPUTS)


HOLDER = """
import sys
from pathlib import Path
from training.checkpoints import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_one_process_s_until_it_dies(tmp_path: Path) -> None:
    folder = tmp_path / "en-xx" / "0123456789ab"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "claimed\n"
            with pytest.raises(BusyError) as caught, claimed(folder):
                pytest.fail("two processes have it")
            assert str(caught.value) == f"{folder}: another process runs the same training; wait for it, or stop it first"
            with claimed(folder.with_name("ba9876543210")):
                pass  # another training is free
        finally:
            holder.kill()
        holder.wait()
    with claimed(folder):
        assert folder.is_dir()


def test_a_folder_is_let_go_when_the_body_fails(tmp_path: Path) -> None:
    folder = tmp_path / "0123456789ab"
    with pytest.raises(ZeroDivisionError), claimed(folder):
        raise ZeroDivisionError
    with claimed(folder), pytest.raises(BusyError), claimed(folder):
        pytest.fail("claimed twice")
    assert names(tmp_path) == ["0123456789ab", "0123456789ab.lock"], "the lock lies beside it, so that the folder can be removed"
    assert names(folder) == []


def test_a_stop_is_an_interrupt_and_a_busy_folder_the_user_s_to_mend() -> None:
    assert issubclass(StoppedError, KeyboardInterrupt)
    assert issubclass(BusyError, ValueError)
