"""The files of a base: in a folder, on the hub, or in the hub's cache when the hub cannot be asked.

All three give the same: which files there are, one small file, a folder with those that are needed. Where the hub's cache lies and
whether the hub may be asked (`HF_HUB_CACHE`, `HF_HUB_OFFLINE`) is huggingface_hub's to say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars

from data.console import STDERR

CONFIG = "config.json"
VALID = "valid: a folder with a checkpoint, or a hub id such as Helsinki-NLP/opus-mt-en-de"


class BaseError(ValueError):
    """A base that cannot be used; the message is one sentence that names it."""


@dataclass(frozen=True)
class FolderFiles:
    """Files that are here.

    Attributes:
        base: as the user named it.
        path: of the folder.
        revision: the hub's commit, if the folder is one of its cache.
        place: where the files are, for messages.
    """

    base: str
    path: Path
    revision: str | None
    place: str

    @property
    def names(self) -> frozenset[str]:
        """Without links that lead nowhere: the hub's cache has such after a download that broke off."""
        return frozenset(path.name for path in self.path.iterdir() if path.is_file())

    def file(self, name: str) -> Path:
        """One small file."""
        return self.path / name

    def folder(self, names: Sequence[str]) -> Path:
        """A folder that holds all of these files."""
        return self.path


@dataclass(frozen=True)
class HubFiles:
    """Files on the hub, fetched into its cache as they are asked for.

    Attributes: see `FolderFiles`; `names` of all files.
    """

    base: str
    names: frozenset[str]
    revision: str
    place: str = "on the hub"

    def file(self, name: str) -> Path:
        """One small file.

        Raises:
            BaseError: the hub does not give it.
        """
        try:
            return Path(hf_hub_download(self.base, name, revision=self.revision))
        except Exception as error:  # the hub speaks through httpx, the system and classes of its own
            raise BaseError(f"base {self.base!r}: {name} could not be fetched: {_reason(error)}") from None

    def folder(self, names: Sequence[str]) -> Path:
        """A folder that holds all of these files.

        Raises:
            BaseError: the hub does not give them.
        """
        if not STDERR.is_terminal:
            disable_progress_bars()
        try:
            return Path(snapshot_download(self.base, revision=self.revision, allow_patterns=list(names)))
        except Exception as error:  # see above
            raise BaseError(f"base {self.base!r}: {', '.join(names)} could not be fetched: {_reason(error)}") from None


Files = FolderFiles | HubFiles


def files_of(base: str) -> Files:
    """The files of a base; nothing is fetched yet.

    Raises:
        BaseError: neither a folder nor a model that the hub or its cache knows.
    """
    path = Path(base).expanduser()
    if base and path.is_dir():
        return FolderFiles(base, path, None, f"in {path}")
    try:
        HfApi().model_info(base, timeout=constants.HF_HUB_ETAG_TIMEOUT)  # asks once; a download would ask for half a minute
        commit = Path(hf_hub_download(base, CONFIG)).parent.name  # which the cache remembers as `main`, for when the hub cannot be asked
        found = HfApi().model_info(base, revision=commit, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except HFValidationError:
        raise BaseError(f"base {base!r} is neither a folder nor a hub id; {VALID}") from None
    except RemoteEntryNotFoundError:
        raise BaseError(f"base {base!r} has no {CONFIG} on the hub: it is no checkpoint in the format of transformers") from None
    except Exception as error:  # see above
        return _cached(base, _reason(error))
    return HubFiles(base, frozenset(file.rfilename for file in found.siblings or ()), commit)


def _cached(base: str, reason: str) -> FolderFiles:
    config = try_to_load_from_cache(base, CONFIG)
    if not isinstance(config, str):
        raise BaseError(
            f"base {base!r} is no folder, its {CONFIG} is not in the hub's cache ({constants.HF_HUB_CACHE}), and {reason}; {VALID}"
        )
    folder = Path(config).parent
    return FolderFiles(base, folder, folder.name, f"in the hub's cache ({folder}), and {reason}")


def _reason(error: Exception) -> str:
    """Why the hub gives nothing."""
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return _reason(error.__cause__)
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, GatedRepoError):
        return "the hub gives it only to those who have accepted its terms there and set HF_TOKEN"
    if isinstance(error, RepositoryNotFoundError):
        return "the hub has no such model, or not for this HF_TOKEN"
    what = "answers with an error" if isinstance(error, HfHubHTTPError) else "cannot be reached"
    return f"the hub {what} ({type(error).__name__}: {' '.join(str(error).split())[:200]})"


def read_json(files: Files, name: str) -> dict[str, Any]:
    """A small JSON file; empty if there is none.

    Raises:
        BaseError: it is not a JSON object.
    """
    if name not in files.names:
        return {}
    try:
        found = json.loads(files.file(name).read_bytes())
    except ValueError as error:
        raise BaseError(f"base {files.base!r}: {name} is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise BaseError(f"base {files.base!r}: {name} is not a JSON object")
    return found
