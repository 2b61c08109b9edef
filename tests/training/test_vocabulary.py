"""Vocabularies: control pieces in their places, markers in one piece, nothing lost on the way there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
import sentencepiece

from data.pieces import MarianPieces, XlmrPieces
from data.protect import MARKERS
from training.vocabulary import train_pieces, write_marian_vocabulary, write_xlmr_vocabulary

TEXTS = [
    f"{greeting}, the {part} of order {MARKERS[0]} {what}."
    for greeting in ("Good morning", "Hello", "Dear team")
    for part in ("hydraulic pump", "zipper", "gearbox")
    for what in ("has not arrived", "is broken", "fits very well")
] + ["订单的液压泵还没有到。", "拉链坏了。"]


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marian")
    write_marian_vocabulary(TEXTS, 120, ["de", "zh"], folder)
    return folder


def test_control_pieces_stand_where_marian_has_them(marian: Path) -> None:
    ids = json.loads((marian / "vocab.json").read_text(encoding="utf-8"))
    names = sorted(ids, key=ids.get)
    assert list(ids.values()) == list(range(len(ids)))
    assert names[:2] == ["</s>", "<unk>"]
    assert names[-3:] == [">>de<<", ">>zh<<", "<pad>"]
    assert len(ids) <= 120 + 4


def test_source_and_target_are_one(marian: Path) -> None:
    assert (marian / "source.spm").read_bytes() == (marian / "target.spm").read_bytes()


def test_a_model_with_one_target_has_no_codes(tmp_path: Path) -> None:
    write_marian_vocabulary(TEXTS, 120, [], tmp_path)
    assert MarianPieces(tmp_path).languages == []


def test_every_marker_is_one_piece_even_between_letters(marian: Path) -> None:
    pieces = MarianPieces(marian)
    plain = pieces.encode("ab")
    for marker in MARKERS:
        ids = pieces.encode(f"a{marker}b")
        assert pieces.unknown not in ids
        assert pieces.decode(ids) == f"a{marker}b"
        assert len(ids) <= len(plain) + 2


def test_text_comes_back_as_it_was(marian: Path) -> None:
    pieces = MarianPieces(marian)
    for text in TEXTS:
        assert pieces.decode(pieces.encode_target(text)) == text
    assert len(TEXTS) == 29


def test_case_and_width_are_kept_for_translation(marian: Path) -> None:
    pieces = MarianPieces(marian)
    assert pieces.encode("Hello") != pieces.encode("hello")


def test_the_same_text_gives_the_same_pieces() -> None:
    first, second = (train_pieces(TEXTS, 100, "bpe", MARKERS) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_there_are_no_more_pieces_than_asked_for(kind: Literal["bpe", "unigram"]) -> None:
    model = sentencepiece.SentencePieceProcessor(model_proto=train_pieces(TEXTS, 90, kind))
    assert 0 < model.get_piece_size() <= 90


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("xlmr")
    return folder, write_xlmr_vocabulary(TEXTS, 100, folder)


def test_special_pieces_are_xlm_r_s(xlmr: tuple[Path, int]) -> None:
    folder, size = xlmr
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    assert [piece for piece, _ in vocabulary[:4]] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert len({piece for piece, _ in vocabulary}) == len(vocabulary) == size


def test_case_and_width_are_nothing_to_the_classifier(xlmr: tuple[Path, int]) -> None:
    pieces = XlmrPieces(xlmr[0], max_pieces=32)
    assert len(pieces) == xlmr[1]
    assert pieces.encode("ZIPPER") == pieces.encode("zipper") == pieces.encode("ｚｉｐｐｅｒ") != pieces.encode("gearbox")
