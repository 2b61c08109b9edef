"""Resolves a base and checks it: configuration first, then vocabulary and languages, and only then are weights fetched.

A base is refused for what would otherwise show after hours, or never: another architecture, options that the export does not implement, the
wrong languages, ids that do not fit the embeddings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from sentencepiece import sentencepiece_model_pb2
from transformers import BertConfig, GenerationConfig, MarianConfig, RobertaConfig, XLMRobertaConfig

from data.pieces import CODE, EOS, PAD, UNKNOWN
from data.records import file_sha256
from training.bases.files import CONFIG, BaseError, Files, files_of, read_json
from training.bases.languages import Pairs, check_languages, said_languages
from training.onnx import marian, xlmr
from training.onnx.marian import ExportError

Kind = Literal["translation", "intents"]

CONFIGS: dict[Kind, dict[str, Any]] = {
    "translation": {"marian": MarianConfig},
    "intents": {"bert": BertConfig, "roberta": RobertaConfig, "xlm-roberta": XLMRobertaConfig},
}
TOKENIZER_CONFIG, GENERATION_CONFIG = "tokenizer_config.json", "generation_config.json"
SOURCE_PIECES, TARGET_PIECES, VOCABULARY, TARGET_VOCABULARY = "source.spm", "target.spm", "vocab.json", "target_vocab.json"
# In the order in which transformers takes them.
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
TOKENIZERS = (("tokenizer.json",), ("sentencepiece.bpe.model",), ("vocab.txt",), ("vocab.json", "merges.txt"))
# Of the pieces of a SentencePiece model those that its vocabulary must have. OPUS-MT's joint vocabularies lack a few, which training
# never saw; checkpoints converted with the other language's vocabulary lack most (opus-mt-tc-big-en-ko's has 21 % of its source's).
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Base:
    """A checkpoint that training can start from.

    Attributes:
        name: as the user gave it.
        folder: with its files.
        revision: the hub's commit; none for a folder.
        config: transformers' configuration.
        codes: target language -> the code piece that asks for it; empty for a base with one target.
        sha256: of its weights.
    """

    name: str
    folder: Path
    revision: str | None
    config: Any
    codes: dict[str, str]
    sha256: str

    @property
    def described(self) -> dict[str, str | None]:
        """What a manifest says of it."""
        return {"name": self.name, "revision": self.revision, "sha256": self.sha256}


def find(base: str, kind: Kind, pairs: Pairs = ()) -> Base:
    """The base of this name, checked and fetched.

    Args:
        base: a folder, or a hub id.
        kind: what it is for.
        pairs: source and target of what a translation model is to translate; none: its languages are not checked.

    Raises:
        BaseError: it cannot be used.
    """
    files = files_of(base)
    config = _config(files, kind)
    codes: dict[str, str] = {}
    if kind == "translation":
        _check_marian(files, config)
        names = _names_of_marian(files, config)
        known = [piece for piece in _check_vocabularies(files, config) if CODE.fullmatch(piece)]
        if pairs:
            codes = check_languages(base, said_languages(base, read_json(files, TOKENIZER_CONFIG)), pairs, known)
    else:
        _check_encoder(base, config)
        names = _names_of_tokenizer(files)
    weights = _names_of_weights(files)
    optional = [name for name in (TOKENIZER_CONFIG, GENERATION_CONFIG) if name in files.names]
    folder = files.folder([CONFIG, *optional, *names, *weights])
    return Base(base, folder, files.revision, config, codes, _sha256(folder, weights))


def _config(files: Files, kind: Kind) -> Any:
    """The configuration, if it is of an architecture that is implemented."""
    if CONFIG not in files.names:
        raise BaseError(f"base {files.base!r} has no {CONFIG} {files.place}: it is no checkpoint in the format of transformers")
    values = read_json(files, CONFIG)
    found = values.get("model_type")
    if found not in CONFIGS[kind]:
        raise BaseError(f"base {files.base!r} has model_type {found!r} in {CONFIG}; implemented for {kind}: {', '.join(CONFIGS[kind])}")
    try:
        return CONFIGS[kind][found].from_dict(values)
    except Exception as error:  # transformers and huggingface_hub check types each with classes of their own
        raise BaseError(f"base {files.base!r} has a {CONFIG} that transformers refuses ({' '.join(str(error).split())[:200]})") from None


def _check_marian(files: Files, config: Any) -> None:
    """Refuse what could be trained, but not exported."""
    generation = GenerationConfig.from_dict(read_json(files, GENERATION_CONFIG) or read_json(files, CONFIG))
    try:
        marian.check_supported(config)
        marian.decoding(SimpleNamespace(config=config, generation_config=generation))
    except ExportError as error:
        raise BaseError(f"base {files.base!r}: {error}") from None
    one_size = config.decoder_vocab_size == config.vocab_size
    if config.share_encoder_decoder_embeddings and not (one_size and config.tie_word_embeddings):
        options = ("vocab_size", "decoder_vocab_size", "tie_word_embeddings")
        said = ", ".join(f"{name}={getattr(config, name)}" for name in options)
        raise BaseError(f"base {files.base!r} has {said} in {CONFIG}, with which share_encoder_decoder_embeddings=True cannot be")


def _check_encoder(base: str, config: Any) -> None:
    """Refuse what could be trained, but not exported; transformers no longer knows relative positions, and would leave them out."""
    try:
        xlmr.check_supported(config)
    except ExportError as error:
        raise BaseError(f"base {base!r}: {error}") from None
    if (places := getattr(config, "position_embedding_type", "absolute")) != "absolute":
        raise BaseError(f"base {base!r} has position_embedding_type={places}; implemented: absolute")


def vocabularies(config: Any) -> dict[str, int]:
    """The vocabularies' files -> rows of their embeddings: one, or the source's and the target's where these have their own."""
    own = {} if config.share_encoder_decoder_embeddings else {TARGET_VOCABULARY: config.decoder_vocab_size}
    return {VOCABULARY: config.vocab_size, **own}


def _names_of_marian(files: Files, config: Any) -> list[str]:
    """The tokenizer's files."""
    names = [SOURCE_PIECES, TARGET_PIECES, *vocabularies(config)]
    missing = [name for name in names if name not in files.names]
    if missing:
        raise BaseError(f"base {files.base!r}: {', '.join(missing)} missing {files.place}; such a Marian checkpoint has {', '.join(names)}")
    return names


def _names_of_tokenizer(files: Files) -> list[str]:
    """The tokenizer's files of an encoder, in the first form that is there."""
    for names in TOKENIZERS:
        if files.names.issuperset(names):
            return list(names)
    forms = " or ".join(" with ".join(names) for names in TOKENIZERS)
    raise BaseError(f"base {files.base!r}: no tokenizer {files.place}; valid: {forms}")


def _names_of_weights(files: Files) -> list[str]:
    """The files of the weights; safetensors if there are any."""
    first = next((name for name in WEIGHTS if name in files.names), None)
    if first is None:
        raise BaseError(f"base {files.base!r}: no weights {files.place}; valid: {', '.join(WEIGHTS)}")
    if not first.endswith(".index.json"):
        return [first]
    shards = sorted(set(dict(read_json(files, first).get("weight_map", {})).values()))
    missing = [name for name in shards if name not in files.names]
    if missing or not shards:
        raise BaseError(f"base {files.base!r}: {', '.join(missing) or 'every part'} of the weights in {first} missing {files.place}")
    return [first, *shards]


def _sha256(folder: Path, names: Sequence[str]) -> str:
    """Of the weights' one file; of several, over their names and hashes."""
    if len(names) == 1:
        return file_sha256(folder / names[0])
    return hashlib.sha256("".join(f"{name}\0{file_sha256(folder / name)}\n" for name in names).encode()).hexdigest()


def _check_vocabularies(files: Files, config: Any) -> dict[str, int]:
    """The source's pieces; each vocabulary fits its embeddings and its SentencePiece model."""
    found = {name: _vocabulary(files, name, rows, config) for name, rows in vocabularies(config).items()}
    for model, name in ((SOURCE_PIECES, VOCABULARY), (TARGET_PIECES, list(found)[-1])):
        _check_pieces(files, model, name, found[name])
    return found[VOCABULARY]


def _vocabulary(files: Files, name: str, rows: int, config: Any) -> dict[str, int]:
    """Piece -> id, which is a row of the embeddings of its own; there may be more rows."""
    ids = read_json(files, name)
    if len(set(ids.values()) & set(range(rows))) != len(ids):
        raise BaseError(
            f"base {files.base!r}: {name} has {len(ids):,} pieces whose ids are not rows of the {rows:,} embeddings, each its own"
        )
    if absent := [piece for piece in (EOS, UNKNOWN, PAD) if piece not in ids]:
        raise BaseError(f"base {files.base!r}: {name} has no {', '.join(absent)}")
    for piece, option in ((EOS, "eos_token_id"), (PAD, "pad_token_id")):
        if ids[piece] != (number := getattr(config, option)):
            raise BaseError(f"base {files.base!r}: {piece} is {ids[piece]} in {name}, but {option} is {number} in {CONFIG}")
    return ids


def _check_pieces(files: Files, model: str, name: str, ids: dict[str, int]) -> None:
    pieces = _pieces(files, model)
    known = sum(piece in ids for piece in pieces)
    if known < LEAST_SHARE * len(pieces) or not pieces:
        raise BaseError(
            f"base {files.base!r}: {name} has only {known:,} of the {len(pieces):,} pieces of {model}: it is another vocabulary's"
        )


def _pieces(files: Files, name: str) -> list[str]:
    """The pieces of a SentencePiece model that text can be cut into."""
    try:
        proto = sentencepiece_model_pb2.ModelProto.FromString(files.file(name).read_bytes())
    except Exception:  # protobuf's own class has moved between its versions
        raise BaseError(f"base {files.base!r}: {name} is no SentencePiece model") from None
    return [piece.piece for piece in proto.pieces if piece.type == piece.NORMAL]
