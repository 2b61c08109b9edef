"""A classifier from scratch: three heads on one encoder, labels that may be missing, the same weights from the same seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from data.pieces import XlmrPieces
from data.records import Turn, Utterance, file_sha256, tree_sha256
from training.marian import IGNORED
from training.xlmr import PAD_ID, UNKNOWN_ID, MessageModel, Messages, collate, encoder_config, head_labels, load, train

LABELS = {"intent": ["order_place", "thanks"], "sentiment": ["neutral", "angry"], "urgency": ["normal", "high", "critical"]}


@pytest.fixture
def model(world: Any) -> MessageModel:
    torch.manual_seed(0)
    return MessageModel(encoder_config(world.params.train_intents.model, 50, 0.0), LABELS).eval()


def batch(*rows: list[int]) -> dict[str, torch.Tensor]:
    return collate([{"input_ids": row} for row in rows])


def test_every_head_answers_every_message(model: MessageModel) -> None:
    logits = model(**batch([0, 5, 6, 2], [0, 7, 2]))["logits"]
    assert {name: tuple(head.shape) for name, head in logits.items()} == {"intent": (2, 2), "sentiment": (2, 2), "urgency": (2, 3)}


def test_without_labels_there_is_no_loss(model: MessageModel) -> None:
    assert set(model(**batch([0, 5, 2]))) == {"logits"}
    assert set(model(**batch([0, 5, 2]), intent=torch.tensor([IGNORED]))) == {"logits"}


def test_heads_without_labels_take_no_part_in_the_loss(model: MessageModel) -> None:
    inputs = batch([0, 5, 6, 2], [0, 7, 2])
    intent, urgency = torch.tensor([0, 1]), torch.tensor([2, IGNORED])
    nothing = torch.tensor([IGNORED, IGNORED])
    both = model(**inputs, intent=intent, sentiment=nothing, urgency=urgency)["loss"]
    parts = [model(**inputs, intent=intent)["loss"], model(**batch([0, 5, 6, 2]), urgency=urgency[:1])["loss"]]
    torch.testing.assert_close(both, sum(parts))


def test_a_message_s_answer_does_not_depend_on_padding(model: MessageModel) -> None:
    with torch.inference_mode():
        alone = model(**batch([0, 7, 2]))["logits"]
        together = model(**batch([0, 7, 2], [0, *range(5, 40), 2]))["logits"]
    for name in LABELS:
        torch.testing.assert_close(together[name][:1], alone[name], rtol=0, atol=1e-5)


def test_pieces_are_hidden_in_training_only_and_control_pieces_never(world: Any) -> None:
    torch.manual_seed(0)
    model = MessageModel(encoder_config(world.params.train_intents.model, 50, 0.0), LABELS, piece_dropout=0.5)
    seen: list[torch.Tensor] = []
    model.encoder.embeddings.register_forward_pre_hook(lambda _, args, options: seen.append(options["input_ids"]), with_kwargs=True)
    ids = torch.tensor([[0, *range(10, 40), 2, *[PAD_ID] * 10]])
    for _ in range(20):
        model.train()(ids, (ids != PAD_ID).long())
    model.eval()(ids, (ids != PAD_ID).long())
    trained = torch.cat(seen[:-1])
    assert trained[:, ids[0] < UNKNOWN_ID].unique(dim=0).tolist() == [[0, 2, *[PAD_ID] * 10]]
    assert 0.4 < (trained == UNKNOWN_ID).float().mean() * ids.shape[1] / 30 < 0.6
    assert torch.equal(seen[-1], ids)


def test_messages_are_numbered_with_their_history_and_labels(world: Any) -> None:
    pieces = XlmrPieces(world.models / "intents", 96)
    turns = [Turn(role="agent", text="Hello, how can I help?")]
    labelled = Utterance(id="1", text="Thank you", intent="thanks", sentiment="neutral", urgency="high", history=turns)
    bare = Utterance(id="2", text="Thank you", intent="order_place")
    first, second = (Messages([labelled, bare], pieces, LABELS)[i] for i in range(2))
    assert first == {"input_ids": pieces.encode("Thank you", turns), "intent": 1, "sentiment": 0, "urgency": 1}
    assert second == {"input_ids": pieces.encode("Thank you"), "intent": 0, "sentiment": IGNORED, "urgency": IGNORED}
    rows = collate([first, second])
    assert rows["intent"].tolist() == [1, 0]
    assert rows["attention_mask"].sum(dim=1).tolist() == [len(first["input_ids"]), len(second["input_ids"])]
    assert set(rows["input_ids"][1, len(second["input_ids"]) :].tolist()) == {PAD_ID}


def test_the_heads_are_those_of_the_settings(world: Any) -> None:
    labels = head_labels(world.intents)
    assert labels["intent"] == ["price_quote", "logistics_tracking", "damage_or_shortage", "thanks"]
    assert (labels["sentiment"], labels["urgency"]) == (world.intents.sentiments, world.intents.urgencies)


def test_a_checkpoint_is_whole_and_comes_back(world: Any) -> None:
    folder = world.models / "intents"
    files = {"config.json", "labels.json", "loss.csv", "manifest.json", "model.safetensors", "run.json", "tokenizer.json"}
    assert {path.name for path in folder.iterdir()} == files | {"sentencepiece.bpe.model"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["data"]) == ("intents", tree_sha256(world.messages))
    labels = json.loads((folder / "labels.json").read_text())
    assert labels == head_labels(world.intents)
    model = load(folder, labels)
    assert not model.training
    assert tuple(model(**batch([0, 5, 2]))["logits"]["intent"].shape) == (1, 4)


def test_mlflow_being_down_stops_no_training(world: Any) -> None:
    said = world.warnings["intents"]
    assert said.count("warning: MLflow does not record run 'train intents'") == 1
    assert said.count("warning: not recorded in MLflow for run 'train intents'") == 1


def test_the_same_seed_gives_the_same_weights(world: Any, mlflow_down: None, tmp_path: Path) -> None:
    sentence = train(world.params, world.intents, world.messages, tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "manifest.json"):
        assert file_sha256(tmp_path / name) == file_sha256(world.models / "intents" / name), name
    assert sentence.startswith(f"{tmp_path}: ")
    assert " messages, validation loss " in sentence
