import gzip
import hashlib
import re
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.public_sets import fetching
from data.public_sets.fetching import DownloadError, cache_folder, download, from_folder
from data.public_sets.registry import Input, PublicSet

EN, DE = b"Hello\n", "Grüß Gott\n".encode()


def a_set(host="http://127.0.0.1:9"):
    inputs = tuple(Input(name, f"raw/{name}.gz", hashlib.sha256(text).hexdigest()) for name, text in (("train.en", EN), ("train.de", DE)))
    return PublicSet("toy", "greetings", "1", "CC0", False, "owner/toy-data", "abc", inputs, {}, host)


@pytest.fixture
def server(monkeypatch):
    """A local server: `answers` maps a path to a list of (status, body), the last of which is repeated; `asked` are the paths."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(self.path)
            answers = served.answers.get(self.path, [(404, b"")])
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.host = f"http://127.0.0.1:{served.server_port}"
    served.asked = []
    base = "/owner/toy-data/abc/raw"
    served.answers = {f"{base}/train.en.gz": [(200, gzip.compress(EN))], f"{base}/train.de.gz": [(200, DE)]}
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


def message(raised):
    return str(raised.value)


def test_downloads_are_unpacked_and_kept(server, tmp_path):
    public = a_set(server.host)
    place = download(public, tmp_path)
    assert place == tmp_path / "public/toy"
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {"train.en": EN, "train.de": DE}
    assert server.asked == ["/owner/toy-data/abc/raw/train.en.gz", "/owner/toy-data/abc/raw/train.de.gz"]
    download(public, tmp_path)
    assert len(server.asked) == 2


def test_a_damaged_copy_is_downloaded_again(server, tmp_path):
    public = a_set(server.host)
    (download(public, tmp_path) / "train.de").write_bytes(b"cut")
    download(public, tmp_path)
    assert (tmp_path / "public/toy/train.de").read_bytes() == DE
    assert server.asked[2:] == ["/owner/toy-data/abc/raw/train.de.gz"]


def test_passing_faults_are_tried_again(server, tmp_path):
    answers = server.answers["/owner/toy-data/abc/raw/train.en.gz"]
    answers[:0] = [(503, b""), (0, b""), (429, b"")]
    download(a_set(server.host), tmp_path)
    assert server.asked.count("/owner/toy-data/abc/raw/train.en.gz") == fetching.ATTEMPTS == 4


def test_lasting_faults_end_in_a_sentence(server, tmp_path):
    server.answers["/owner/toy-data/abc/raw/train.de.gz"] = [(500, b"")]
    with pytest.raises(DownloadError) as raised:
        download(a_set(server.host), tmp_path)
    assert message(raised) == (
        f"{server.host}/owner/toy-data/abc/raw/train.de.gz: not downloaded in 4 attempts: the server answers 500 Internal Server Error; "
        "without internet name a folder that has the set with --from"
    )
    assert [path.name for path in (tmp_path / "public/toy").iterdir()] == ["train.en"]


def test_a_file_that_is_gone_is_not_asked_for_again(server, tmp_path):
    server.answers.clear()
    with pytest.raises(DownloadError, match=r"/raw/train\.en\.gz: the server answers 404 Not Found; without internet .* --from$"):
        download(a_set(server.host), tmp_path)
    assert len(server.asked) == 1


def test_without_network_the_folder_is_named(server, tmp_path):
    public = a_set("http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"train\.en\.gz: not downloaded in 4 attempts: .*refused.*; without internet .* --from$"):
        download(public, tmp_path)


def test_other_content_is_refused_and_not_kept(server, tmp_path):
    server.answers["/owner/toy-data/abc/raw/train.en.gz"] = [(200, b"<html>Please log in</html>")]
    with pytest.raises(DownloadError) as raised:
        download(a_set(server.host), tmp_path)
    assert message(raised) == (
        f"{server.host}/owner/toy-data/abc/raw/train.en.gz: SHA-256 of the content is "
        f"{hashlib.sha256(b'<html>Please log in</html>').hexdigest()}, expected {hashlib.sha256(EN).hexdigest()}: "
        "it is damaged, or another version of the set"
    )
    assert list((tmp_path / "public/toy").iterdir()) == []


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("toy/train.en.gz", "toy/train.de"),
        ("train.en", "train.de.gz"),
        ("raw/train.en.gz", "raw/train.de.gz"),
        ("toy-data/raw/train.en.gz", "train.de"),
    ],
)
def test_a_folder_may_hold_the_set_its_files_or_the_repository(tmp_path, english, german):
    folder, work = tmp_path / "folder", tmp_path / "work"
    work.mkdir()
    for name, text in ((english, EN), (german, DE)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    from_folder(a_set(), folder, work)
    assert {path.name: path.read_bytes() for path in work.iterdir()} == {"train.en": EN, "train.de": DE}


def test_a_set_made_of_anothers_files_is_found_in_its_folder(tmp_path):
    made = replace(a_set(), name="toy-en", of="toy")
    (tmp_path / "toy").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(ValueError, match=r"lacks train\.en, train\.de of toy-en; looked for in it and in toy/, with"):
        from_folder(made, tmp_path, work)
    for name, text in (("train.en", EN), ("train.de", DE)):
        (tmp_path / "toy" / name).write_bytes(text)
    from_folder(made, tmp_path, work)
    assert sorted(path.name for path in work.iterdir()) == ["train.de", "train.en"]


def test_a_set_and_one_made_of_its_files_share_the_download(server, tmp_path):
    download(a_set(server.host), tmp_path)
    assert download(replace(a_set(server.host), name="toy-en", of="toy"), tmp_path) == tmp_path / "public/toy"
    assert len(server.asked) == 2


def test_files_that_lack_are_named_at_once(tmp_path):
    with pytest.raises(ValueError, match="lacks") as raised:
        from_folder(a_set(), tmp_path, tmp_path)
    assert message(raised) == (f"{tmp_path}: lacks train.en, train.de of toy; looked for in it and in toy/, with .gz or without")


def test_a_folder_that_is_not_there_gets_the_nearest_name(tmp_path):
    (tmp_path / "shared").mkdir()
    with pytest.raises(ValueError, match=r"shard: no such file or folder; did you mean shared\?$"):
        from_folder(a_set(), tmp_path / "shard", tmp_path)


def test_wrong_checksums_of_a_folder_are_told_at_once(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    damaged = gzip.compress(EN)[:-6]
    (tmp_path / "train.en.gz").write_bytes(damaged)
    (tmp_path / "train.de").write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256") as raised:
        from_folder(a_set(), tmp_path, work)
    pattern = r"(.*): SHA-256 of the content is ([0-9a-f]{64}), expected [0-9a-f]{64}: it is damaged, or another version of the set"
    found = [re.fullmatch(pattern, line).groups() for line in message(raised).splitlines()]
    assert found == [
        (str(tmp_path / "train.en.gz"), hashlib.sha256(damaged).hexdigest()),
        (str(tmp_path / "train.de"), hashlib.sha256(b"other").hexdigest()),
    ]


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"QUAYSIDE_CACHE": "/big/cache", "XDG_CACHE_HOME": "/xdg"}, Path("/big/cache")),
        ({"XDG_CACHE_HOME": "/xdg"}, Path("/xdg/quayside")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/quayside"),
        ({}, Path.home() / ".cache/quayside"),
    ],
)
def test_the_cache_is_where_the_environment_says(environ, folder):
    assert cache_folder(environ) == folder
