"""Training sentences with annotated terms: only what both sides have, in the right forms, in the shares that were asked for."""

from __future__ import annotations

import random
from typing import Any

import pytest

from configs.schema import TermTraining
from data.annotation import FEATURES, FORMS, START, TERMS, bare
from data.glossary import Glossary, Term
from training.term_samples import TermSamples

PUMP = Term(
    "m/pump",
    (),
    {
        "en": {"base": "pump", "pl": "pumps"},
        "de": {"base": "Pumpe", "gender": "f", "pl": "Pumpen"},
        "zh": {"base": "水泵", "classifier": "台"},
    },
    synonyms={"de": ({"base": "Förderer", "gender": "m", "pl": "Förderer", "gen": "Förderers"},)},
)
VALVE = Term("m/valve", (), {"en": {"base": "valve", "pl": "valves"}, "de": {"base": "Ventil", "gender": "n", "pl": "Ventile"}})
GLOSSARY = Glossary("m", (PUMP, VALVE))
EN_DE = ("en", "de")
SOURCE, TARGET = "Are the pumps and the valve here?", "Sind das Ventil und die Pumpen da?"
PL, GEN, F, M, N = FORMS["pl"], FORMS["gen"], FEATURES["f"], FEATURES["m"], FEATURES["n"]


def samples(**shares: Any) -> TermSamples:
    settings = {"sentences": 0.999_999, "terms": 1.0, "invented": 0.0} | shares
    return TermSamples([GLOSSARY], ["en", "de", "zh"], TermTraining(**settings))


def marks_of(text: str) -> list[str]:
    return [c for c in text if c in TERMS]


def test_terms_are_marked_on_both_sides_with_the_form_that_the_translation_has() -> None:
    source, target = samples().annotate(SOURCE, TARGET, EN_DE, random.Random(1))
    first, second = marks_of(source)
    assert first < second
    assert source == f"Are the{START} pumps{first}{F}{PL} and the{START} valve{second}{N}{PL} here?"
    assert target == f"Sind das {second} und die {first}{PL} da?"


def test_the_grammar_is_that_of_the_word_that_the_translation_uses() -> None:
    source, target = samples().annotate("The pump's price", "Der Preis des Förderers", EN_DE, random.Random(1))
    [mark] = marks_of(source)
    assert source == f"The{START} pump{mark}{M}{GEN}'s price"
    assert target == f"Der Preis des {mark}{GEN}"


def test_a_term_that_the_translation_lacks_is_left_as_it_is() -> None:
    source, target = samples().annotate("Pumps, pumps and pumps", "Pumpen hier", EN_DE, random.Random(1))
    assert source.endswith(", pumps and pumps")
    assert len(marks_of(source)) == len(marks_of(target)) == 1
    nothing = ("The pump", "Das Gerät")
    assert samples().annotate(*nothing, EN_DE, random.Random(1)) == nothing


def test_a_part_of_what_is_protected_is_no_term() -> None:
    text = "See https://a.example/pump now"
    assert samples().annotate(text, "Siehe https://a.example/pump, Pumpe", EN_DE, random.Random(1))[0] == text


def test_a_measure_word_goes_with_the_term() -> None:
    source, target = samples().annotate("ten pumps", "十台水泵", ("en", "zh"), random.Random(1))
    [mark] = marks_of(source)
    assert (source, target) == (f"ten{START} pumps{mark}台\ue029", f"十台{mark}")


def test_invented_words_keep_the_form_and_the_capital_of_what_they_stand_for() -> None:
    maker = samples(invented=0.999_999)
    said = [bare(maker.annotate("Pumps are here", "Pumpen sind da", EN_DE, random.Random(seed))[0]) for seed in range(20)]
    assert all(text.endswith("s are here") and text[0].isupper() for text in said)
    assert len(set(said)) > 5
    assert bare(maker.annotate("水泵坏了", "Die Pumpe ist kaputt", ("zh", "de"), random.Random(1))[0]) != "水泵坏了"


def test_no_more_terms_than_marks() -> None:
    source, target = samples().annotate(" ".join(["pump"] * 12), " ".join(["Pumpe"] * 12), EN_DE, random.Random(1))
    assert marks_of(source) == marks_of(target) == list(TERMS)
    assert source.endswith(" pump" * 4)
    assert target.endswith(" Pumpe" * 4)


def test_the_shares_are_those_of_the_settings() -> None:
    maker, chance = samples(sentences=0.6, terms=0.5), random.Random(5)
    found = [len(marks_of(maker.annotate(SOURCE, TARGET, EN_DE, chance)[0])) for _ in range(1_000)]
    assert sum(found) == pytest.approx(600, abs=70)
    assert found.count(2) == pytest.approx(150, abs=40)
