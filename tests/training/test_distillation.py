"""A student is trained on what its teacher writes, and on nothing that should not be learned."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MarianMTModel

from configs.schema import Distillation, Params
from data.annotation import START, TERMS
from data.pieces import MarianPieces
from data.protect import MARKERS
from data.records import Segment, file_sha256, read_jsonl, write_json
from training import distillation, judging, marian
from training.distillation import BATCH_PIECES, teacher_sha256, with_teacher
from training.samples import SentencePair, directions, sentence_pairs

FILE = Path("teacher.jsonl")
ROWS = [
    *(SentencePair(f"Please ship {word} today.", f"Bitte heute {word} senden.", "de", f"s{i}") for i, word in enumerate(["bolts", "nuts"])),
    SentencePair(f"Order {MARKERS[3]} is late.", f"Auftrag {MARKERS[3]} ist zu spät.", "de", "s2"),
    SentencePair(f"Order {MARKERS[3]} is late.", f"El pedido {MARKERS[3]} llega tarde.", "es", "s2"),
    SentencePair("Please ship bolts today.", "Schicken Sie bitte heute Bolzen.", "de", "s3"),  # the first, worded otherwise
]


def asking(beams: int = 1, references: bool = False) -> Distillation:
    return Distillation(teachers={}, beams=beams, references=references)


def distilled(world: Any, teacher: Path, **changes: Any) -> Params:
    """The world's parameters for a student of half the width, few steps; keyword arguments change the section `distillation`."""
    values = world.params.model_dump()
    section = values["train_translation"]
    section["model"] |= {"d_model": 16, "ffn": 32, "heads": 2, "encoder_layers": 1}
    section["optimizer"] |= {"steps": 12, "evaluations": 1}
    section["judged_segments"] = 2
    section["distillation"] = {"teachers": {"en-xx": str(teacher)}, "beams": 2, "references": False} | changes
    return Params.model_validate(values)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, str], str]], list[list[tuple[str, str]]]]:
    """Makes the teacher write what a function of source and language says; gives the list that its batches go to."""

    def make(answer: Callable[[str, str], str]) -> list[list[tuple[str, str]]]:
        batches: list[list[tuple[str, str]]] = []

        def translate(sentences: Sequence[tuple[str, str]], *_: Any) -> list[str]:
            batches.append(list(sentences))
            return [answer(*one) for one in sentences]

        monkeypatch.setattr(distillation, "translate", translate)
        return batches

    return make


def echo(source: str, language: str) -> str:
    return f"{source} ({language})"


def test_a_student_is_trained_on_what_its_teacher_translates(world: Any, mlflow_down: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BATCH_PIECES, "cpu", 1_000_000)  # one batch, here as below
    rows: list[SentencePair] = []
    real = marian.with_teacher
    monkeypatch.setattr(marian, "with_teacher", lambda *arguments: rows.extend(real(*arguments)) or rows)
    told = marian.train("en-xx", distilled(world, world.models / "en-xx"), world.translation, Path("student"))
    model: Any = MarianMTModel.from_pretrained(world.models / "en-xx")
    asked = list(dict.fromkeys((row.source, row.language) for row in rows))
    segments = {segment.id: segment for segment in read_jsonl(world.translation / "train.jsonl", Segment)}
    assert len(asked) >= 20
    assert all(row.segment in segments for row in rows)
    found = dict(zip(asked, judging.translate(asked, model, MarianPieces(world.models / "en-xx"), 64, 2, len(asked)), strict=True))
    assert [row.target for row in rows] == [found[row.source, row.language] for row in rows]
    assert f"{len(rows)} pairs" in told
    assert MarianMTModel.from_pretrained("student").config.d_model == 16
    manifest = json.loads(Path("student/manifest.json").read_text(encoding="utf-8"))
    assert manifest["teacher"] == file_sha256(world.models / "en-xx/model.safetensors")
    assert not Path("training/checkpoints/en-xx").exists() or not [
        path for path in Path("training/checkpoints/en-xx").iterdir() if path.is_dir()
    ]


@pytest.mark.parametrize("references", [False, True])
def test_references_stay_or_go(references: bool, world: Any, tmp_path: Path, written: Any) -> None:
    batches = written(echo)
    found = with_teacher(ROWS, world.models / "en-xx", asking(references=references), tmp_path)
    taught = [row._replace(target=echo(row.source, row.language)) for row in ROWS]
    assert found == ([*ROWS, *taught] if references else taught)
    assert sorted(batches[0]) == sorted({(row.source, row.language) for row in ROWS})  # each once
    assert len(batches[0]) == 4


@pytest.mark.parametrize(
    "answer",
    [
        lambda source, _: "" if "bolts" in source else source,
        lambda source, _: source.replace(MARKERS[3], "") if "late" in source else source,
        lambda source, _: source.replace(MARKERS[3], MARKERS[4]),
        lambda source, _: source + MARKERS[0] if "nuts" in source else source,
        lambda source, _: source + MARKERS[3] if "late" in source else source,
        lambda source, _: source + TERMS[2] if "nuts" in source else source,
        lambda source, _: "Bitte, " * 40 if "nuts" in source else source,
    ],
    ids=["nothing", "a marker less", "another marker", "a marker more", "a marker twice", "a term more", "a loop"],
)
def test_what_should_not_be_learned_is_left_out(
    answer: Callable[[str, str], str], world: Any, tmp_path: Path, written: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    written(answer)
    found = with_teacher(ROWS, world.models / "en-xx", asking(), tmp_path)
    assert [row.source for row in found] == [row.source for row in ROWS if answer(row.source, row.language) == row.source]
    assert 0 < len(found) < len(ROWS)
    lost = len({(row.source, row.language) for row in ROWS} - {(row.source, row.language) for row in found})
    assert f": {lost} of its 4 translations cannot be learned from and are left out\n" in capsys.readouterr().err


def test_a_term_that_the_teacher_loses_is_not_learned(world: Any, tmp_path: Path, written: Any) -> None:
    term = SentencePair(f"Please ship the{START} bolts{TERMS[4]}.", f"Bitte die {TERMS[4]} senden.", "de", "term")
    written(lambda source, _: source.replace(TERMS[4], ""))
    assert term.segment not in {row.segment for row in with_teacher([*ROWS, term], world.models / "en-xx", asking(), tmp_path)}
    written(lambda source, _: source.replace(START, ""))
    assert term.segment in {row.segment for row in with_teacher([*ROWS, term], world.models / "en-xx", asking(), tmp_path / "kept")}


def test_what_the_teacher_reads_only_in_part_is_left_out(world: Any, tmp_path: Path, written: Any) -> None:
    written(echo)
    long = SentencePair("We need " + "bearings, " * 40, "Lager", "de", "long")
    found = with_teacher([*ROWS, long], world.models / "en-xx", asking(), tmp_path)
    assert [row.segment for row in found] == [row.segment for row in ROWS]


def test_a_teacher_that_teaches_nothing_is_refused(world: Any, tmp_path: Path, written: Any) -> None:
    written(lambda *_: "")
    with pytest.raises(ValueError, match=r"en-xx: none of its 4 translations can be trained on \(empty, endless, or with other markers\)$"):
        with_teacher(ROWS, world.models / "en-xx", asking(references=True), tmp_path)


@pytest.fixture
def rows(world: Any) -> list[SentencePair]:
    """The world's training pairs into its three languages, of which the teacher could read more."""
    pairs = directions("en-xx", world.params.prepare_translation.languages)
    found = sentence_pairs(read_jsonl(world.translation / "train.jsonl", Segment), pairs, world.params.seed)
    return [row for row in found if len(row.source) < 100]


def test_a_stopped_teacher_goes_on_after_the_last_whole_batch(
    world: Any, tmp_path: Path, rows: list[SentencePair], written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BATCH_PIECES, "cpu", 200)
    rows = [row for row in rows if any(marker in row.source for marker in MARKERS)]  # a character of several bytes in every batch
    teacher, file = world.models / "en-xx", tmp_path / FILE
    whole = written(echo)
    wanted = with_teacher(rows, teacher, asking(), tmp_path)
    content = file.read_text(encoding="utf-8")
    assert len(whole) >= 5

    def stop(source: str, language: str) -> str:
        if (source, language) == whole[3][0]:
            raise KeyboardInterrupt
        return echo(source, language)

    file.unlink()
    written(stop)
    with pytest.raises(KeyboardInterrupt):
        with_teacher(rows, teacher, asking(), tmp_path)
    kept = file.read_bytes()
    assert kept.decode().count("\n") == 3
    file.write_bytes(kept[: kept.rindex(MARKERS[0].encode()[:1]) + 1])  # torn off in the middle of a character
    again = written(echo)
    assert with_teacher(rows, teacher, asking(), tmp_path) == wanted
    assert again == whole[2:]
    assert file.read_text(encoding="utf-8") == content


def test_a_teacher_that_is_done_is_only_read(
    world: Any, tmp_path: Path, rows: list[SentencePair], written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes read at once what one has written: none of them may write."""
    written(echo)
    wanted = with_teacher(rows, world.models / "en-xx", asking(), tmp_path)
    before = os.stat(tmp_path / FILE)
    monkeypatch.setattr(distillation, "_load", lambda teacher: pytest.fail("loaded again"))
    assert with_teacher(rows, world.models / "en-xx", asking(), tmp_path) == wanted
    assert (os.stat(tmp_path / FILE).st_ino, os.stat(tmp_path / FILE).st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("content", ['[["Other sentence.", "de", "Anderer Satz."]]\n', "\0\0\0\n", "7\n", "[[1]]\n"])
def test_translations_of_other_sentences_are_not_believed(content: str, world: Any, tmp_path: Path, written: Any) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    batches = written(echo)
    found = with_teacher(ROWS, world.models / "en-xx", asking(), tmp_path)
    assert [row.target for row in found] == [echo(row.source, row.language) for row in ROWS]
    assert len(batches) == 1


def test_a_student_is_the_same_if_it_was_stopped_after_its_teacher(
    world: Any, mlflow_down: None, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = written(echo)
    params = distilled(world, world.models / "en-xx")
    marian.train("en-xx", params, world.translation, Path("whole"))
    asked = len(batches)
    real = marian.marian_trainer
    monkeypatch.setattr(marian, "marian_trainer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        marian.train("en-xx", params, world.translation, Path("again"))
    monkeypatch.setattr(marian, "marian_trainer", real)
    marian.train("en-xx", params, world.translation, Path("again"))
    assert len(batches) == 2 * asked  # the third training found them
    assert file_sha256(Path("again/model.safetensors")) == file_sha256(Path("whole/model.safetensors"))


def test_loading_a_teacher_draws_none_of_the_student_s_random_numbers(world: Any, tmp_path: Path, written: Any) -> None:
    written(echo)
    torch.manual_seed(5)
    with_teacher(ROWS, world.models / "en-xx", asking(), tmp_path)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_the_teacher_translates_no_more_than_the_training_reads(world: Any, tmp_path: Path, rows: list[SentencePair], written: Any) -> None:
    written(echo)
    pieces = MarianPieces(world.models / "en-xx")

    def count(found: Sequence[SentencePair]) -> int:
        return sum(len(pieces.encode_target(row.target)) for row in found)

    longest = max(len(pieces.encode_target(row.target)) for row in rows)
    found = with_teacher(rows, world.models / "en-xx", asking(references=True), tmp_path, 2_000)
    references, taught = found[: len(found) // 2], found[len(found) // 2 :]
    assert [row.source for row in taught] == [row.source for row in references]
    assert 1_000 <= count(references) < 1_000 + longest
    assert references == [row for row in rows if row in references]  # in their order
    assert {row.language for row in references} == {"zh", "de", "es"}
    alone = with_teacher(rows, world.models / "en-xx", asking(), tmp_path, 2_000)
    assert {row.source for row in references} < {row.source for row in alone}
    assert len(with_teacher(rows, world.models / "en-xx", asking(), tmp_path, count(rows))) == len(rows)


def test_a_teacher_s_hash_is_that_of_its_weights(world: Any) -> None:
    assert teacher_sha256(world.models / "en-xx", [("en", "de")]) == file_sha256(world.models / "en-xx/model.safetensors")


def test_another_teacher_in_the_same_folder_is_another_training(world: Any, mlflow_down: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def inputs(name: str, found: dict[str, Any]) -> Path:
        raise LookupError(json.dumps(found, sort_keys=True))

    monkeypatch.setattr(marian, "checkpoint_folder", inputs)
    said = []
    for name in ("en-xx", "en-xx", "other"):
        shutil.rmtree("teacher", ignore_errors=True)
        shutil.copytree(world.models / "en-xx", "teacher")
        if name == "other":
            weights = Path("teacher/model.safetensors").read_bytes()
            Path("teacher/model.safetensors").write_bytes(weights[:-4] + random.Random(1).randbytes(4))
        with pytest.raises(LookupError) as raised:
            marian.train("en-xx", distilled(world, Path("teacher")), world.translation, Path("student"))
        said.append(str(raised.value))
    assert said[0] == said[1] != said[2]


def test_a_teacher_that_cannot_teach_is_refused_before_anything_is_trained(world: Any, mlflow_down: None) -> None:
    shutil.copytree(world.models / "en-xx", "german")
    manifest = json.loads(Path("german/manifest.json").read_text(encoding="utf-8"))
    write_json(Path("german/manifest.json"), manifest | {"pairs": [["en", "de"]]})
    wrong = {
        Path("german"): "german: this teacher translates en-de, not en-es, en-zh",
        world.models / "xx-en": "xx-en: this teacher translates de-en, es-en, zh-en, not en-de, en-es, en-zh",
        world.models / "intents": "intents: this teacher translates nothing, not en-de, en-es, en-zh",
        Path("nowhere"): "nowhere: no checkpoint of a training here (manifest.json is missing or cannot be read)",
    }
    for teacher, message in wrong.items():
        with pytest.raises(ValueError, match=r"this teacher|no checkpoint") as error:
            marian.train("en-xx", distilled(world, teacher), world.translation, Path("student"))
        assert str(error.value).endswith(message)
    assert len(wrong) == 4
    assert not Path("student").exists()
    assert not Path("training").exists()
