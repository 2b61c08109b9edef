"""A translation model from scratch: batches, shape, and the same weights from the same seed."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainingArguments

from configs.schema import ROOT, GuidedAlignment, TrainTranslation, load_params
from data.pieces import MarianPieces
from data.records import file_sha256, tree_sha256
from training import marian
from training.alignment import NONE
from training.marian import Collate, MarianTrainer, Samples, attention_loss, build_model, hide_pieces, pad_rows, train
from training.samples import Sample, sentence_pairs

FILES = ("config.json", "generation_config.json", "loss.csv", "manifest.json", "model.safetensors", "run.json")
VOCABULARY = ("source.spm", "target.spm", "vocab.json")


def test_rows_are_padded_to_the_longest() -> None:
    assert pad_rows([[1, 2, 3], [4], [5, 6]], 9).tolist() == [[1, 2, 3], [4, 9, 9], [5, 6, 9]]


def test_the_decoder_reads_what_it_has_written_and_the_loss_leaves_padding_out() -> None:
    samples = Samples([Sample([5, 6, 0], [7, 0]), Sample([8, 0], [9, 10, 11, 0])])
    batch = Collate(pad=59)([samples[i] for i in range(len(samples))])
    assert batch["input_ids"].tolist() == [[5, 6, 0], [8, 0, 59]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["labels"].tolist() == [[7, 0, -100, -100], [9, 10, 11, 0]]
    assert batch["decoder_input_ids"].tolist() == [[59, 7, 59, 59], [59, 9, 10, 11]]


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


def settings(guide: GuidedAlignment, dropout: float = 0.0) -> TrainTranslation:
    """The demo's, with small batches."""
    demo = load_params(ROOT / "configs/profiles/demo.yaml").train_translation
    return demo.model_copy(update={"guided_alignment": guide, "batch_tokens": 200, "target_piece_dropout": dropout})


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
    rows = [Sample([*range(5 + i, 13 + i), 0], [*range(25 + i, 33 + i), 0]) for i in range(16)]
    arguments = TrainingArguments(output_dir=str(tmp_path), max_steps=3, report_to="none", use_cpu=True, disable_tqdm=True)
    off = GuidedAlignment(weight=0.0, heads=1, iterations=1, tension=1.0, pairs=1)
    samples = Samples(rows)
    trainer = MarianTrainer(
        settings(off, 0.5), 1, model=model, args=arguments, train_dataset=samples, eval_dataset=samples, data_collator=Collate(59)
    )
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
        rows = [Sample([*range(5 + i, 13 + i), 0], [*range(25 + i, 33 + i), 0]) for i in range(16)]
        backwards = [[*range(7, -1, -1), 8] for _ in rows]
        guided = settings(GuidedAlignment(weight=weight, heads=1, iterations=1, tension=1.0, pairs=1))
        arguments = TrainingArguments(
            output_dir=str(tmp_path), max_steps=150, learning_rate=1e-2, report_to="none", use_cpu=True, disable_tqdm=True
        )
        trainer = MarianTrainer(guided, 1, model=model, args=arguments, train_dataset=Samples(rows, backwards), data_collator=Collate(59))
        trainer.train()
        batch = Collate(59)([Samples(rows, backwards)[i] for i in range(16)])
        alignment = batch.pop("alignment")
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
    assert MarianPieces(world.models / "en-xx").languages == ["de", "es", "zh"]
    assert MarianPieces(world.models / "xx-en").languages == []


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
    last = run.data.metrics["eval_loss"]
    expected = rf"{out}: {int(run.data.params['parameters']):,} parameters, \d+ pairs, validation loss {last:.3f}"
    assert re.fullmatch(expected, sentence), sentence


def test_another_seed_gives_other_weights(world: Any, mlflow_down: None, tmp_path: Path) -> None:
    short = world.params.model_dump()
    short["seed"] = 8
    short["train_translation"]["optimizer"] |= {"steps": 2, "evaluations": 1}
    other = type(world.params).model_validate(short)
    train("xx-en", other, world.translation, tmp_path / "8")
    train("xx-en", other.model_copy(update={"seed": 9}), world.translation, tmp_path / "9")
    assert file_sha256(tmp_path / "8/model.safetensors") != file_sha256(tmp_path / "9/model.safetensors")


def test_only_training_segments_get_noise(world: Any, mlflow_down: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, Any, int, Any]] = []

    def record(segments: list[Any], pairs: Any, seed: int, noise: Any) -> list[tuple[str, str, str]]:
        made.append((len(segments), pairs, seed, noise))
        return sentence_pairs(segments, pairs, seed, noise)

    monkeypatch.setattr(marian, "sentence_pairs", record)
    monkeypatch.setattr(marian, "_fit", lambda *_: 0.0)
    train("xx-en", world.params, world.translation, tmp_path)
    noise, pairs = world.params.train_translation.augmentation, [("zh", "en"), ("de", "en"), ("es", "en")]
    sizes = [len((world.translation / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()) for part in ("train", "validation")]
    assert made == [(sizes[0], pairs, world.params.seed, noise), (sizes[1], pairs, world.params.seed, None)]
    assert sum(noise.model_dump().values()) > 0


def test_a_name_that_fits_no_language_is_refused(world: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^model 'fr-xx': a name like en-xx or xx-en, with a language of en, zh, de, es$"):
        train("fr-xx", world.params, world.translation, tmp_path)
