"""Text into piece ids and back, the same in training and in serving.

`MarianPieces` reads the files of a Marian checkpoint (`source.spm`, `target.spm`, `vocab.json` and, where source and target have
vocabularies of their own, `target_vocab.json`); its ids equal those of transformers' `MarianTokenizer`, except that control pieces typed
by a customer (`</s>`, `<pad>`, `>>de<<`) are text here. `XlmrPieces` reads a `tokenizer.json`, be it XLM-R's, RoBERTa's or BERT's.

Raises on use of a piece that the vocabulary lacks: only for our own control pieces; unknown text becomes the unknown piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer

from data.records import Turn

EOS, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"
SPACE = "▁"  # SentencePiece's sign for one
CODE = re.compile(r">>(.*)<<")
# What begins a text, ends it, fills a batch and stands for the unknown: as XLM-R and RoBERTa call it, and as BERT does.
SPECIAL = (("<s>", EOS, PAD, UNKNOWN), ("[CLS]", "[SEP]", "[PAD]", "[UNK]"))


def language_code(language: str) -> str:
    """The control piece that asks a multi-target Marian model for `language`, in vocabularies of our own."""
    return f">>{language}<<"


class MarianPieces:
    """The pieces of one translation model.

    Args:
        folder: holds the files named above.
        codes: language -> the control piece that asks for it; `None`: every code of the vocabulary asks for what stands in it.

    Attributes:
        eos, unknown, pad: ids of the source vocabulary.

    Raises:
        ValueError: the vocabulary lacks one of `codes`.
    """

    def __init__(self, folder: Path, codes: Mapping[str, str] | None = None) -> None:
        ids: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        own = folder / "target_vocab.json"
        target_ids: dict[str, int] = json.loads(own.read_text(encoding="utf-8")) if own.exists() else ids
        self._source, self._target = _Side(folder / "source.spm", ids), _Side(folder / "target.spm", target_ids)
        self._text = {i: piece for piece, i in target_ids.items() if i not in self._target.control and piece != UNKNOWN}
        self.eos, self.unknown, self.pad = ids[EOS], ids[UNKNOWN], ids[PAD]
        wanted = {found[1]: piece for piece in ids if (found := CODE.fullmatch(piece))} if codes is None else codes
        if absent := sorted(piece for piece in wanted.values() if piece not in ids or not CODE.fullmatch(piece)):
            raise ValueError(f"{folder}: its vocabulary has no language code {', '.join(absent)}")
        self._codes = {language: ids[piece] for language, piece in wanted.items()}

    def __len__(self) -> int:
        return self.sizes[0]

    def __contains__(self, piece: str) -> bool:
        """Whether the source vocabulary has a piece."""
        return piece in self._source.ids

    @property
    def sizes(self) -> tuple[int, int]:
        """How many rows the embeddings of source and target need."""
        return self._source.size, self._target.size

    @property
    def languages(self) -> list[str]:
        """The target languages that the model has codes for; none for a model with one target."""
        return sorted(self._codes)

    @property
    def codes(self) -> list[int]:
        """The ids of the language codes."""
        return sorted(self._codes.values())

    def id_of(self, piece: str) -> int:
        """The id of a piece of the source vocabulary.

        Raises:
            KeyError: there is no such piece.
        """
        return self._source.ids[piece]

    def encode(self, text: str, target: str | None = None) -> list[int]:
        """The ids of a source sentence: language code if `target` is given, pieces, end of sentence.

        Raises:
            ValueError: the model has no code for `target`.
        """
        if target is None:
            return self._source.encode(text)
        if target not in self._codes:
            raise ValueError(f"this model has no code for target {target!r}; it has {', '.join(self.languages)}")
        return [self._codes[target], *self._source.encode(text)]

    def encode_target(self, text: str) -> list[int]:
        """The ids of a target sentence, end of sentence included."""
        return self._target.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of target ids; control pieces, and ids that no piece has, are left out."""
        return self._target.decode([self._text[i] for i in ids if i in self._text])


class _Side:
    """What source or target of a Marian model is cut into: the pieces of a SentencePiece model, under the numbers of a vocabulary."""

    def __init__(self, model: Path, ids: dict[str, int]) -> None:
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(model))
        self.ids = ids
        self._eos, self._unknown = ids[EOS], ids[UNKNOWN]
        self.size = max(ids.values()) + 1
        self.control = {i for piece, i in ids.items() if piece in (EOS, PAD) or CODE.fullmatch(piece)}

    def encode(self, text: str) -> list[int]:
        """The ids of a text, end of sentence included; control pieces are not to be had by typing them."""
        ids = (self.ids.get(piece, self._unknown) for piece in self._model.encode(text, out_type=str))
        return [*(self._unknown if i in self.control else i for i in ids), self._eos]

    def decode(self, pieces: list[str]) -> str:
        """The text of pieces; those of the other side, which this SentencePiece model does not know, keep their sign for a space in it."""
        return str(self._model.decode_pieces(pieces)).replace(SPACE, " ").strip()


class XlmrPieces:
    """The pieces of one classifier.

    Args:
        folder: holds `tokenizer.json`.
        max_pieces: of a message with its earlier turns.

    Attributes:
        pad: fills a batch.
        unknown: stands for what the vocabulary lacks.
        control: the other special pieces' ids, `pad` among them: no text has them.

    Raises:
        ValueError: the special pieces are neither XLM-R's nor BERT's.
    """

    def __init__(self, folder: Path, max_pieces: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()  # published files come with limits of their own
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # `</s>` typed by a customer is text ...
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        names = next((names for names in SPECIAL if all(name in vocabulary for name in names)), None)
        if names is None:
            raise ValueError(f"{folder / 'tokenizer.json'} has neither the pieces {', '.join(SPECIAL[0])} nor {', '.join(SPECIAL[1])}")
        self._begin, self._end, self.pad, self.unknown = (vocabulary[name] for name in names)
        special = {i for i, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        self.control = frozenset({self._begin, self._end, self.pad, *special} - {self.unknown})  # ... but a piece to a unigram model
        self.max_pieces = max_pieces

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str, history: Sequence[Turn] = (), segment: Callable[[str], list[int]] | None = None) -> list[int]:
        """The ids of a message and its earlier turns, the newest first: `<s> message </s> turn </s> turn </s> ...`.

        BERT's names for the same are `[CLS] message [SEP] turn [SEP] turn [SEP] ...`. A message over `max_pieces` keeps its beginning; of
        the turns as many as fit whole are kept.

        Args:
            text: the message.
            history: its earlier turns, the oldest first.
            segment: text -> ids, in place of the likeliest segmentation; training samples others.
        """
        segment = segment or self._likeliest
        ids = [self._begin, *self._pieces(segment(text))[: self.max_pieces - 2], self._end]
        for turn in reversed(history):
            pieces = self._pieces(segment(turn.text))
            if len(ids) + len(pieces) + 1 > self.max_pieces:
                break
            ids += [*pieces, self._end]
        return ids

    def _pieces(self, ids: list[int]) -> list[int]:
        return [self.unknown if i in self.control else i for i in ids]

    def _likeliest(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)
