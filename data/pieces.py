"""Text into piece ids and back, the same in training and in serving.

`MarianPieces` reads the files of a Marian checkpoint (`source.spm`, `target.spm`, `vocab.json`); its ids equal those of transformers'
`MarianTokenizer`, except that control pieces typed by a customer (`</s>`, `<pad>`, `>>de<<`) are text here. `XlmrPieces` reads a
`tokenizer.json`.

Raises on use of a piece that the vocabulary lacks: only for our own control pieces; unknown text becomes the unknown piece.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer

from data.records import Turn

EOS, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"


def language_code(language: str) -> str:
    """The control piece that asks a multi-target Marian model for `language`."""
    return f">>{language}<<"


class MarianPieces:
    """The pieces of one translation model."""

    def __init__(self, folder: Path) -> None:
        self._source = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
        self._target = sentencepiece.SentencePieceProcessor(model_file=str(folder / "target.spm"))
        self._ids: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self._pieces = {i: piece for piece, i in self._ids.items()}
        self.eos, self.unknown, self.pad = self._ids[EOS], self._ids[UNKNOWN], self._ids[PAD]
        self._codes = {i for piece, i in self._ids.items() if piece.startswith(">>") and piece.endswith("<<")}
        self._control = {self.eos, self.pad, *self._codes}

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def languages(self) -> list[str]:
        """The target languages that the vocabulary has codes for; none for a model with one target."""
        return sorted(self._pieces[i][2:-2] for i in self._codes)

    @property
    def codes(self) -> list[int]:
        """The ids of the language codes."""
        return sorted(self._codes)

    def encode(self, text: str, target: str | None = None) -> list[int]:
        """The ids of a source sentence: language code if `target` is given, pieces, end of sentence.

        Raises:
            ValueError: the vocabulary has no code for `target`.
        """
        code = []
        if target is not None:
            if language_code(target) not in self._ids:
                raise ValueError(f"this model has no code for target {target!r}; it has {', '.join(self.languages)}")
            code = [self._ids[language_code(target)]]
        return [*code, *self._lookup(self._source, text), self.eos]

    def encode_target(self, text: str) -> list[int]:
        """The ids of a target sentence, end of sentence included."""
        return [*self._lookup(self._target, text), self.eos]

    def _lookup(self, model: sentencepiece.SentencePieceProcessor, text: str) -> list[int]:
        pieces = model.encode(text, out_type=str)
        ids = (self._ids.get(piece, self.unknown) for piece in pieces)
        return [self.unknown if i in self._control else i for i in ids]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of target ids; control pieces are left out."""
        pieces = [self._pieces[i] for i in ids if i not in self._control]
        return str(self._target.decode_pieces([p for p in pieces if p != UNKNOWN])).strip()


class XlmrPieces:
    """The pieces of one classifier.

    Args:
        folder: holds `tokenizer.json`.
        max_pieces: of a message with its earlier turns.
        segment: text -> ids, in place of the likeliest segmentation; training samples others.
    """

    def __init__(self, folder: Path, max_pieces: int, segment: Callable[[str], list[int]] | None = None) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.encode_special_tokens = True  # `</s>` typed by a customer is text ...
        vocabulary = self._tokenizer.get_vocab()
        self._begin, self._end, self._unknown = vocabulary["<s>"], vocabulary[EOS], vocabulary[UNKNOWN]
        self._control = {self._begin, self._end, vocabulary[PAD]}  # ... but to the unigram model it is a piece like any other
        self.max_pieces = max_pieces
        self._segment = segment or self._likeliest

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str, history: Sequence[Turn] = ()) -> list[int]:
        """The ids of a message and its earlier turns, the newest first: `<s> message </s> turn </s> turn </s> ...`.

        A message over `max_pieces` keeps its beginning; of the turns as many as fit whole are kept.
        """
        ids = [self._begin, *self._pieces(text)[: self.max_pieces - 2], self._end]
        for turn in reversed(history):
            pieces = self._pieces(turn.text)
            if len(ids) + len(pieces) + 1 > self.max_pieces:
                break
            ids += [*pieces, self._end]
        return ids

    def _pieces(self, text: str) -> list[int]:
        ids = self._segment(text)
        return [self._unknown if i in self._control else i for i in ids]

    def _likeliest(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)
