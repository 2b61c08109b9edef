"""The service's settings: `configs/serving.yaml`, then the environment, then the command line.

Not covered: keys stand in no settings object and no file; `ServingSettings.api_keys` and `admin_keys` read them from the environment when
asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from configs.schema import ROOT, Positive, Section, SettingsError, read_settings

SERVING_FILE = ROOT / "configs" / "serving.yaml"
OVERRIDES = {"host": "QUAYSIDE_HOST", "port": "QUAYSIDE_PORT", "bundles": "QUAYSIDE_BUNDLES", "state_dir": "QUAYSIDE_STATE"}
MAX_BEAMS = 8  # the width above which beam search stops gaining (Koehn and Knowles 2017, section 3.7)
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
MAX_DEADLINE_MS = 60_000  # twice this must stay below BentoML's own limit, TIMEOUT_S in service.py


def _is_host(host: str) -> str:
    """`host`, if a socket can be bound to it without asking a name server."""
    try:
        if host != "localhost":
            ip_address(host)
    except ValueError:
        raise PydanticCustomError("host", "is neither an IP address nor localhost") from None
    return host


class Limits(Section):
    """What a request may hold; more is refused with 413."""

    body_bytes: Positive
    segments: Positive
    segment_characters: Positive
    history_turns: Positive
    glossary_terms: Positive
    term_characters: Positive
    glossary_bytes: Positive


class ServingSettings(Section):
    """`configs/serving.yaml`."""

    host: Annotated[str, AfterValidator(_is_host)]
    port: Annotated[int, Field(ge=1, le=65_535)]
    api_keys_variable: Variable
    admin_keys_variable: Variable
    bundles: Annotated[str, Field(min_length=1)]
    state_dir: Annotated[str, Field(min_length=1)]
    kept_uploads: Positive
    threads: Positive
    deadline_ms: Annotated[int, Field(gt=0, le=MAX_DEADLINE_MS)]
    upload_deadline_ms: Annotated[int, Field(gt=0, le=MAX_DEADLINE_MS)]
    queue_length: Positive
    beams: Annotated[int, Field(ge=1, le=MAX_BEAMS)]
    limits: Limits

    @property
    def deadline_s(self) -> float:
        """The deadline in seconds, as the event loop wants it."""
        return self.deadline_ms / 1_000

    @property
    def bundles_folder(self) -> Path:
        """Where the bundles are; a relative path starts at the repository, wherever the service was started."""
        return ROOT / self.bundles

    @property
    def state_folder(self) -> Path:
        """Where what changes at run time is kept; a relative path starts at the repository."""
        return ROOT / self.state_dir

    def api_keys(self, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """The keys that the service accepts; none means: answer on loopback only."""
        return _keys(environ.get(self.api_keys_variable, ""))

    def admin_keys(self, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """The keys that may change glossaries; none means: nobody may."""
        return _keys(environ.get(self.admin_keys_variable, ""))


def _keys(listed: str) -> tuple[str, ...]:
    return tuple(key for part in listed.split(",") if (key := part.strip()))


def load_settings(path: Path = SERVING_FILE, environ: Mapping[str, str] = os.environ) -> ServingSettings:
    """The settings of the file, with the environment's in their place where it has any.

    Raises:
        SettingsError: the file or a variable is wrong; all mistakes of the file, or all of the environment, at once.
    """
    settings = read_settings(path, ServingSettings)
    found: dict[str, str | int] = {key: environ[name] for key, name in OVERRIDES.items() if name in environ}
    if str(found.get("port", "")).isdecimal():
        found["port"] = int(found["port"])
    try:
        return ServingSettings.model_validate({**settings.model_dump(), **found})
    except ValidationError as error:
        lines = [f"{OVERRIDES[str(p['loc'][0])]} = {p['input']!r}: {p['msg'].lower()}" for p in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
