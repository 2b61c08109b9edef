"""Bundles: verified before they are used, and made into the models that answer.

Not covered: watching the champion's pointer file; swapping a bundle while requests run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from data.records import file_sha256
from serving.classifier import Classifier
from serving.models import ModelInfo
from serving.translator import Direction, Translator

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
KINDS = ("translation", "intents")


class BundleError(ValueError):
    """A bundle that is not served; the message is one sentence."""


class Decoding(BaseModel):
    """How a translation model writes: control ids, limits, and the shape of its caches.

    Attributes:
        suppressed: pieces that are never written.
        renormalized: whether the others' probabilities add up to 1 without them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: int
    end: int
    suppressed: list[int]
    renormalized: bool = False
    max_pieces: int
    layers: int
    heads: int
    head_size: int


class Format(BaseModel):
    """What every version of `manifest.json` says of itself."""

    format: int


class Manifest(Format):
    """`manifest.json`; keys that serving does not need are kept out of the way, not refused.

    Attributes:
        codes: target language -> the piece that asks for it; `None`: the vocabulary's codes name their languages themselves.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["translation", "intents"]
    name: str
    languages: list[str]
    pairs: list[tuple[str, str]] = []
    serve: Literal["fp32", "int8"]
    files: dict[str, str]
    codes: dict[str, str] | None = None
    decoding: Decoding | None = None
    max_pieces: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        """Refuse one that names no graphs to serve, or for translation does not say how to decode."""
        if not any(name.startswith(f"{self.serve}/") for name in self.files):
            raise PydanticCustomError("incomplete", "it lists no {serve} graphs, which it wants served", {"serve": self.serve})
        if self.kind == "translation" and self.decoding is None:
            raise PydanticCustomError("incomplete", "a translation bundle needs decoding")
        return self


@dataclass(frozen=True)
class Bundle:
    """A verified bundle; `version` is the beginning of its manifest's hash, which covers every file."""

    folder: Path
    manifest: Manifest
    version: str

    @property
    def info(self) -> ModelInfo:
        """What a client is told of it."""
        m = self.manifest
        return ModelInfo(m.name, self.version, m.kind, tuple(m.languages), tuple(m.pairs), m.serve)


@dataclass(frozen=True)
class Models:
    """Everything that answers."""

    translator: Translator
    classifier: Classifier
    described: Sequence[ModelInfo]


def verify_bundle(folder: Path) -> Bundle:
    """The bundle in `folder`, every file compared with the manifest.

    Raises:
        BundleError: no manifest, another format version, a file missing, changed or added.
    """
    manifest, version = _read_manifest(folder)
    for name, digest in manifest.files.items():
        if not (folder / name).is_file():
            raise BundleError(f"{folder} is not whole: {name} is missing")
        if file_sha256(folder / name) != digest:
            raise BundleError(f"{folder} is not what was exported: {name} has changed")
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    if added := sorted(found - set(manifest.files) - {MANIFEST}):
        raise BundleError(f"{folder} is not what was exported: {added[0]} was added")
    return Bundle(folder, manifest, version)


def _read_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest of a bundle, and the version that follows from it; its format is looked at before anything else.

    Raises:
        BundleError: there is none, it is of another format, or something in it is missing or wrong.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        stated = Format.model_validate_json(content).format
        if stated != FORMAT_VERSION:
            raise BundleError(f"{folder} has bundle format {stated}; this version serves format {FORMAT_VERSION}")
        return Manifest.model_validate_json(content), hashlib.sha256(content).hexdigest()[:12]
    except FileNotFoundError:
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = [".".join(map(str, first["loc"]))] if first["loc"] else []
        raise BundleError(f"{path} is not a manifest: {': '.join([*where, first['msg'].lower()])}") from None


def verify_bundles(folder: Path, kinds: Sequence[str] = KINDS) -> list[Bundle]:
    """Every bundle of these kinds below `folder`, by name.

    Raises:
        BundleError: one of them is bad, there is none of a kind, or two answer the same.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder of bundles; train and export first (`dvc repro`)")
    found = [verify_bundle(path) for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    bundles = [bundle for bundle in found if bundle.manifest.kind in kinds]
    for kind in kinds:
        if not any(bundle.manifest.kind == kind for bundle in bundles):
            raise BundleError(f"{folder} has no bundle of kind {kind}")
    pairs = [pair for bundle in bundles for pair in bundle.manifest.pairs]
    if twice := sorted({pair for pair in pairs if pairs.count(pair) > 1}):
        raise BundleError(f"{folder}: two bundles translate {'-'.join(twice[0])}")
    if sum(bundle.manifest.kind == "intents" for bundle in bundles) > 1:
        raise BundleError(f"{folder}: two bundles classify")
    return bundles


def load_translator(folder: Path, threads: int, precision: str | None = None, beams: int = 1) -> Translator:
    """Verify and load the translation bundles below `folder`; the arguments are those of `load_models` and `Translator`."""
    bundles = verify_bundles(folder, ["translation"])
    return Translator([Direction.load(_having(bundle, precision), threads, precision) for bundle in bundles], beams)


def load_classifier(folder: Path, threads: int, precision: str | None = None) -> Classifier:
    """Verify and load the classifier below `folder`; the arguments are those of `load_models`."""
    return Classifier.load(_having(verify_bundles(folder, ["intents"])[0], precision), threads, precision)


def _having(bundle: Bundle, precision: str | None) -> Bundle:
    """The bundle, if it has graphs of that precision.

    Raises:
        BundleError: it has not.
    """
    if precision and not (bundle.folder / precision).is_dir():
        raise BundleError(f"{bundle.folder} has no {precision} graphs")
    return bundle


def load_models(folder: Path, threads: int, precision: str | None = None, beams: int = 1) -> Models:
    """Verify and load every bundle below `folder`.

    Args:
        folder: holds one directory per bundle.
        threads: processor threads of each model.
        precision: of the graphs; `None` takes what each bundle says is to be served.
        beams: width of the translator's search.

    Raises:
        BundleError: see `verify_bundles`; or a bundle has no graphs of that precision.
    """
    translator, classifier = load_translator(folder, threads, precision, beams), load_classifier(folder, threads, precision)
    return Models(translator, classifier, [*translator.described, classifier.info])
