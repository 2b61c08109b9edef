"""Files from a folder, from the hub's cache and from a hub: which are asked for, and what is said when they cannot be had.

The hub here is a server of this process that answers as huggingface.co does.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from training.bases import BaseError, find
from training.bases.files import FolderFiles, files_of, read_json

NAME = "Helsinki-NLP/opus-mt-en-de"
COMMIT = "1234567890123456789012345678901234567890"
GATED = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted."}
ABSENT = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}


class Server:
    """A hub with one model: what a folder holds. `asked` are the files that were; `refuse` makes it answer with an error."""

    def __init__(self) -> None:
        self.folder, self.asked, self.refuse = Path(), list[str](), dict[str, tuple[int, dict[str, str]]]()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(body=True)

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def answer(self, body: bool) -> None:
                status, headers, content = hub.respond(self.path.split("?")[0])
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(content)), "X-Repo-Commit": COMMIT}.items():
                    self.send_header(key, value)
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def respond(self, path: str) -> tuple[int, dict[str, str], bytes]:
        files = {file.name: file for file in self.folder.iterdir()}
        what = path.rsplit("/", 1)[-1] if "/resolve/" in path else "tree" if "/tree/" in path else "info"
        if NAME not in path or what in self.refuse:
            status, headers = self.refuse.get(what, (404, ABSENT))
            return status, headers, b"{}"
        if what == "info":
            found: Any = {"id": NAME, "sha": COMMIT, "siblings": [{"rfilename": name} for name in sorted(files)]}
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
        if what == "tree":
            found = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": f"{name}-oid"} for name, file in sorted(files.items())
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
        content = files[what].read_bytes()
        self.asked.append(what)
        return 200, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'}, content


@pytest.fixture
def online(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A hub that answers, with a look-alike and weights in other formats beside it; its cache is empty."""
    server = Server()
    server.folder = hub.copy(tmp_path / "served", "opus-mul", tokenizer_config={"source_lang": "en", "target_lang": "mul"})
    for name in ("tf_model.h5", "rust_model.ot", "flax_model.msgpack", "pytorch_model.bin"):
        (server.folder / name).write_bytes(b"not to be fetched")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}")
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_only_what_is_needed_is_fetched_and_the_commit_is_kept(online: Server, tmp_path: Path) -> None:
    base = find(NAME, "translation", [("en", "de"), ("en", "zh")])
    needed = {
        "config.json",
        "generation_config.json",
        "tokenizer_config.json",
        "source.spm",
        "target.spm",
        "vocab.json",
        "model.safetensors",
    }
    assert {path.name for path in base.folder.iterdir()} == set(online.asked) == needed
    assert base.revision == COMMIT
    assert base.sha256 == hashlib.sha256((online.folder / "model.safetensors").read_bytes()).hexdigest()
    assert base.folder.is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize(
    ("changes", "pairs", "message"),
    [
        ({"model_type": "t5"}, [("en", "de")], "model_type 't5'"),
        ({}, [("en", "fi")], "no language code for fi"),
        ({"activation_function": "tanh"}, [("en", "de")], "activation_function=tanh"),
    ],
)
def test_no_weights_are_fetched_for_a_base_that_is_refused(
    online: Server, changes: dict[str, str], pairs: list[tuple[str, str]], message: str
) -> None:
    config = online.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    with pytest.raises(BaseError, match=message):
        find(NAME, "translation", pairs)
    assert "config.json" in online.asked
    assert "model.safetensors" not in online.asked


def test_what_was_fetched_is_used_when_the_hub_is_down(online: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = find(NAME, "translation", [("en", "de")])
    online.asked.clear()
    online.refuse["info"] = (503, {})
    again = find(NAME, "translation", [("en", "de")])
    assert (again.folder, again.described, again.codes) == (fetched.folder, fetched.described, fetched.codes)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert find(NAME, "translation", [("en", "de")]).described == fetched.described
    assert online.asked == []


@pytest.mark.parametrize(
    ("base", "what", "answer", "message"),
    [
        (
            "someone/else",
            "",
            (0, {}),
            "is no folder, its config.json is not in the hub's cache .*, and the hub has no such model, or not for this",
        ),
        (NAME, "info", (403, GATED), "the hub gives it only to those who have accepted its terms there and set HF_TOKEN"),
        (NAME, "info", (500, {}), "and the hub answers with an error .HfHubHTTPError"),
        (NAME, "config.json", (403, GATED), "the hub gives it only to those who have accepted its terms there and set HF_TOKEN"),
        (NAME, "config.json", (404, {"X-Error-Code": "EntryNotFound"}), "has no config.json on the hub: it is no checkpoint"),
        (NAME, "vocab.json", (403, GATED), "vocab.json could not be fetched: the hub gives it only to those"),
        (
            NAME,
            "model.safetensors",
            (404, {"X-Error-Code": "EntryNotFound"}),
            "model.safetensors could not be fetched: the hub answers with an error",
        ),
    ],
)
def test_a_hub_that_refuses_is_told(online: Server, base: str, what: str, answer: tuple[int, dict[str, str]], message: str) -> None:
    online.refuse[what] = answer
    with pytest.raises(BaseError, match=f"^base '{base}'.*{message}") as raised:
        find(base, "translation", [("en", "de")])
    assert "\n" not in str(raised.value)


def test_a_hub_that_is_not_there_is_told(online: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BaseError, match=r"is no folder, .* and the hub cannot be reached \(ConnectError"):
        find(NAME, "translation")


def test_the_cache_is_read_without_a_hub(hub: Any) -> None:
    snapshot = hub.add(NAME, "opus")
    files = files_of(NAME)
    assert isinstance(files, FolderFiles)
    assert (files.path, files.revision) == (snapshot, snapshot.name)
    assert files.names >= {"config.json", "model.safetensors"}


def test_a_file_missing_from_the_cache_is_named_with_the_reason(hub: Any) -> None:
    snapshot = hub.add("half/fetched", "opus-mul")
    (snapshot / "source.spm").resolve().unlink()  # the link stays
    with pytest.raises(BaseError, match=r"^base 'half/fetched': source.spm missing in the hub's cache \(.*\), and HF_HUB_OFFLINE is set; "):
        find("half/fetched", "translation", [("en", "de")])


def test_an_unknown_hub_id_offline_is_told(hub: Any) -> None:
    with pytest.raises(
        BaseError, match=r"^base 'never/fetched' is no folder, its config.json is not in .*, and HF_HUB_OFFLINE is set; valid: "
    ):
        find("never/fetched", "intents")


@pytest.mark.parametrize("base", ["training/models/of/mine", "./nothing", "no such thing", ""])
def test_what_cannot_be_a_hub_id_is_told(hub: Any, base: str) -> None:
    with pytest.raises(BaseError, match=f"^base '{base}' is neither a folder nor a hub id; valid: "):
        find(base, "translation")


def test_a_folder_is_not_the_hub_s(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hub.copy(tmp_path / "desk", "opus-mul")
    base = find("desk", "translation", [("en", "de")])
    assert (base.folder, base.revision) == (Path("desk"), None)


@pytest.mark.parametrize(("content", "message"), [(b"{", "config.json is not JSON"), (b"[]", "config.json is not a JSON object")])
def test_broken_json_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BaseError, match=message):
        read_json(files_of(str(tmp_path)), "config.json")
    assert read_json(files_of(str(tmp_path)), "tokenizer_config.json") == {}
