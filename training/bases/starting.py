"""A base's weights and tokenizer as training begins with them.

A Marian base learns our markers (`data/protect`): each becomes one piece of both SentencePiece models, which no other piece reaches
across, and a row at the end of the embeddings, so that every other id, that of `<pad>` too, stays what it was. A base that has them, one of
our own, stays as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer, MarianMTModel
from transformers.utils import logging as transformers_logging

from data.records import write_bytes, write_json
from training.bases.files import BaseError
from training.bases.finding import SOURCE_PIECES, TARGET_PIECES, TOKENIZER_CONFIG, Base, vocabularies


def start_marian(base: Base, out: Path, markers: Sequence[str], dropout: float | None = None) -> MarianMTModel:
    """The model of a base, in fp32, with a piece for each marker; its tokenizer's files go to `out`.

    The markers' rows start near the mean of the others, and their bias at it: they are neither likely nor unlikely. The same base gives
    the same rows, whatever was drawn before.

    Args:
        base: from `find`.
        out: folder of the tokenizer's files.
        markers: one character each.
        dropout: of the layers in training; `None`: the base's own.

    Raises:
        BaseError: its weights cannot be read, or are not all there.

    Source: Hewitt 2021, https://nlp.stanford.edu/~johnhew/vocab-expansion.html
    """
    out.mkdir(parents=True, exist_ok=True)
    if (base.folder / TOKENIZER_CONFIG).exists():
        shutil.copyfile(base.folder / TOKENIZER_CONFIG, out / TOKENIZER_CONFIG)
    for name in (SOURCE_PIECES, TARGET_PIECES):
        write_bytes(out / name, with_markers((base.folder / name).read_bytes(), markers))
    rows = [_extend_vocabulary(base, name, before, out, markers) for name, before in vocabularies(base.config).items()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _load(MarianMTModel, base, **({} if dropout is None else {"dropout": dropout}))
        _extend_model(model, *rows)
    return model


def _extend_model(model: MarianMTModel, source: int, target: int | None = None) -> None:
    """Embeddings and bias for so many pieces; of source and target apart if they are."""
    before = model.final_logits_bias.shape[1]
    model.resize_token_embeddings(source)
    if target is not None:
        model.resize_decoder_token_embeddings(target)
    model.final_logits_bias[:, before:] = model.final_logits_bias[:, :before].mean()


def with_markers(model: bytes, markers: Sequence[str]) -> bytes:
    """A SentencePiece model in which each marker is a piece that no other reaches across.

    Published models may have such characters already, from the odd text that they were trained on: as ordinary pieces, or as parts of them.
    """
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    there = {piece.piece: piece for piece in proto.pieces}
    for piece in proto.pieces:
        if piece.piece not in markers and any(marker in piece.piece for marker in markers):
            piece.type = piece.UNUSED
    for marker in markers:
        piece = there[marker] if marker in there else proto.pieces.add(piece=marker, score=0.0)
        piece.type = piece.USER_DEFINED
    return bytes(proto.SerializeToString())


def _extend_vocabulary(base: Base, name: str, rows: int, out: Path, markers: Sequence[str]) -> int:
    """Write a vocabulary in which the markers that it lacks have the rows behind all others; returns how many rows it needs."""
    ids: dict[str, int] = json.loads((base.folder / name).read_bytes())
    lacking = [marker for marker in markers if marker not in ids]
    write_json(out / name, ids | {marker: rows + i for i, marker in enumerate(lacking)})
    return rows + len(lacking)


def start_encoder(base: Base, out: Path) -> Any:
    """The encoder of a base, in fp32, without its heads; `tokenizer.json` goes to `out`, made from older files where there is none.

    Raises:
        BaseError: its weights cannot be read or are not all there, or its tokenizer has pieces that the embeddings lack.
    """
    tokenizer = _tokenizer(base)
    if (pieces := tokenizer.get_vocab_size()) > base.config.vocab_size:
        raise BaseError(f"base {base.name!r}: its tokenizer has {pieces:,} pieces, its embeddings {base.config.vocab_size:,}")
    encoder = _load(AutoModel, base, add_pooling_layer=False)
    write_bytes(out / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
    return encoder


def _tokenizer(base: Base) -> Tokenizer:
    try:
        if (base.folder / "tokenizer.json").exists():
            return Tokenizer.from_file(str(base.folder / "tokenizer.json"))
        made: Tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True).backend_tokenizer
    except Exception as error:  # tokenizers raises bare exceptions
        raise BaseError(f"base {base.name!r}: its tokenizer cannot be read ({' '.join(str(error).split())[:200]})") from None
    return made


def _load(kind: Any, base: Base, **options: Any) -> Any:
    """A model with all its weights."""
    transformers_logging.set_verbosity_error()  # we say ourselves what is missing
    transformers_logging.disable_progress_bar()
    try:
        model, found = kind.from_pretrained(base.folder, dtype=torch.float32, local_files_only=True, output_loading_info=True, **options)
    except Exception as error:  # torch, safetensors and transformers speak each in their own way
        raise BaseError(f"base {base.name!r}: its weights cannot be read ({' '.join(str(error).split())[:200]})") from None
    if missing := sorted(found["missing_keys"]):
        raise BaseError(f"base {base.name!r}: {len(missing)} of its weights are not in its files: {', '.join(missing[:3])} ...")
    return model
