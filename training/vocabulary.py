"""Vocabularies trained from the prepared text: SentencePiece for Marian, the same as a `tokenizer.json` for XLM-R.

Marian gets byte-pair pieces: on a small corpus frequent words are one piece sooner than with a unigram model, which makes sentences shorter
and words easier to align. XLM-R's `tokenizer.json` is a unigram model, as XLM-R's own.

Source: Sennrich et al. 2016, https://aclanthology.org/P16-1162; Kudo 2018, https://aclanthology.org/P18-1007
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import sentencepiece
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from data.annotation import TERM_MARKS
from data.pieces import EOS, PAD, UNKNOWN, language_code
from data.protect import MARKERS

MARKS = (*MARKERS, *TERM_MARKS)  # the pieces that come only from us: what is protected, and terms
LONGEST_BPE = 12  # characters of a piece: long compounds are seen too seldom to be learned whole
XLMR_MODEL = "sentencepiece.bpe.model"  # XLM-R's own name for it, though its model is a unigram one
LONGEST_UNIGRAM = 8  # few messages to learn from: stems that many words share say more than whole words


def train_pieces(texts: Iterable[str], size: int, kind: Literal["bpe", "unigram"], markers: Sequence[str] = ()) -> bytes:
    """A SentencePiece model over `texts`, at most `size` pieces; each of `markers` is always one piece.

    Text is taken as it is (identity normalisation): `data/normalize` has done what is to be done.

    Raises:
        ValueError: `size` is too small for the characters of the texts.
    """
    model = io.BytesIO()
    try:
        _train(model, texts, size, kind, markers)
    except RuntimeError as error:
        raise ValueError(f"a vocabulary of {size:,} pieces cannot be trained (SentencePiece: {error})") from None
    return model.getvalue()


def _train(model: io.BytesIO, texts: Iterable[str], size: int, kind: str, markers: Sequence[str]) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        user_defined_symbols=list(markers),
        max_sentencepiece_length=LONGEST_BPE if kind == "bpe" else LONGEST_UNIGRAM,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        unk_id=0,
        num_threads=1,
        minloglevel=2,
    )


def write_marian_vocabulary(texts: Iterable[str], size: int, languages: Sequence[str], folder: Path) -> None:
    """`source.spm`, `target.spm` (the same, joint) and `vocab.json` as Marian checkpoints have them: `</s>` 0, `<unk>` 1, `<pad>` last.

    Args:
        texts: sentences of every language of the model, masked.
        size: pieces, control pieces not counted.
        languages: target languages that get a `>>lang<<` code; none for a model with one target.
        folder: where the three files go.
    """
    model = train_pieces(texts, size, "bpe", MARKS)
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    names = [EOS, UNKNOWN, *(p for p in pieces if p != UNKNOWN), *map(language_code, languages), PAD]
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}, ensure_ascii=False), encoding="utf-8")


def write_xlmr_vocabulary(texts: Iterable[str], size: int, folder: Path) -> int:
    """`sentencepiece.bpe.model`, and `tokenizer.json` with XLM-R's special pieces; returns the number of pieces.

    The special pieces are `<s>` 0, `<pad>` 1, `</s>` 2 and `<unk>` 3; the SentencePiece model's piece i is 3 + i here (i > 0).

    Lower case and NFKC: a small encoder trained from scratch has no messages to spare for learning that GOODS are goods.
    """
    normalizer = xlmr_normalizer()
    model = train_pieces((normalizer.normalize_str(text) for text in texts), size, "unigram")
    (folder / XLMR_MODEL).write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    learned = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
    vocabulary = [("<s>", 0.0), (PAD, 0.0), (EOS, 0.0), (UNKNOWN, 0.0), *(entry for entry in learned if entry[0] != UNKNOWN)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<s>", PAD, EOS, UNKNOWN])
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(vocabulary)


def xlmr_normalizer() -> normalizers.Normalizer:
    """What `tokenizer.json` does to a text before it is cut."""
    return normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
