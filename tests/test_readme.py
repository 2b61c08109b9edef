"""Every command block of the README works as it is written.

`make test` and what would run it again are left out by name.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import pytest

from configs.schema import PARAMS_FILE, ROOT
from tests.demo import kept_running, made, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.compile(r"^    ((?:make|dvc|python) [^#\n]*?)\s*(?:#.*)?$", re.MULTILINE)
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
RUNS_THE_TESTS = {"make test"}
SERVERS = {"make serve": "http://127.0.0.1:3000/readyz", "make mlflow": "http://127.0.0.1:5000/"}

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(2400)]


def test_the_readme_has_the_commands_that_are_tested_here() -> None:
    single = {match.strip() for match in COMMANDS.findall(README)}
    tested = {"make demo", "make help", *RUNS_THE_TESTS, *SERVERS}
    experiments = {command for command in single if "dvc exp" in command}
    assert single - experiments == tested
    assert len(experiments) == 2
    assert len(BLOCKS) == 6


def test_make_demo() -> None:
    done = made()
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Five messages", "PO-482917", "en > es", "make serve", "eval/results/report.html", "5 messages answered"):
        assert words in done.stdout, done.stdout
    assert "BROKEN" not in done.stdout


def test_make_help_lists_every_target() -> None:
    said = run("make help").stdout
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(targets) >= 8
    for target in targets:
        assert f"make {target}" in said


@pytest.fixture
def restored() -> Iterator[None]:
    """What a command changes in the checkout is put back."""
    kept = {path: path.read_bytes() for path in (PARAMS_FILE, ROOT / "dvc.lock") if path.exists()}
    yield
    for path, content in kept.items():
        path.write_bytes(content)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "curl" not in block])
def test_blocks_without_a_service(block: str, restored: None) -> None:
    assert made().returncode == 0
    done = run(f"set -e\n{block}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", SERVERS)
def test_servers_start_and_the_curl_lines_are_answered(command: str) -> None:
    assert made().returncode == 0
    port = int(re.search(r":(\d+)/", SERVERS[command])[1])  # type: ignore[index]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is in use; stop what listens there"
    with kept_running(command, SERVERS[command]):
        if command == "make serve":
            blocks = [block for block in BLOCKS if "curl" in block]
            done = run("\n".join(["set -e", *(block.replace("curl -s", "echo; curl -sf") for block in blocks)]))
            assert done.returncode == 0, done.stdout + done.stderr
            translated, classified, strict = (json.loads(line) for line in done.stdout.splitlines() if line.strip())
            assert "Magnetventil" in strict["translations"][0]["text"]
            assert strict["translations"][0]["terms"][0]["applied"]
            assert strict["glossary"]["industry"] == "machinery"
            assert "PO-482917" in translated["translations"][0]["text"]
            assert translated["translations"][0]["text"].count("\n\n") == 1
            assert classified["language"] == "de"
            assert classified["route"]["queue"]


def test_an_experiment_is_recorded(restored: None) -> None:
    assert made().returncode == 0
    command = next(c for c in COMMANDS.findall(README) if "dvc exp run" in c)
    roles = [f"GIT_{role}_NAME=test GIT_{role}_EMAIL=test@quayside.example" for role in ("AUTHOR", "COMMITTER")]
    export = f"export {' '.join(roles)}"
    done = run(f"{export}; {command} --name readme-test")
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "readme-test" in run("dvc exp list --name-only").stdout
        shown = run("dvc exp show --json").stdout
        assert '"rate_per_s": 2.0' in shown
    finally:
        run("dvc exp remove readme-test")
