"""Terms written into a sentence with their grammar, taken out again, and spelled in a translation."""

from __future__ import annotations

import random

import pytest
import yaml

from configs.schema import ROOT
from data.annotation import END, FALLBACK, FEATURES, FORMS, START, TERM_MARKS, TERMS, Annotation, annotate, bare, form_of, grammar, spell
from data.glossary.term import Word
from data.normalize import calm, normalize
from data.protect import find_protected, mask_pair
from data.restoring import restore

T0, T1 = TERMS[:2]
F, M, N, AN = FEATURES["f"], FEATURES["m"], FEATURES["n"], FEATURES["an"]
PL, GEN, DAT, PL_DAT = FORMS["pl"], FORMS["gen"], FORMS["dat"], FORMS["pl_dat"]
PUMP: Word = {"base": "Pumpe", "gender": "f", "pl": "Pumpen"}


@pytest.mark.parametrize(
    ("text", "annotations", "expected"),
    [
        ("the pumps are", [(4, 9, F + PL)], f"the{START} pumps{T0}{F}{PL} are"),
        ("Pumps and valves", [(0, 5, F), (10, 16, N)], f"{START}Pumps{T0}{F} and{START} valves{T1}{N}"),
        ("ten pumps", [(4, 9, f"台{END}")], f"ten{START} pumps{T0}台{END}"),
        ("请问液压泵多少钱", [(2, 5, PL)], f"请问{START}液压泵{T0}{PL}多少钱"),
        ("泵阀", [(0, 1, ""), (1, 2, PL)], f"{START}泵{T0}{START}阀{T1}{PL}"),
        ("nothing here", [], "nothing here"),
    ],
)
def test_an_annotated_text_and_the_way_back(text: str, annotations: list[tuple[int, int, str]], expected: str) -> None:
    annotated = annotate(text, [Annotation(*annotation) for annotation in annotations])
    assert annotated == expected
    assert bare(annotated) == text


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (PUMP, F + PL),
        ({"base": "Behälter", "gender": "m", "pl": "Behälter", "gen": "Behälters", "pl_dat": "Behältern"}, M + GEN + PL_DAT),
        ({"base": "Band", "gender": "n", "pl": "Bänder", "gen": "Bandes", "pl_dat": "Bändern"}, N + PL + GEN + PL_DAT),
        ({"base": "Motor", "gender": "m", "pl": "Motoren", "pl_dat": "Motoren"}, M + PL),
        ({"base": "adapter", "pl": "adapters", "article": "an"}, AN + PL),
        ({"base": "液压泵", "classifier": "台"}, f"台{END}"),
        ({"base": "Wasser"}, ""),
    ],
)
def test_the_grammar_of_a_word_names_the_forms_that_are_spelled_otherwise(word: Word, expected: str) -> None:
    assert grammar(word) == expected


def test_a_form_that_a_word_lacks() -> None:
    assert [form_of(PUMP, name) for name in ("base", "pl", "pl_dat", "gen", "acc")] == ["Pumpe", "Pumpen", "Pumpen", "Pumpe", "Pumpe"]
    assert form_of({"base": "Wasser"}, "pl_dat") == "Wasser"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (f"die {T0}{PL} sind", "de", "die Pumpen sind"),
        (f"{T0} da", "de", "Pumpe da"),
        (f"{T1}{PL} da", "es", "Bombas da"),
        (f"¿{T1}{PL}?", "es", "¿Bombas?"),
        (f"\ue003 {T1}{PL}", "es", "\ue003 bombas"),
        (f"20 {T1}{PL} y {T1}", "es", "20 bombas y bomba"),
        (f"请问{T0}坏了", "zh", "请问Pumpe坏了"),
    ],
)
def test_terms_are_spelled_in_the_form_that_was_written(text: str, language: str, expected: str) -> None:
    words = [PUMP, {"base": "bomba", "pl": "bombas"}]
    assert spell(text, lambda number, form: form_of(words[number], form), language) == expected


def test_a_name_that_begins_small_keeps_its_capitals() -> None:
    assert spell(f"{T0} da", lambda *_: "eSIM-Karte", "de") == "eSIM-Karte da"


def test_what_is_in_a_term_is_not_protected() -> None:
    text = annotate("a 24 V relay for 24 V", [Annotation(2, 12, N)])
    assert [(span.text, span.start) for span in find_protected(text)] == [("24 V", text.rindex("24 V"))]
    source, target = mask_pair(text, f"ein {T0} für 24 V", random.Random(1))
    assert "24 V relay" in source
    assert target[:-1] == f"ein {T0} für "


def test_a_shouted_sentence_is_calmed_around_its_terms() -> None:
    text = "WHERE ARE THE PUMPS NOW"
    assert calm(annotate(text, [Annotation(14, 19, f"台{END}")])) == f"Where are the{START} pumps{T0}台{END} now"
    assert calm(annotate("We need PUMPS", [Annotation(8, 13, F)])) == f"We need{START} PUMPS{T0}{F}"


def test_the_marks_come_only_from_us() -> None:
    assert set(normalize(f"a{''.join(TERM_MARKS)}")) == {"a", "\ufffd"}
    assert restore(f"die {T0}{PL}{START}{F}{END}Pumpe", "the pump", []) == "die Pumpe"
    assert len(set(TERM_MARKS)) == len(TERM_MARKS)


def test_a_form_is_replaced_as_the_patterns_do_it() -> None:
    rules = yaml.safe_load((ROOT / "data/corpora/forms.yaml").read_text(encoding="utf-8"))
    known = {name: other for language in ("de", "es") for name, other in rules[language]["fallback"].items()}
    assert set(known) == set(FORMS)
    assert {name: FALLBACK.get(name, "base") for name in FORMS} == known
