import pytest

from eval.metrics.terminology import term_hits, term_success


def test_any_form_of_the_glossary_will_do_and_case_does_not_matter():
    forms = ["Hydraulikpumpe", "Hydraulikpumpen"]
    assert term_hits("DIE HYDRAULIKPUMPEN SIND DA.", [forms]) == [True]
    assert term_hits("die hydraulikpumpe ist da", [forms]) == [True]
    assert term_hits("Die Pumpe ist da.", [forms]) == [False]


def test_a_term_inside_another_word_is_not_the_term():
    assert term_hits("The bearings arrived.", [["bearing"]]) == [False]
    assert term_hits("The bearing arrived.", [["bearing"]]) == [True]


def test_chinese_needs_no_word_boundary():
    assert term_hits("请报一下200台液压泵的价格。", [["液压泵"], ["拉链"]]) == [True, False]


def test_success_is_over_all_terms_of_all_segments():
    hypotheses = ["Die Pumpe und das Lager.", "Nichts davon.", "Kein Begriff."]
    terms = [[["Pumpe"], ["Lager"], ["Ventil"]], [["Pumpe"]], []]
    assert term_success(hypotheses, terms) == 50.0


def test_all_and_none():
    assert term_success(["eine Pumpe"], [[["Pumpe"]]]) == 100.0
    assert term_success(["ein Rad"], [[["Pumpe"]]]) == 0.0


def test_no_term_is_no_score():
    with pytest.raises(ValueError, match="term success of 2 segments without a single term"):
        term_success(["a", "b"], [[], []])


def test_each_hypothesis_needs_its_terms():
    with pytest.raises(ValueError, match="got 1 lists for 2"):
        term_success(["a", "b"], [[["a"]]])
