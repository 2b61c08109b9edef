"""A teacher's translations as training text of a smaller student, which learns them more easily than many people's.

The teacher is a checkpoint of `training/models/` or of the same layout: usually the best that could be trained or fine-tuned, whatever it
costs. It translates the student's masked training sources, so that markers come through as they will in service.

    WORK/teacher.jsonl    a batch a line: [[source, language, translation or null], ...]; a training that was stopped goes on after the last

Null stands for what nobody should learn: no translation, one that lost or invented a marker, a loop, one of a source cut short.

Distillation evens out what several people have worded in several ways: it pays on real text. The expansions of the shipped patterns are
even already, and a student of theirs gains little by it but the teacher's mistakes: measured on 500 of its own training sentences, a demo
model reaches 87 chrF into the other languages and 93 into English, and loses or invents markers in 2 to 4 %.

Source: Kim and Rush 2016, sequence-level knowledge distillation, https://aclanthology.org/D16-1139

Not covered: interpolation with the references, word-level distillation, annotated terms; sharing the work among the processes of a training
(one translates, the others wait for it, as long as `ddp_timeout` lets them).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import MarianMTModel
from transformers.utils import logging as transformers_logging

from configs.schema import Distillation
from data.annotation import TERMS
from data.console import say, track
from data.pieces import MarianPieces
from data.protect import MARKERS
from data.records import file_sha256, write_text
from training.judging import translate
from training.manifest import read_manifest
from training.samples import SentencePair

Asked = tuple[str, str]  # source, target language

FILE = "teacher.jsonl"
WEIGHTS = "model.safetensors"
# Source pieces of a batch, padding included. On a processor core 128 sentences are as fast as 32 with four beams, and twice as fast
# with one, measured; for GPUs a choice: with four beams of a large model some GB.
BATCH_PIECES = {"cpu": 4_096, "cuda": 16_384}
CHOICE = 1  # seed of which rows are enough


def teacher_sha256(teacher: Path, pairs: Sequence[tuple[str, str]]) -> str:
    """The SHA-256 of a teacher's weights, which a student's training follows from.

    Args:
        teacher: folder of a translation checkpoint.
        pairs: source and target of what the student is to translate.

    Raises:
        ValueError: no checkpoint in that folder, or it was not trained for one of the pairs.
        OSError: no weights in that folder.
    """
    trained = {(source, target) for source, target in read_manifest(teacher)["pairs"]}
    if missing := sorted(set(pairs) - trained):
        raise ValueError(f"{teacher}: this teacher translates {_names(sorted(trained)) or 'nothing'}, not {_names(missing)}")
    return file_sha256(teacher / WEIGHTS)


def with_teacher(
    rows: Sequence[SentencePair], teacher: Path, settings: Distillation, work: Path, read_pieces: int | None = None
) -> list[SentencePair]:
    """The pairs with the teacher's translations in place of the references, or beside them.

    Args:
        rows: the student's training pairs.
        teacher: folder of a translation checkpoint.
        settings: beams, and whether the references stay.
        work: where the translations are kept until the training is done.
        read_pieces: target pieces that the training reads; with more pairs than these, some drawn at random are taught and trained on,
            for the teacher costs more than the student. `None`: all.

    Raises:
        ValueError: no checkpoint in that folder, or none of its translations can be trained on.
    """
    pieces = MarianPieces(teacher, read_manifest(teacher).get("codes"))
    if read_pieces is not None:
        rows = _enough(rows, pieces, read_pieces // 2 if settings.references else read_pieces)
    asked = list(dict.fromkeys((row.source, row.language) for row in rows))
    answers = _answers(_batches(asked, pieces), teacher, pieces, settings.beams, work / FILE)
    taught = [row._replace(target=text) for row in rows if (text := answers[row.source, row.language])]
    if not taught:
        raise ValueError(f"{teacher}: none of its {len(answers):,} translations can be trained on (empty, endless, or with other markers)")
    return [*rows, *taught] if settings.references else taught


def _names(pairs: Sequence[tuple[str, str]]) -> str:
    return ", ".join("-".join(pair) for pair in pairs)


def _enough(rows: Sequence[SentencePair], pieces: MarianPieces, wanted: int) -> list[SentencePair]:
    """Rows drawn at random, in their order, with that many target pieces; all rows where they have no more."""
    chosen, total = [], 0
    for i in random.Random(CHOICE).sample(range(len(rows)), len(rows)):
        if total >= wanted:
            break
        chosen.append(i)
        total += len(pieces.encode_target(rows[i].target))
    return [rows[i] for i in sorted(chosen)]


def _batches(asked: Sequence[Asked], pieces: MarianPieces) -> list[list[Asked]]:
    """Sentences of like length together, the longest first: what does not fit into memory shows at once."""
    room = BATCH_PIECES["cuda" if torch.cuda.is_available() else "cpu"]
    lengths = [_length(one, pieces) for one in asked]
    order = sorted(range(len(asked)), key=lambda i: -lengths[i])
    batches: list[list[Asked]] = []
    start = 0
    while start < len(order):
        rows = max(1, room // lengths[order[start]])
        batches.append([asked[i] for i in order[start : start + rows]])
        start += rows
    return batches


def _length(asked: Asked, pieces: MarianPieces) -> int:
    """Source pieces."""
    return len(pieces.encode(asked[0], asked[1] if pieces.languages else None))


def _answers(batches: list[list[Asked]], teacher: Path, pieces: MarianPieces, beams: int, file: Path) -> dict[Asked, str | None]:
    """The translation of every sentence, if it can be learned from; what stands in the file is not translated again."""
    done = _read(file, batches)
    if len(done) < len(batches):
        write_text(file, "".join(map(_line, batches, done)))  # without a line that was torn off
        model = _load(teacher)
        say(f"{teacher} translates {sum(map(len, batches[len(done) :])):,} sentences")
        for batch in track(batches[len(done) :], "the teacher translates", len(batches) - len(done)):
            written = translate(batch, model, pieces, model.config.max_position_embeddings, beams, len(batch))
            done.append([_learnable(*pair, pieces, model) for pair in zip(batch, written, strict=True)])
            with file.open("a", encoding="utf-8") as out:
                out.write(_line(batch, done[-1]))
        if lost := sum(text is None for texts in done for text in texts):
            say(f"{teacher}: {lost:,} of its {sum(map(len, done)):,} translations cannot be learned from and are left out")
    return {one: text for batch, texts in zip(batches, done, strict=True) for one, text in zip(batch, texts, strict=True)}


def _line(batch: Sequence[Asked], texts: Sequence[str | None]) -> str:
    return json.dumps([[*one, text] for one, text in zip(batch, texts, strict=True)], ensure_ascii=False) + "\n"


def _read(file: Path, batches: Sequence[Sequence[Asked]]) -> list[list[str | None]]:
    """The translations of the first batches, as far as they were written whole and are of these sentences."""
    done: list[list[str | None]] = []
    if not file.is_file():
        return done
    for line, batch in zip(file.read_text(encoding="utf-8", errors="replace").split("\n"), batches, strict=False):
        try:
            found = [((source, language), text) for source, language, text in json.loads(line)]
        except (ValueError, TypeError):
            break
        if [one for one, _ in found] != batch:
            break
        done.append([text for _, text in found])
    return done


def _learnable(asked: Asked, written: str, pieces: MarianPieces, model: Any) -> str | None:
    """A translation, if it is worth learning: with the source's markers and terms, of a whole source, and ended by the teacher itself."""
    most, length, source = model.config.max_position_embeddings, _length(asked, pieces), asked[0]
    ended = min(most, 3 * length + 10) - 2  # pieces; `translate` ends one at that length, which only loops reach
    same_markers = all(source.count(marker) == written.count(marker) for marker in (*MARKERS, *TERMS))
    whole = length <= most and len(pieces.encode_target(written)) <= ended
    return written if written and same_markers and whole else None


def _load(teacher: Path) -> Any:
    """The teacher's model; loading it draws random numbers, of which the student's own must not depend."""
    transformers_logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        model = MarianMTModel.from_pretrained(teacher)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")
