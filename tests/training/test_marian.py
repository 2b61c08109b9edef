"""A translation model from scratch: batches, loss, shape, and the same weights from the same seed."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainingArguments
from transformers.trainer_pt_utils import LabelSmoother

from configs.schema import ROOT, GuidedAlignment, TrainTranslation, load_params
from data.annotation import TERMS
from data.glossary import glossary_versions
from data.pieces import MarianPieces
from data.records import Segment, file_sha256, read_jsonl, tree_sha256
from training import marian
from training.alignment import NONE
from training.batching import TokenBatches
from training.marian import (
    IGNORED,
    Collate,
    MarianLoss,
    Samples,
    attention_loss,
    build_model,
    gather,
    hide_pieces,
    marian_trainer,
    pad_rows,
    train,
)
from training.samples import Sample, SentencePair, of_industries, sentence_pairs
from training.term_samples import TermSamples
from training.tracking import UnrecordedRun
from training.trainer import StreamTrainer

FILES = ("config.json", "generation_config.json", "loss.csv", "manifest.json", "model.safetensors", "run.json")
VOCABULARY = ("source.spm", "target.spm", "vocab.json")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a model gains nothing by several, and loses much where others want the processor, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_rows_are_padded_to_the_longest() -> None:
    assert pad_rows([[1, 2, 3], [4], [5, 6]], 9).tolist() == [[1, 2, 3], [4, 9, 9], [5, 6, 9]]


def test_the_decoder_reads_what_it_has_written_and_the_loss_leaves_padding_out() -> None:
    samples = Samples([Sample([5, 6, 0], [7, 0]), Sample([8, 0], [9, 10, 11, 0])])
    batch = Collate(pad=59)([samples[i] for i in range(len(samples))])
    assert batch["input_ids"].tolist() == [[5, 6, 0], [8, 0, 59]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["labels"].tolist() == [[7, 0, -100, -100], [9, 10, 11, 0]]
    assert batch["decoder_input_ids"].tolist() == [[59, 7, 59, 59], [59, 9, 10, 11]]


def test_a_base_may_have_the_decoder_start_with_another_piece() -> None:
    batch = Collate(pad=59, start=3)([{"input_ids": [5, 0], "labels": [7, 0]}, {"input_ids": [5, 0], "labels": [7, 8, 0]}])
    assert batch["decoder_input_ids"].tolist() == [[3, 7, 59], [3, 7, 8]]


def test_a_sample_is_asked_for_by_its_number_in_the_training() -> None:
    samples = Samples([Sample([5, 0], [7, 0]), Sample([8, 0], [9, 0]), Sample([6, 0], [9, 0])], [[0, 1], [1, 0], [0, NONE]])
    assert len(samples) == 3
    assert samples[7] == {"number": 7, "input_ids": [8, 0], "labels": [9, 0], "alignment": [1, 0]} == {**samples[1], "number": 7}
    assert Collate(pad=59)([samples[0], samples[7]])["numbers"].tolist() == [0, 7]
    assert "numbers" not in Collate(pad=59)([{"input_ids": [5, 0], "labels": [7, 0]}])


def test_alignments_come_along_padded_with_none() -> None:
    samples = Samples([Sample([5, 6, 0], [7, 0]), Sample([8, 0], [9, 10, 0])], [[1, 2], [0, NONE, 1]])
    assert Collate(pad=59)([samples[0], samples[1]])["alignment"].tolist() == [[1, 2, NONE], [0, NONE, 1]]


def test_the_guide_s_loss_is_the_cross_entropy_of_what_the_first_heads_look_at() -> None:
    layer = torch.tensor([[[[0.5, 0.5], [0.2, 0.8]], [[0.9, 0.1], [1.0, 0.0]]]])  # (B, heads, T, S)
    alignment = torch.tensor([[0, 1]])
    one = -(math.log(0.5) + math.log(0.8)) / 2
    both = -(math.log(0.7) + math.log(0.4)) / 2
    assert attention_loss([layer], alignment, 1).item() == pytest.approx(one, abs=1e-4)
    assert attention_loss([layer, layer], alignment, 2).item() == pytest.approx(2 * both, abs=1e-4)
    assert attention_loss([layer], torch.tensor([[0, NONE]]), 1).item() == pytest.approx(-math.log(0.5), abs=1e-4)


PIECES: Any = SimpleNamespace(unknown=1, pad=59)  # of `tiny_marian`
ROWS = [Sample([*range(5 + i, 13 + i), 0], [*range(25 + i, 33 + i), 0]) for i in range(16)]
OFF = GuidedAlignment(weight=0.0, heads=1, iterations=1, tension=1.0, pairs=1)


def settings(guide: GuidedAlignment = OFF, dropout: float = 0.0, smoothing: float = 0.0) -> TrainTranslation:
    """The demo's, with small batches."""
    demo = load_params(ROOT / "configs/profiles/demo.yaml").train_translation
    optimizer = demo.optimizer.model_copy(update={"label_smoothing": smoothing})
    changes = {"guided_alignment": guide, "batch_tokens": 200, "target_piece_dropout": dropout, "optimizer": optimizer}
    return demo.model_copy(update=changes)


def loss_of(model: Any, samples: Samples, asked: TrainTranslation, items: int | None = None) -> torch.Tensor:
    """The loss of all samples in one batch, divided by its items if no other number is given."""
    loss, batch = MarianLoss(asked, PIECES), Collate(59)([samples[i] for i in range(len(samples))])
    del batch["numbers"]  # the trainer's
    value: torch.Tensor = loss(model, batch, items or loss.items(batch))[0]
    return value


class NoScores:
    """A judge that says nothing."""

    score = "chrf"

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        return {}


def trainer_of(model: Any, samples: Samples, asked: TrainTranslation, folder: Path, steps: int) -> StreamTrainer:
    return StreamTrainer(
        TokenBatches([(len(row.source), len(row.target)) for row in ROWS], asked.batch_tokens, 7),
        MarianLoss(asked, PIECES),
        NoScores(),
        str,
        asked.running,
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            max_steps=steps,
            learning_rate=1e-2,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            remove_unused_columns=False,
            prediction_loss_only=True,
            label_names=["labels"],
        ),
        train_dataset=samples,
        eval_dataset=samples,
        data_collator=Collate(59),
    )


def test_the_loss_is_the_model_s_own_and_smoothed_in_training_only(tiny_marian: Any) -> None:
    """Both as transformers computes them: `MarianMTModel` with labels, and its trainer's `LabelSmoother`."""
    model = tiny_marian(dropout=0.0)
    samples = Samples([*ROWS[:3], Sample([5, 6, 0], [7, 0])])
    batch = Collate(59)([samples[i] for i in range(4)])
    numbers = batch.pop("numbers")
    assert MarianLoss(settings(), PIECES).items(batch) == 3 * 9 + 2 == int((batch["labels"] != IGNORED).sum())
    assert len(numbers) == 4
    with torch.inference_mode():
        outputs = model(**batch)
        torch.testing.assert_close(loss_of(model, samples, settings(smoothing=0.1)), outputs.loss, rtol=1e-6, atol=1e-6)
        smoothed = LabelSmoother(0.1)(outputs, batch["labels"])
        torch.testing.assert_close(loss_of(model.train(), samples, settings(smoothing=0.1)), smoothed, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(loss_of(model, samples, settings()), outputs.loss, rtol=1e-6, atol=1e-6)
    assert abs(smoothed - outputs.loss) > 0.01


def test_the_losses_of_parts_add_up_to_the_whole_batch_s(tiny_marian: Any) -> None:
    """Parts of unlike size: each counts by its pieces, so that a batch may be computed in any parts."""
    model = tiny_marian()
    rows = [*ROWS[:5], Sample([5, 6, 0], [7, 0])]
    parts = [Samples(rows[:1]), Samples(rows[1:5]), Samples(rows[5:])]
    with torch.inference_mode():
        whole = loss_of(model, Samples(rows), settings())
        added = sum(loss_of(model, part, settings(), items=5 * 9 + 2) for part in parts)
    torch.testing.assert_close(added, whole, rtol=1e-6, atol=1e-6)


def test_the_guide_s_loss_is_added_with_its_weight_and_counts_by_the_part(tiny_marian: Any) -> None:
    model = tiny_marian()
    model.set_attn_implementation("eager")
    aligned, plain = Samples(ROWS[:4], [[*range(8), NONE]] * 4), Samples(ROWS[:4])
    guided = settings(OFF.model_copy(update={"weight": 0.3}))
    batch = Collate(59)([aligned[i] for i in range(4)])
    alignment = batch.pop("alignment")
    del batch["numbers"]
    with torch.inference_mode():
        guide = attention_loss(model(**batch, output_attentions=True).cross_attentions, alignment, 1)
        expected = loss_of(model, plain, settings()) + 0.3 * guide
        torch.testing.assert_close(loss_of(model, aligned, guided), expected, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(loss_of(model, aligned, guided, items=4 * 9 * 5), expected / 5, rtol=1e-6, atol=1e-6)


def test_a_share_of_the_written_pieces_is_hidden_but_neither_start_nor_padding() -> None:
    torch.manual_seed(0)
    ids = torch.tensor([[59, *range(2, 50)], [59, *range(2, 20), *[59] * 30]])
    seen = hide_pieces(ids, 0.3, unknown=1, pad=59)
    changed = seen != ids
    assert (seen[changed] == 1).all()
    assert not changed[ids == 59].any()
    assert changed[ids != 59].float().mean().item() == pytest.approx(0.3, abs=0.1)
    assert torch.equal(hide_pieces(ids, 0.0, unknown=1, pad=59), ids)


def test_pieces_are_hidden_in_training_only(tiny_marian: Any, tmp_path: Path) -> None:
    """A model that is trained to write what it may not read finds it in the source; its validation loss is on whole text."""
    read: list[torch.Tensor] = []
    model = tiny_marian()
    model.model.decoder.register_forward_pre_hook(lambda _, __, given: read.append(given["input_ids"]), with_kwargs=True)
    trainer = trainer_of(model, Samples(ROWS), settings(dropout=0.5), tmp_path, steps=3)
    trainer.train()
    assert any((ids == 1).any() for ids in read)
    read.clear()
    trainer.evaluate()
    assert read
    assert not any((ids == 1).any() for ids in read)


def test_guided_attention_looks_where_it_is_shown(tiny_marian: Any, tmp_path: Path) -> None:
    """One head learns to look at the piece that the alignment names; without weight it does not."""

    def looks(weight: float) -> float:
        torch.manual_seed(1)
        model = tiny_marian()
        model.set_attn_implementation("eager")
        samples = Samples(ROWS, [[*range(7, -1, -1), 8] for _ in ROWS])
        trainer_of(model, samples, settings(OFF.model_copy(update={"weight": weight})), tmp_path, steps=150).train()
        batch = Collate(59)([samples[i] for i in range(16)])
        alignment = batch.pop("alignment")
        del batch["numbers"]
        with torch.inference_mode():
            return attention_loss(model.eval()(**batch, output_attentions=True).cross_attentions[-1:], alignment, 1).item()

    assert looks(1.0) < 0.5 < looks(0.0)


def test_a_row_s_loss_does_not_depend_on_padding(tiny_marian: Any) -> None:
    model, collate = tiny_marian(), Collate(pad=59)
    short = {"input_ids": [5, 6, 0], "labels": [7, 0]}
    both = collate([short, {"input_ids": [8, 9, 10, 11, 0], "labels": [9, 10, 11, 12, 13, 0]}])
    with torch.inference_mode():
        alone, together = model(**collate([short])).logits, model(**both).logits[:1, :2]
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)


def test_the_model_has_the_shape_and_the_control_pieces_asked_for(world: Any) -> None:
    pieces = MarianPieces(world.models / "en-xx")
    shape = world.params.train_translation.model
    config = build_model(shape, pieces, dropout=0.3).config
    assert (config.vocab_size, config.d_model, config.encoder_layers, config.decoder_layers) == (len(pieces), 32, 2, 1)
    assert (config.pad_token_id, config.eos_token_id, config.decoder_start_token_id) == (pieces.pad, pieces.eos, pieces.pad)
    assert (config.dropout, config.max_position_embeddings) == (0.3, shape.max_pieces)


def test_a_checkpoint_is_whole(world: Any) -> None:
    for name in ("en-xx", "xx-en"):
        folder = world.models / name
        assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, *VOCABULARY])
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["data"] == tree_sha256(world.translation)
        assert ["en", "de"] in manifest["pairs"] or ["de", "en"] in manifest["pairs"]
        assert manifest["base"] == "from scratch"
        assert not {"adapter", "codes"} & manifest.keys()
    assert MarianPieces(world.models / "en-xx").languages == ["de", "es", "zh"]
    assert MarianPieces(world.models / "xx-en").languages == []


def test_a_training_that_is_done_leaves_no_checkpoints(world: Any) -> None:
    left = sorted(path for path in (world.root / "training/checkpoints").rglob("*") if path.is_file())
    assert sorted(path.parent.name for path in left) == ["en-xx", "intents", "xx-en"]
    assert {path.suffix for path in left} == {".lock"}


def test_it_learns(world: Any) -> None:
    with (world.models / "en-xx" / "loss.csv").open(newline="") as file:
        losses = [float(row["value"]) for row in csv.DictReader(file) if row["name"] == "loss"]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_mlflow_being_down_stops_no_training(world: Any) -> None:
    said = world.warnings["en-xx"]
    assert said.count("warning: MLflow does not record run 'train en-xx'") == 1
    assert said.count("warning: not recorded in MLflow for run 'train en-xx': artifact model (1), datasets (1), metrics (") == 1
    assert json.loads((world.models / "en-xx" / "run.json").read_text()) == {"mlflow_run": None}


def test_the_same_seed_gives_the_same_weights_and_mlflow_has_the_run(world: Any, mlflow_up: Any, tmp_path: Path) -> None:
    """Trained again, this time with MLflow: recording changes nothing."""
    out = tmp_path / "en-xx"
    sentence = train("en-xx", world.params, world.translation, out)
    for name in ("model.safetensors", "manifest.json", *VOCABULARY):
        assert file_sha256(out / name) == file_sha256(world.models / "en-xx" / name), name
    run = mlflow_up.get_run(json.loads((out / "run.json").read_text())["mlflow_run"])
    steps = world.params.train_translation.optimizer.steps
    assert run.info.status == "FINISHED"
    assert (run.data.params["seed"], run.data.params["optimizer.steps"], run.data.params["model.d_model"]) == ("7", str(steps), "32")
    assert run.data.tags["data.translation.sha256"] == tree_sha256(world.translation)
    history = mlflow_up.get_metric_history(run.info.run_id, "loss")
    assert sorted(point.step for point in history) == list(range(1, steps + 1))
    assert {point.step for point in mlflow_up.get_metric_history(run.info.run_id, "eval_loss")} == {steps // 2, steps}
    artifacts = {Path(file.path).name for file in mlflow_up.list_artifacts(run.info.run_id, "model")}
    assert artifacts == {*FILES, *VOCABULARY}
    judged = mlflow_up.get_metric_history(run.info.run_id, "eval_chrf")
    assert {point.step for point in judged} == {steps // 2, steps}
    best = max(judged, key=lambda point: point.value)
    [loss] = [point.value for point in mlflow_up.get_metric_history(run.info.run_id, "eval_loss") if point.step == best.step]
    expected = rf"{out}: {int(run.data.params['parameters']):,} parameters, \d+ pairs, validation loss {loss:.3f}"
    assert re.fullmatch(rf"{expected}, chrF {best.value:.1f} after step {best.step}", sentence), sentence
    speeds = mlflow_up.get_metric_history(run.info.run_id, "tokens_per_s")
    assert len(speeds) == steps
    assert min(point.value for point in speeds) > 0
    shown = json.loads(Path(mlflow_up.download_artifacts(run.info.run_id, "validation_samples.json", str(tmp_path))).read_text())
    assert shown["columns"] == ["step", "source", "reference", "translation", "chrf"]
    assert {row[0] for row in shown["data"]} == {steps // 2, steps}


def test_mlflow_has_the_versions_of_the_glossaries_that_a_training_knows(world: Any, mlflow_up: Any, tmp_path: Path) -> None:
    prepared = Path(shutil.copytree(world.translation, tmp_path / "prepared"))
    (prepared / "glossaries").mkdir(exist_ok=True)
    (prepared / "glossaries/optics.yaml").write_text("industry: optics\nterms:\n  - {id: lens, en: lens, de: Linse}\n")
    short = world.params.model_dump()
    short["train_translation"]["optimizer"] |= {"steps": 2, "evaluations": 1}
    train("xx-en", type(world.params).model_validate(short), prepared, tmp_path / "out")
    recorded = mlflow_up.get_run(json.loads((tmp_path / "out/run.json").read_text())["mlflow_run"]).data.params
    assert recorded["glossary.optics"] == glossary_versions(prepared / "glossaries")["optics"]


def test_another_seed_gives_other_weights(world: Any, mlflow_down: None, tmp_path: Path) -> None:
    short = world.params.model_dump()
    short["seed"] = 8
    short["train_translation"]["optimizer"] |= {"steps": 2, "evaluations": 1}
    other = type(world.params).model_validate(short)
    train("xx-en", other, world.translation, tmp_path / "8")
    train("xx-en", other.model_copy(update={"seed": 9}), world.translation, tmp_path / "9")
    assert file_sha256(tmp_path / "8/model.safetensors") != file_sha256(tmp_path / "9/model.safetensors")


def test_only_training_segments_get_noise_and_annotated_terms(
    world: Any, mlflow_down: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, Any, int, Any]] = []
    annotated: list[bool] = []

    def record(segments: list[Any], pairs: Any, seed: int, noise: Any, terms: TermSamples | None) -> list[SentencePair]:
        made.append((len(segments), pairs, seed, noise))
        annotated.append(terms is not None)
        return sentence_pairs(segments, pairs, seed, noise, terms)

    monkeypatch.setattr(marian, "sentence_pairs", record)
    material = gather("xx-en", None, world.params, world.translation, tmp_path / "out", tmp_path)
    noise, pairs = world.params.train_translation.augmentation, [("zh", "en"), ("de", "en"), ("es", "en")]
    sizes = [len((world.translation / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()) for part in ("train", "validation")]
    assert made == [(sizes[0], pairs, world.params.seed, noise), (sizes[1], pairs, world.params.seed, None)]
    assert annotated == [True, False]
    marks = {material.pieces.id_of(mark) for mark in TERMS}
    having = {part: sum(not marks.isdisjoint(sample.source) for sample in found) for part, found in material.samples.items()}
    assert having["train"] > 20
    assert having["validation"] == 0
    assert all(marks & set(sample.source) == marks & set(sample.target) for sample in material.samples["train"])
    assert sum(noise.model_dump().values()) > 0


def test_a_training_may_be_of_some_industries_alone(world: Any, tmp_path: Path) -> None:
    """Both parts are, so that the best checkpoint is the best for them."""
    parts = {part: read_jsonl(world.translation / f"{part}.jsonl", Segment) for part in ("train", "validation")}
    kept = {part: {segment.id for segment in of_industries(segments, ["apparel"])} for part, segments in parts.items()}
    assert all(0 < len(kept[part]) < len(parts[part]) for part in parts)
    section = world.params.train_translation.model_copy(update={"industries": ["apparel"]})
    params = world.params.model_copy(update={"train_translation": section})
    material = gather("en-xx", None, params, world.translation, tmp_path / "out", tmp_path)
    assert {sample.segment for sample in material.samples["train"]} == kept["train"]
    assert {row.segment for row in material.rows} == kept["validation"]


def test_the_trainer_gets_what_was_gathered(world: Any, tmp_path: Path) -> None:
    material = gather("en-xx", None, world.params, world.translation, tmp_path / "out", tmp_path)
    asked = world.params.train_translation
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none", max_steps=3, label_names=["labels"])
    trainer = marian_trainer(material, asked, arguments, UnrecordedRun("train en-xx"))
    assert (len(material.rows), trainer.judge.score) == (36, "chrf"), "12 segments in three directions"
    batches = [part for parts in trainer.get_train_dataloader() for part in parts]
    assert len(batches) == 3
    for batch in batches:
        assert batch["labels"].numel() <= asked.batch_tokens
        assert batch["alignment"].shape == batch["labels"].shape
        for number, labels in zip(batch["numbers"].tolist(), batch["labels"].tolist(), strict=True):
            assert [i for i in labels if i != IGNORED] == material.samples["train"][number].target


def test_a_name_that_fits_no_language_is_refused(world: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^model 'fr-xx': a name like en-xx or xx-en, with a language of en, zh, de, es$"):
        train("fr-xx", world.params, world.translation, tmp_path)
