"""Terms as the metrics take them, and which of their forms stand in a text."""

from __future__ import annotations

import pytest

from data.glossary import Term
from eval.metrics.wanted import TermForm, TermForms, check_lists, find_forms

PUMP = TermForms("pump", (("Pumpe", "Pumpen"), ("Förderpumpe", "Förderpumpen")))
FEED = TermForms("feed", (("Förderpumpe", "Förderpumpen"),))


def test_a_glossary_s_term_has_its_words_the_base_form_first_and_what_is_forbidden() -> None:
    term = Term(
        "m/pump",
        (),
        {"de": {"base": "Pumpe", "gender": "f", "pl": "Pumpen"}, "zh": {"base": "泵机", "classifier": "台"}},
        synonyms={"de": ({"pl": "Förderpumpen", "base": "Förderpumpe"},)},
        forbidden={"de": ("Pumpwerk",)},
    )
    assert TermForms.of(term, "de") == TermForms("m/pump", (("Pumpe", "Pumpen"), ("Förderpumpe", "Förderpumpen")), ("Pumpwerk",))
    assert TermForms.of(term, "zh") == TermForms("m/pump", (("泵机",),))
    assert TermForms.of(term, "es") == TermForms("m/pump", ())
    assert TermForms.of(term, "de").surfaces == term.surfaces("de")


def test_a_term_that_is_not_translated_has_its_words_in_every_language() -> None:
    term = Term("m/q", (), {"en": {"base": "Quayside", "pl": "Quaysides"}}, translate=False)
    assert TermForms.of(term, "de") == TermForms("m/q", (("Quayside", "Quaysides"),))


def test_forms_are_found_from_left_to_right_in_any_spelling() -> None:
    assert find_forms("PUMPEN, eine Förderpumpe, Ｐｕｍｐｅ", [PUMP]) == [
        TermForm(0, 0, False, "pumpen"),
        TermForm(0, 1, True, "förderpumpe"),
        TermForm(0, 0, True, "pumpe"),
    ]
    assert find_forms("液壓泵壞了", [TermForms("p", (("液压泵",),))]) == [TermForm(0, 0, True, "液压泵")]
    assert find_forms("Hauptpumpen", [PUMP]) == find_forms("Pumpen", []) == find_forms("", [PUMP]) == []


def test_a_form_of_several_terms_is_found_for_each_and_a_longer_one_hides_what_stands_in_it() -> None:
    assert [(found.term, found.word) for found in find_forms("Förderpumpen", [PUMP, FEED])] == [(0, 1), (1, 0)]
    inner, outer = TermForms("a", (("pump", "pumps"),)), TermForms("b", (("hydraulic pump", "hydraulic pumps"),))
    assert [found.term for found in find_forms("hydraulic pumps", [inner, outer])] == [1]


def test_a_form_that_is_one_word_s_plural_and_another_s_base_is_a_base_form() -> None:
    assert find_forms("data", [TermForms("d", (("datum", "data"), ("data",)))]) == [TermForm(0, 1, True, "data")]


def test_forms_that_fold_alike_are_told_apart_by_their_letters() -> None:
    words = TermForms("m", (("Maß", "Maße"), ("Masse",)))
    assert [found.word for found in find_forms("Maße Masse MASSE", [words])] == [0, 1, 1]


def test_all_lists_of_a_wrong_length_are_named() -> None:
    with pytest.raises(ValueError, match=r"^chrF needs one of each per hypothesis, got 1 references, 3 lists of terms for 2$"):
        check_lists("chrF", ["a", "b"], references=["a"], documents=["d", "d"], lists_of_terms=[[], [], []])
