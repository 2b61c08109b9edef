"""Segments become numbered sentence pairs, masked alike on both sides."""

from __future__ import annotations

from typing import Any

import pytest

from data.pieces import MarianPieces
from data.protect import MARKERS
from data.records import Segment
from training.samples import directions, number, sentence_pairs

LANGUAGES = ("en", "zh", "de", "es")


def segment(**texts: str) -> Segment:
    return Segment(id="greeting.1", pattern="greeting", texts=texts)


def test_a_name_says_the_directions() -> None:
    assert directions("en-xx", LANGUAGES) == [("en", "zh"), ("en", "de"), ("en", "es")]
    assert directions("xx-en", LANGUAGES) == [("zh", "en"), ("de", "en"), ("es", "en")]


@pytest.mark.parametrize("name", ["fr-xx", "xx-fr", "en-de", "en", "xx-xx", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"model '{name}': a name like en-xx or xx-en, with a language of en, zh, de, es"):
        directions(name, LANGUAGES)


def test_sentences_are_paired_one_by_one() -> None:
    pairs = sentence_pairs([segment(en="Hello. How are you?", de="Hallo. Wie geht es?")], [("en", "de"), ("de", "en")], seed=7)
    assert pairs == [
        ("Hello.", "Hallo.", "de"),
        ("How are you?", "Wie geht es?", "de"),
        ("Hallo.", "Hello.", "en"),
        ("Wie geht es?", "How are you?", "en"),
    ]


def test_sides_with_different_numbers_of_sentences_are_one_pair() -> None:
    pairs = sentence_pairs([segment(en="Hello.  How are you?", de="Hallo, wie geht es?")], [("en", "de")], seed=7)
    assert pairs == [("Hello. How are you?", "Hallo, wie geht es?", "de")]


def test_what_must_not_change_is_the_same_marker_on_both_sides() -> None:
    [(source, target, _)] = sentence_pairs([segment(en="Order PO-4711 has 12 pumps.", de="12 Pumpen in PO-4711.")], [("en", "de")], seed=7)
    first, second = (c for c in source if c in MARKERS)
    assert source == f"Order {first} has {second} pumps."
    assert target == f"{second} Pumpen in {first}."


def test_a_value_that_the_target_lacks_stays_text_in_both() -> None:
    [(source, target, _)] = sentence_pairs([segment(en="It has 12 pumps.", de="Es hat zwölf Pumpen.")], [("en", "de")], seed=7)
    assert (source, target) == ("It has 12 pumps.", "Es hat zwölf Pumpen.")


def test_the_seed_draws_the_markers() -> None:
    segments = [segment(en="Order PO-4711.", de="Auftrag PO-4711.")]
    drawn = {seed: sentence_pairs(segments, [("en", "de")], seed) for seed in range(20)}
    assert drawn[3] == sentence_pairs(segments, [("en", "de")], 3)
    assert len({source for [(source, _, _)] in drawn.values()}) > 5


def test_ids_end_with_the_end_and_begin_with_the_language_where_there_are_several(world: Any) -> None:
    many, one = MarianPieces(world.models / "en-xx"), MarianPieces(world.models / "xx-en")
    [asked] = number([("hello", "hola", "es")], many, 96)
    [plain] = number([("hola", "hello", "en")], one, 96)
    assert asked.source == many.encode("hello", "es")
    assert asked.source[0] == many.encode("", "es")[0] != many.encode("", "de")[0]
    assert plain.source == one.encode("hola")
    assert (asked.source[-1], asked.target[-1], plain.target[-1]) == (many.eos, many.eos, one.eos)


def test_pairs_with_a_side_too_long_are_left_out(world: Any) -> None:
    pieces = MarianPieces(world.models / "xx-en")
    long = "hello " * 30
    kept = number([(long, "hello", "en"), ("hello", long, "en"), ("hola", "hello", "en")], pieces, 25)
    assert [sample.source for sample in kept] == [pieces.encode("hola")]
