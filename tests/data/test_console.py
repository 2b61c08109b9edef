import errno
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

from data import console
from data.console import command, say, track
from data.records import write_text


def test_a_command_ends_with_one_line_on_stdout(capsys):
    command(lambda: "out: 5 segments")()
    printed = capsys.readouterr()
    assert printed.err == ""
    sentence, seconds = printed.out.removesuffix(" s)\n").split(" (")
    assert sentence == "out: 5 segments"
    assert 0 <= float(seconds) < 1


def failing(error):
    def run() -> str:
        raise error

    return command(run)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("the split needs more than 9"), "error: the split needs more than 9"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: no space left on device"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/a.jsonl"), "error: /data/a.jsonl: no space left on device"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.yaml"), "error: a.yaml: no such file or directory"),
        (OSError("odd"), "error: odd"),
    ],
)
def test_a_users_mistake_is_one_sentence(error, message):
    with pytest.raises(SystemExit) as stopped:
        failing(error)()
    assert stopped.value.code == message


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), RuntimeError("x"), ZeroDivisionError()])
def test_our_own_mistakes_keep_their_traceback(error):
    with pytest.raises(type(error)):
        failing(error)()


@pytest.mark.parametrize(("error", "message"), [(KeyboardInterrupt(), "interrupted"), (KeyboardInterrupt("stopped at 9"), "stopped at 9")])
def test_an_interrupt_ends_without_a_traceback(error, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        failing(error)()
    assert stopped.value.code == 130
    assert capsys.readouterr() == ("", f"{message}\n")


@pytest.mark.parametrize(("rank", "said"), [(None, True), ("0", True), ("1", False), ("7", False)])
def test_of_several_processes_the_first_speaks(rank, said, capsys, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    command(lambda: "out: 5 segments")()
    assert capsys.readouterr().out.startswith("out: 5 segments (") == said


def test_a_mistake_is_said_by_whichever_process_makes_it(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as stopped:
        failing(ValueError("bad"))()
    assert stopped.value.code == "error: bad"


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_said_is_one_line_on_stderr_as_it_is(terminal, monkeypatch, capsys):
    monkeypatch.setattr(console, "STDERR", Console(stderr=True, force_terminal=terminal, width=40))
    text = f"[red]{'long ' * 30}[/red] 12:30 :smile: /models/[en]/:100: 'x'"
    say(text)
    assert capsys.readouterr() == ("", f"{text}\n")


def test_a_full_disk_is_one_sentence_that_names_the_file(monkeypatch, tmp_path):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SystemExit) as stopped:
        command(lambda: str(write_text(tmp_path / "train.jsonl", "x")))()
    assert stopped.value.code == f"error: {tmp_path}/train.jsonl: no space left on device"


PROGRAM = """
import typer
from data.console import command
@command
def main(name: str) -> str:
    "Says a thing."
    if name == "bad":
        raise ValueError("bad name")
    if name == "stop":
        raise KeyboardInterrupt("stopped after step 9")
    return f"said {name}"
if __name__ == "__main__":
    typer.run(main)
"""


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["ok"], 0, "said ok (0.0 s)\n", ""),
        (["bad"], 1, "", "error: bad name\n"),
        (["stop"], 130, "", "stopped after step 9\n"),
    ],
)
def test_a_command_keeps_its_arguments_and_says_errors_on_stderr(arguments, code, out, err):
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


def test_a_command_shows_its_docstring_as_help(capsys):
    @command
    def main(name: str) -> str:
        """Says a thing."""
        return name

    app = typer.Typer()
    app.command()(main)
    with pytest.raises(SystemExit) as stopped:
        app(["--help"])
    assert stopped.value.code == 0
    assert "Says a thing." in capsys.readouterr().out


def test_progress_is_silent_away_from_a_terminal(capsys):
    assert list(track(iter("abc"), "counting", total=3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_goes_to_stderr(monkeypatch, capsys):
    monkeypatch.setattr(console, "STDERR", Console(stderr=True, force_terminal=True))
    assert list(track(iter("abc"), "counting", total=3)) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "counting" in printed.err
