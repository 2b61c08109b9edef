"""Scores at each evaluation: translations as `generate` gives them one by one, and intents as scikit-learn counts them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import sacrebleu
import torch

from configs.schema import ROOT, TrainTranslation, load_params
from training.judging import IntentJudge, TranslationJudge, translate
from training.samples import SentencePair

END, PAD, MOST = 0, 59, 40  # of `tiny_marian`


class Numbers:
    """Pieces that are written as their ids, with codes for two languages."""

    pad = PAD

    def __init__(self, languages: Sequence[str] = ()) -> None:
        self.languages = list(languages)

    def encode(self, text: str, target: str | None = None) -> list[int]:
        assert (target is not None) == bool(self.languages)
        return [*([50 + self.languages.index(target)] if target else []), *map(int, text.split()), END]

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(str(i) for i in ids if i not in {END, PAD})


class Tables:
    """A run that keeps the tables that it is given."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, list[dict[str, Any]]]] = []

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.kept.append((name, [dict(row) for row in rows]))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a model gains nothing by several, and loses much where others want the processor, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sentences(count: int = 40, longest: int = 12) -> list[tuple[str, str]]:
    chance = random.Random(3)
    return [(" ".join(map(str, chance.choices(range(1, 50), k=chance.randint(1, longest)))), "de") for _ in range(count)]


def alone(asked: Sequence[tuple[str, str]], model: Any, beams: int = 1) -> dict[int, str]:
    """What transformers' own `generate` makes of each sentence: place -> translation of those that end by themselves."""
    found = {}
    for place, (text, _) in enumerate(asked):
        ids = torch.tensor([Numbers().encode(text)])
        longest = min(MOST, 3 * ids.shape[1] + 10)
        written = model.generate(input_ids=ids, num_beams=beams, do_sample=False, max_length=longest)[0].tolist()
        if len(written) < longest:
            found[place] = Numbers().decode(written)
    return found


@pytest.mark.parametrize("beams", [1, 3])
def test_a_translation_is_what_generate_makes_of_it_alone(tiny_marian: Any, beams: int) -> None:
    model, asked = tiny_marian(), sentences()
    expected = alone(asked, model, beams)
    together = translate(asked, model.train(), Numbers(), MOST, beams, rows=7)  # type: ignore[arg-type]
    assert {place: together[place] for place in expected} == expected
    assert len(expected) >= 20
    assert len({len(text.split()) for text in expected.values()}) > 3


def test_a_loop_is_cut_where_its_source_says_whatever_is_translated_beside_it(tiny_marian: Any) -> None:
    model, asked = tiny_marian(end_bias=-100.0), [("3", "de"), ("5 6 7 8", "de"), (" ".join(["9"] * 30), "de")]
    together = translate(asked, model, Numbers(), MOST, rows=3)  # type: ignore[arg-type]
    assert together == translate(asked, model, Numbers(), MOST, rows=1)  # type: ignore[arg-type]
    assert [len(text.split()) for text in together] == [3 * 2 + 10 - 2, 3 * 5 + 10 - 2, MOST - 2], "but for start and end"


@pytest.mark.parametrize("most", [9, MOST, 1_000])
def test_sources_and_translations_are_cut_at_the_most_pieces(tiny_marian: Any, most: int) -> None:
    """At most as many as the model has places for."""
    read: list[torch.Tensor] = []
    model = tiny_marian(end_bias=-100.0)
    model.model.encoder.register_forward_pre_hook(lambda _, args, given: read.append(given["input_ids"]), with_kwargs=True)
    [written] = translate([("7 " * 60, "de")], model, Numbers(), most)  # type: ignore[arg-type]
    assert read[0].tolist() == [[7] * min(most, MOST)]
    assert len(written.split()) == min(most, MOST) - 2


def test_the_language_is_asked_for_where_there_are_several(tiny_marian: Any) -> None:
    read: list[torch.Tensor] = []
    model = tiny_marian()
    model.model.encoder.register_forward_pre_hook(lambda _, args, given: read.append(given["input_ids"]), with_kwargs=True)
    translate([("7", "de"), ("8", "es")], model, Numbers(["de", "es"]), MOST)  # type: ignore[arg-type]
    assert read[0].tolist() == [[50, 7, END], [51, 8, END]]
    assert translate([], model, Numbers(), MOST) == []  # type: ignore[arg-type]


def settings(judged: int) -> TrainTranslation:
    demo = load_params(ROOT / "configs/profiles/demo.yaml").train_translation
    return demo.model_copy(update={"judged_segments": judged, "model": demo.model.model_copy(update={"max_pieces": MOST})})


def test_the_score_is_sacrebleu_s_chrf_and_the_translations_are_a_table(tiny_marian: Any) -> None:
    run, model = Tables(), tiny_marian()
    asked = sentences(10)
    written = translate(asked, model, Numbers(), MOST)  # type: ignore[arg-type]
    references = [f"{text} 12" for text in written[:5]] + ["12 13 14"] * 5
    rows = [SentencePair(text, reference, "de", "") for (text, _), reference in zip(asked, references, strict=True)]
    judge = TranslationJudge(rows, Numbers(), settings(1_000), run)  # type: ignore[arg-type]
    scores = judge(model.train(), 30)
    assert scores == {judge.score: pytest.approx(sacrebleu.corpus_chrf(written, [references]).score)}
    assert 20 < scores[judge.score] < 90
    [(name, table)] = run.kept
    assert name == "validation_samples"
    expected = [
        {
            "step": 30,
            "source": row.source,
            "reference": row.target,
            "translation": text,
            "chrf": round(sacrebleu.sentence_chrf(text, [row.target]).score, 2),
        }
        for row, text in zip(rows, written, strict=True)
    ]
    assert table == expected


@pytest.mark.parametrize("judged", [1, 20, 60, 119, 120, 500])
def test_as_many_sentences_are_judged_as_asked_for_of_every_direction(monkeypatch: pytest.MonkeyPatch, judged: int) -> None:
    """Directions take turns in each segment: every sixth sentence would be of one direction alone."""
    rows = [SentencePair(f"{i}", f"{i}", language, f"{i}") for i in range(40) for language in ("zh", "de", "es")]
    judges = [TranslationJudge(rows, Numbers(), settings(judged), Tables()) for _ in range(2)]  # type: ignore[arg-type]
    read: list[list[tuple[str, str]]] = []
    monkeypatch.setattr("training.judging.translate", lambda asked, *_: read.append(asked) or [text for text, _ in asked])
    for judge in (*judges, judges[0]):
        assert judge(None, 1).keys() == {"chrf"}
    assert read[0] == read[1] == read[2], "the same at each evaluation of each training"
    assert len(set(read[0])) == len(read[0]) == min(judged, 120)
    by_language = Counter(language for _, language in read[0])
    assert judged < 20 or min(by_language[language] for language in ("zh", "de", "es")) >= len(read[0]) / 6


class Answers(torch.nn.Module):
    """Answers each message with the label that its first piece names."""

    device = torch.device("cpu")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, Any]:
        assert attention_mask.shape == input_ids.shape
        assert not self.training
        return {"logits": {"intent": torch.nn.functional.one_hot(input_ids[:, 0], 4).float(), "urgency": None}}


def message_batch(answers: list[int], intents: list[int]) -> dict[str, torch.Tensor]:
    ids = torch.tensor([[answer, 2] for answer in answers])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "intent": torch.tensor(intents), "urgency": torch.tensor(intents)}


def test_the_classifier_s_score_is_the_macro_f1_over_the_intents_that_occur() -> None:
    """By hand: a has 2 of 2 found and one too many (F1 0.8), b 1 of 2 (0.667), c none of 1; d does not occur."""
    run = Tables()
    batches = [message_batch([0, 0, 1], [0, 0, 1]), message_batch([0, 3], [1, 2])]
    judge = IntentJudge(batches, ["t0", "t1", "t2", "t3", "t4"], ["a", "b", "c", "d"], run)  # type: ignore[arg-type]
    assert judge(Answers().train(), 40) == {judge.score: pytest.approx(100 * (0.8 + 2 / 3 + 0) / 3)}
    assert run.kept == [
        (
            "validation_mistakes",
            [{"step": 40, "text": "t3", "intent": "b", "read_as": "a"}, {"step": 40, "text": "t4", "intent": "c", "read_as": "d"}],
        )
    ]


def test_without_a_mistake_the_score_is_full() -> None:
    run = Tables()
    judge = IntentJudge([message_batch([0, 2], [0, 2])], ["t0", "t1"], ["a", "b", "c", "d"], run)  # type: ignore[arg-type]
    assert judge(Answers(), 1) == {"macro_f1": pytest.approx(100)}
    assert run.kept == [("validation_mistakes", [])]
