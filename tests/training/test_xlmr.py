"""A classifier from scratch: three heads on one encoder, labels that may be missing, the same weights from the same seed."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from configs.schema import ROOT, Augmentation, load_params
from data.augment import KINDS, TAILS
from data.pieces import XlmrPieces
from data.records import OUT_OF_SCOPE, Turn, Utterance, file_sha256, read_jsonl, tree_sha256
from training import xlmr
from training.marian import IGNORED
from training.segmentation import SampledSegmentation
from training.xlmr import PAD_ID, Collate, MessageLoss, MessageModel, Messages, encoder_config, load, train

UNKNOWN_ID = 3
CONTROL: Any = SimpleNamespace(unknown=UNKNOWN_ID, pad=PAD_ID, control=frozenset({0, 1, 2}))  # of XLM-R's pieces
LABELS = {"intent": ["order_place", "thanks"], "sentiment": ["neutral", "angry"], "urgency": ["normal", "high", "critical"]}


class TextPieces:
    """Keeps the texts and histories that it is asked to number."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[Turn]]] = []

    def encode(self, text: str, history: list[Turn], segment: Callable[[str], list[int]] | None) -> list[int]:
        assert segment is None
        self.asked.append((text, history))
        return [0, len(text), 2]


def shares(**given: float) -> Augmentation:
    return Augmentation(**dict.fromkeys(KINDS, 0.0) | given)


def texts(message: Utterance, noise: Augmentation | None, seed: int = 0, times: int = 100) -> list[str]:
    """What training reads when it takes the same message again and again."""
    pieces = TextPieces()
    samples = Messages([message], pieces, LABELS, noise, seed=seed)  # type: ignore[arg-type]
    labels = {"intent": 1, "sentiment": IGNORED, "urgency": IGNORED}
    assert all({**samples[i], "input_ids": None} == {"number": i, "input_ids": None, **labels} for i in range(times))
    assert all(history == message.history for _, history in pieces.asked)
    return [text for text, _ in pieces.asked]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a model gains nothing by several, and loses much where others want the processor, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model(world: Any) -> MessageModel:
    torch.manual_seed(0)
    return MessageModel(encoder_config(world.params.train_intents.model, 50, 0.0), LABELS).eval()


def batch(*rows: list[int]) -> dict[str, torch.Tensor]:
    return Collate(PAD_ID)([{"input_ids": row} for row in rows])


def loss_of(model: MessageModel, rows: list[list[int]], items: int = 0, smoothing: float = 0.0, **labels: list[int]) -> torch.Tensor:
    """The loss of a batch, divided by its messages if by nothing else; heads that are not named have no labels."""
    settings = load_params(ROOT / "configs/profiles/demo.yaml").train_intents
    optimizer = settings.optimizer.model_copy(update={"label_smoothing": smoothing})
    loss = MessageLoss(settings.model_copy(update={"optimizer": optimizer, "piece_dropout": 0.0}), CONTROL)
    given = {head: torch.tensor(labels.get(head, [IGNORED] * len(rows))) for head in LABELS}
    value: torch.Tensor = loss(model, {**batch(*rows), **given}, items or len(rows))[0]
    return value


def test_every_head_answers_every_message(model: MessageModel) -> None:
    logits = model(**batch([0, 5, 6, 2], [0, 7, 2]))["logits"]
    assert {name: tuple(head.shape) for name, head in logits.items()} == {"intent": (2, 2), "sentiment": (2, 2), "urgency": (2, 3)}


def test_without_labels_there_is_no_loss(model: MessageModel) -> None:
    assert set(model(**batch([0, 5, 2]))) == {"logits"}
    nothing = loss_of(model, [[0, 5, 2]])
    assert nothing.item() == 0
    nothing.backward()
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())


def test_heads_without_labels_take_no_part_in_the_loss(model: MessageModel) -> None:
    rows = [[0, 5, 6, 2], [0, 7, 2]]
    both = loss_of(model, rows, intent=[0, 1], urgency=[2, IGNORED])
    torch.testing.assert_close(both, loss_of(model, rows, intent=[0, 1]) + loss_of(model, rows[:1], urgency=[2]))
    logits = model(**batch(*rows))["logits"]
    intents = torch.nn.functional.cross_entropy(logits["intent"], torch.tensor([0, 1]))
    urgency = torch.nn.functional.cross_entropy(logits["urgency"][:1], torch.tensor([2]))
    torch.testing.assert_close(both, intents + urgency)


def test_the_losses_of_parts_add_up_to_the_whole_batch_s(model: MessageModel) -> None:
    """Each part counts by its messages, so that a batch may be computed in any parts."""
    rows = [[0, 5, 6, 2], [0, 7, 2], [0, 8, 9, 10, 2], [0, 11, 2]]
    labels = {"intent": [0, 1, 1, 0], "urgency": [2, 0, 1, 1]}
    parts = [loss_of(model, rows[i:j], items=4, **{head: given[i:j] for head, given in labels.items()}) for i, j in ((0, 1), (1, 4))]
    torch.testing.assert_close(sum(parts), loss_of(model, rows, **labels))


def test_labels_are_smoothed_in_training_only(model: MessageModel) -> None:
    logits = model(**batch([0, 5, 6, 2]))["logits"]["intent"].log_softmax(dim=-1)[0]
    assert loss_of(model, [[0, 5, 6, 2]], smoothing=0.2, intent=[1]).item() == pytest.approx(-logits[1].item(), abs=1e-6)
    smoothed = -(0.9 * logits[1] + 0.1 * logits[0]).item()  # a share of 0.2 over two labels
    assert loss_of(model.train(), [[0, 5, 6, 2]], smoothing=0.2, intent=[1]).item() == pytest.approx(smoothed, abs=1e-6)


def test_a_message_s_answer_does_not_depend_on_padding(model: MessageModel) -> None:
    with torch.inference_mode():
        alone = model(**batch([0, 7, 2]))["logits"]
        together = model(**batch([0, 7, 2], [0, *range(5, 40), 2]))["logits"]
    for name in LABELS:
        torch.testing.assert_close(together[name][:1], alone[name], rtol=0, atol=1e-5)


def test_pieces_are_hidden_in_training_only_and_control_pieces_never(world: Any) -> None:
    torch.manual_seed(0)
    model = MessageModel(encoder_config(world.params.train_intents.model, 50, 0.0), LABELS)
    loss = MessageLoss(world.params.train_intents.model_copy(update={"piece_dropout": 0.5}), CONTROL)
    seen: list[torch.Tensor] = []
    model.encoder.embeddings.register_forward_pre_hook(lambda _, args, options: seen.append(options["input_ids"]), with_kwargs=True)
    ids = torch.tensor([[0, *range(10, 40), 2, *[PAD_ID] * 10]])
    given = {"input_ids": ids, "attention_mask": (ids != PAD_ID).long(), **{head: torch.tensor([0]) for head in LABELS}}
    for _ in range(20):
        loss(model.train(), given, 1)
    loss(model.eval(), given, 1)
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
    assert first == {"number": 0, "input_ids": pieces.encode("Thank you", turns), "intent": 1, "sentiment": 0, "urgency": 1}
    assert second == {"number": 1, "input_ids": pieces.encode("Thank you"), "intent": 0, "sentiment": IGNORED, "urgency": IGNORED}
    rows = Collate(PAD_ID)([first, second])
    assert rows["numbers"].tolist() == [0, 1]
    assert rows["intent"].tolist() == [1, 0]
    assert rows["attention_mask"].sum(dim=1).tolist() == [len(first["input_ids"]), len(second["input_ids"])]
    assert set(rows["input_ids"][1, len(second["input_ids"]) :].tolist()) == {PAD_ID}


MESSAGE = Utterance(
    id="1", text="Wo bleibt meine Lieferung?", intent="thanks", language="de", history=[Turn(role="agent", text="Wo bleibt sie?")]
)


def test_without_noise_a_message_is_read_as_it_was_written() -> None:
    assert set(texts(MESSAGE, None)) == {MESSAGE.text}
    assert set(texts(MESSAGE, shares())) == {MESSAGE.text}


def test_noise_is_drawn_anew_at_each_number_by_the_seed_and_the_history_has_none() -> None:
    noise = shares(typos=0.5)
    read = texts(MESSAGE, noise, seed=3)
    assert 30 < read.count(MESSAGE.text) < 70
    assert len(set(read)) > 10
    assert read == texts(MESSAGE, noise, seed=3)
    assert read != texts(MESSAGE, noise, seed=4)


def test_a_draw_is_a_function_of_seed_and_number(world: Any) -> None:
    """Whatever was drawn before it, a training that goes on draws what it would have drawn; no two epochs draw the same."""
    folder = world.models / "intents"
    pieces, noise = XlmrPieces(folder, 96), shares(typos=0.5)
    messages = [MESSAGE, MESSAGE.model_copy(update={"text": "The replacement bearings are late again.", "language": "en"})]

    def samples(seed: int = 7) -> Messages:
        return Messages(messages, pieces, LABELS, noise, SampledSegmentation(folder / "tokenizer.json", 0.3), seed)

    in_order = [samples()[i] for i in range(40)]
    again, numbers = samples(), random.Random(1).sample(range(40), 40)
    assert {i: again[i] for i in numbers} == dict(enumerate(in_order))
    assert [sample["number"] for sample in in_order] == list(range(40))
    for place in range(2):
        assert len({tuple(sample["input_ids"]) for sample in in_order[place::2]}) > 15
    assert samples(8)[0] != in_order[0]


def test_segmentations_are_drawn_for_the_message_and_its_turns(world: Any) -> None:
    folder = world.models / "intents"
    pieces = XlmrPieces(folder, 96)
    samples = Messages([MESSAGE], pieces, LABELS, None, SampledSegmentation(folder / "tokenizer.json", 0.1))
    ids = [samples[i]["input_ids"] for i in range(20)]
    message, turn = ({tuple(row[: row.index(2)]) for row in ids}, {tuple(row[row.index(2) :]) for row in ids})
    assert min(len(message), len(turn)) > 10
    assert {row.count(2) for row in ids} == {2}
    assert {row[0] for row in ids} == {0}


def test_noise_is_in_the_message_s_language_and_normalised() -> None:
    joined = " ".join(texts(MESSAGE, shares(noise=0.99), times=300))
    assert any(tail in joined for tail in TAILS["de"])
    assert not any(tail in joined for tail in TAILS["en"])
    assert "\n" not in joined


def test_a_checkpoint_is_whole_and_comes_back(world: Any) -> None:
    folder = world.models / "intents"
    files = {"config.json", "labels.json", "loss.csv", "manifest.json", "model.safetensors", "run.json", "tokenizer.json"}
    assert {path.name for path in folder.iterdir()} == files | {"sentencepiece.bpe.model"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["data"]) == ("intents", tree_sha256(world.messages))
    labels = json.loads((folder / "labels.json").read_text())
    assert labels == json.loads((world.messages / "labels.json").read_text())
    assert labels["intent"] == ["price_quote", "logistics_tracking", "damage_or_shortage", "thanks"]
    assert (labels["sentiment"], labels["urgency"]) == (world.intents.sentiments, world.intents.urgencies)
    model = load(folder, labels)
    assert not model.training
    assert tuple(model(**batch([0, 5, 2]))["logits"]["intent"].shape) == (1, 4)


def test_mlflow_being_down_stops_no_training(world: Any) -> None:
    said = world.warnings["intents"]
    assert said.count("warning: MLflow does not record run 'train intents'") == 1
    assert said.count("warning: not recorded in MLflow for run 'train intents'") == 1


def test_the_same_seed_gives_the_same_weights(world: Any, mlflow_down: None, tmp_path: Path) -> None:
    sentence = train(world.params, world.messages, tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "manifest.json"):
        assert file_sha256(tmp_path / name) == file_sha256(world.models / "intents" / name), name
    assert sentence.startswith(f"{tmp_path}: ")
    assert re.search(r" messages, validation loss \d+\.\d{3}, macro-F1 \d+\.\d after step \d+$", sentence), sentence


def test_the_heads_are_those_of_the_prepared_data(world: Any, mlflow_down: None, tmp_path: Path) -> None:
    prepared = Path(shutil.copytree(world.messages, tmp_path / "prepared"))
    labels = {"intent": ["thanks", "price_quote", "damage_or_shortage", "logistics_tracking"], "urgency": ["critical", "high", "normal"]}
    (prepared / "labels.json").write_text(json.dumps(labels))
    short = world.params.model_dump()
    short["train_intents"]["optimizer"] |= {"steps": 2, "evaluations": 1}
    train(type(world.params).model_validate(short), prepared, tmp_path / "out")
    assert json.loads((tmp_path / "out/labels.json").read_text()) == labels
    logits = load(tmp_path / "out", labels)(**batch([0, 5, 2]))["logits"]
    assert {head: found.shape[1] for head, found in logits.items()} == {"intent": 4, "urgency": 3}


def test_only_training_messages_get_noise_and_none_is_out_of_scope(
    world: Any, mlflow_down: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[list[str], Any, bool]] = []

    def record(messages: list[Utterance], *given: Any) -> Messages:
        samples = Messages(messages, *given)
        _, labels, noise, segment, seed = [*given, None, None, None][:5]
        assert labels == json.loads((world.messages / "labels.json").read_text())
        assert (seed == world.params.seed) or noise is None
        made.append(([message.id for message in messages], noise, isinstance(segment, SampledSegmentation)))
        return samples

    monkeypatch.setattr(xlmr, "Messages", record)
    monkeypatch.setattr(xlmr, "fit", lambda *_: {"eval_loss": 0.0, "eval_macro_f1": 0.0, "step": 0.0})
    train(world.params, world.messages, tmp_path)
    expected = []
    for part in ("train", "validation"):
        known = [m.id for m in read_jsonl(world.messages / f"{part}.jsonl", Utterance) if m.intent != OUT_OF_SCOPE]
        assert known
        trained = part == "train"
        expected.append((known, world.params.train_intents.augmentation if trained else None, trained))
    assert made == expected
    assert sum(world.params.train_intents.augmentation.model_dump().values()) > 0


def test_prepared_data_without_labels_is_the_user_s_to_mend(world: Any, mlflow_down: None, tmp_path: Path) -> None:
    prepared = Path(shutil.copytree(world.messages, tmp_path / "prepared"))
    (prepared / "labels.json").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        train(world.params, prepared, tmp_path / "out")
    assert caught.value.filename == str(prepared / "labels.json")
