from pathlib import Path

import pytest
import yaml

from configs.schema import ROOT, SettingsError
from serving.settings import SERVING_FILE, ServingSettings, is_loopback, load_settings


def test_the_shipped_file() -> None:
    settings = load_settings(environ={})
    assert (settings.host, settings.port, settings.api_keys_variable) == ("127.0.0.1", 3000, "QUAYSIDE_API_KEYS")
    assert settings.deadline_s == settings.deadline_ms / 1_000


def test_every_key_of_the_file_has_a_comment() -> None:
    lines = [line for line in SERVING_FILE.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) == len(ServingSettings.model_fields) + 7
    assert [line for line in lines if " # " not in line] == []


def test_the_environment_wins(tmp_path: Path) -> None:
    settings = load_settings(environ={"QUAYSIDE_HOST": "0.0.0.0", "QUAYSIDE_PORT": "8080", "QUAYSIDE_BUNDLES": str(tmp_path)})  # noqa: S104
    assert (settings.host, settings.port, settings.bundles_folder) == ("0.0.0.0", 8080, tmp_path)  # noqa: S104


def test_a_relative_folder_starts_at_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}).bundles_folder == ROOT / "training" / "bundles"
    assert load_settings(environ={}).state_folder == ROOT / ".state"
    assert load_settings(environ={"QUAYSIDE_STATE": str(tmp_path)}).state_folder == tmp_path


def test_all_mistakes_of_a_file_at_once(tmp_path: Path) -> None:
    values = yaml.safe_load(SERVING_FILE.read_text(encoding="utf-8"))
    del values["threads"]
    values |= {"host": "example.org", "port": 70_000, "deadline_ms": 90_000, "beam": 4}
    values["limits"]["segments"] = "64"
    path = tmp_path / "serving.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path, environ={})
    assert sorted(str(caught.value).splitlines()) == sorted(
        [
            f"{path}: host = 'example.org': is neither an ip address nor localhost",
            f"{path}: port = 70000: input should be less than or equal to 65535",
            f"{path}: threads is missing",
            f"{path}: deadline_ms = 90000: input should be less than or equal to 60000",
            f"{path}: limits.segments = '64': input should be a valid integer",
            f"{path}: beam = 4 is not a known key; did you mean beams?",
        ]
    )


def test_all_mistakes_of_the_environment_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"QUAYSIDE_HOST": "example.org", "QUAYSIDE_PORT": "many", "QUAYSIDE_BUNDLES": ""})
    assert str(caught.value).splitlines() == [
        "QUAYSIDE_HOST = 'example.org': is neither an ip address nor localhost",
        "QUAYSIDE_PORT = 'many': input should be a valid integer",
        "QUAYSIDE_BUNDLES = '': string should have at least 1 character",
    ]


@pytest.mark.parametrize(("value", "keys"), [("", ()), (" , ", ()), ("a", ("a",)), (" a , b ,", ("a", "b"))])
def test_api_keys(value: str, keys: tuple[str, ...]) -> None:
    assert load_settings(environ={}).api_keys({"QUAYSIDE_API_KEYS": value}) == keys


def test_no_api_keys() -> None:
    assert load_settings(environ={}).api_keys({}) == ()


def test_admin_keys_have_a_variable_of_their_own() -> None:
    settings = load_settings(environ={})
    assert settings.admin_keys({"QUAYSIDE_API_KEYS": "a", "QUAYSIDE_ADMIN_KEYS": "b, c"}) == ("b", "c")
    assert settings.admin_keys({"QUAYSIDE_API_KEYS": "a"}) == ()


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
