"""Invented words look and are inflected like the words that they are made from."""

from __future__ import annotations

import random

import pytest

from data.glossary.term import Word
from training.inventing import Inventor

GERMAN: list[Word] = [
    {"base": "Hydraulikpumpe", "gender": "f", "pl": "Hydraulikpumpen"},
    {"base": "Ventil", "gender": "n", "pl": "Ventile", "gen": "Ventils"},
    {"base": "Maus", "gender": "f", "pl": "Mäuse"},
    {"base": "Ärmelknopf", "gender": "m", "pl": "Ärmelknöpfe"},
]
SPANISH: list[Word] = [
    {"base": "bomba hidráulica", "gender": "f", "pl": "bombas hidráulicas"},
    {"base": "motor", "gender": "m", "pl": "motores"},
]
CHINESE: list[Word] = [{"base": "液压泵", "classifier": "台"}, {"base": "空气压缩机", "classifier": "台"}]
ENGLISH: list[Word] = [{"base": "air compressor", "pl": "air compressors", "article": "an"}, {"base": "valve", "pl": "valves"}]


@pytest.mark.parametrize("words", [GERMAN, SPANISH, CHINESE, ENGLISH], ids=["de", "es", "zh", "en"])
def test_an_invented_word_has_the_forms_and_the_features_of_its_model(words: list[Word]) -> None:
    inventor, chance = Inventor(words), random.Random(1)
    for word in words:
        invented = [inventor.invent(word, chance) for _ in range(50)]
        assert all(other.keys() == word.keys() for other in invented)
        for feature in ("gender", "classifier", "article"):
            assert all(other.get(feature) == word.get(feature) for other in invented)
        assert len({other["base"] for other in invented} - {word["base"]}) > 5
        assert all(text and text == text.strip() for other in invented for text in other.values())


def test_the_ending_stays_and_so_does_what_changes_in_the_stem() -> None:
    inventor, chance = Inventor(GERMAN), random.Random(2)
    for _ in range(50):
        valve, mouse = inventor.invent(GERMAN[1], chance), inventor.invent(GERMAN[2], chance)
        assert (valve["base"] + "e", valve["base"] + "s") == (valve["pl"], valve["gen"])
        assert valve["base"][0].isupper()
        assert mouse["base"].endswith("aus")
        assert mouse["pl"].endswith("äuse")
        assert mouse["base"][:-3] == mouse["pl"][:-4]


def test_an_english_article_still_fits() -> None:
    inventor, chance = Inventor(ENGLISH), random.Random(3)
    assert all(inventor.invent(ENGLISH[0], chance)["base"][0] in "aeiou" for _ in range(50))
    assert all(inventor.invent(ENGLISH[1], chance)["base"][0] not in "aeiou" for _ in range(50))


def test_the_same_seed_invents_the_same() -> None:
    first, second = ([Inventor(SPANISH).invent(SPANISH[0], random.Random(seed)) for seed in range(5)] for _ in range(2))
    assert first == second


def test_a_language_of_one_word_has_no_other_beginnings() -> None:
    word = {"base": "pump", "pl": "pumps"}
    invented = Inventor([word]).invent(word, random.Random(1))
    assert invented["pl"] == invented["base"] + "s"
