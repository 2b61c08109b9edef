import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.marked import MarkedSegment, MarkedTerm, read_marked
from eval.metrics.terminology import (
    exact_match,
    term_hits,
    term_success,
    term_weighted_score,
    window_overlap,
)

GOLDEN = Path(os.environ.get("QUAYSIDE_PUBLIC_DATA", "-"), "terminology-golden")


def marked(hypothesis: str, reference: str, *terms: tuple[str, int]) -> MarkedSegment:
    """A segment with terms, each as its forms (`a|b`) and the place of its one word in the reference."""
    return MarkedSegment(
        hypothesis.split(), reference.split(), [MarkedTerm(tuple(forms.split("|")), range(place, place + 1)) for forms, place in terms]
    )


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


def test_traditional_characters_and_full_width_letters_are_the_term():
    assert term_success(["液壓泵的電壓是Ｖ５"], [[["液压泵"], ["电压"], ["V5"]]]) == 100
    assert term_success(["液压泵"], [[["液壓泵"]]]) == 100


def test_a_term_wanted_twice_counts_twice_and_may_stand_there_once():
    assert term_success(["Pumpe"], [[["Pumpe"], ["Pumpe"], ["Ventil"], ["Ventil"]]]) == 50
    assert term_success(["Pumpe"], [[["Pumpe"], ["Pumpe"], ["Ventil"]]]) == pytest.approx(100 * 2 / 3)


WANTED = st.lists(st.sampled_from(["Pumpe", "Ventil", "Lager", "液压泵"]), min_size=1, max_size=4)


@given(st.lists(WANTED, min_size=1, max_size=4), st.randoms())
def test_a_hypothesis_equal_to_the_reference_has_every_term_in_whatever_order(wanted, chance):
    references = ["; ".join(words) for words in wanted]
    terms = [[[word, "anders"] for word in words] for words in wanted]
    assert term_success(references, terms) == 100
    for row in terms:
        chance.shuffle(row)
    assert term_success([reference.upper() for reference in references], terms) == 100
    half = term_success(["", *references], [[["x"]], *terms])
    rows = list(zip(["", *references], [[["x"]], *terms], strict=True))
    chance.shuffle(rows)
    assert term_success([h for h, _ in rows], [t for _, t in rows]) == half < 100


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


def test_exact_match_keeps_the_case_unless_it_is_told_to_ignore_it():
    segment = marked("Die Pumpe und das Ventil", "Die pumpe und ein Ventil", ("pumpe", 1), ("Ventil|Ventile", 4), ("Lager", 0))
    assert exact_match([segment]) == (1, 3)
    assert exact_match([segment], ignore_case=True) == (2, 3)


def test_exact_match_counts_a_place_once():
    segment = marked("eine Pumpe", "Pumpe an Pumpe", ("Pumpe", 0), ("Pumpe", 2))
    assert exact_match([segment]) == (1, 2)
    assert exact_match([marked("Pumpe an Pumpe", "Pumpe an Pumpe", ("Pumpe", 0), ("Pumpe", 2))]) == (2, 2)


def test_exact_match_wants_whole_words():
    segment = marked("die Hydraulikpumpe und nez qui coule", "x y", ("pumpe", 0), ("nez qui coule", 1), ("qui", 0))
    assert exact_match([segment]) == (2, 3)


def test_window_overlap_by_hand():
    reference = "we sent the pump , to you yesterday"
    segment = marked("they sent the pump for you", reference, ("pump", 3))
    assert window_overlap([segment], 2) == pytest.approx(100 * 3 / 4)  # of sent, the, to, you: not to
    assert window_overlap([segment], 1) == pytest.approx(100 * 1 / 2)  # of the, to
    assert window_overlap([segment, marked("no term", reference, ("pump", 3))], 2) == pytest.approx(100 * 3 / 8)


def test_window_overlap_pairs_equal_terms_by_their_surroundings():
    segment = marked("old pump here and new pump there", "new pump there and old pump here", ("pump", 1), ("pump", 5))
    assert window_overlap([segment], 1) == 100


def test_an_inflected_term_is_left_to_lemmas():
    """Its listed form is not what stands in the reference: neither its surroundings nor the weight of its words count."""
    term = MarkedTerm(("pompe",), range(1, 2), inflected=True)
    segment = MarkedSegment(["les", "x"], ["les", "pompes"], [term])
    assert window_overlap([segment], 2) == 0
    assert term_weighted_score([segment]) == 50
    assert term_weighted_score([MarkedSegment(["les", "x"], ["les", "pompes"], [MarkedTerm(("pompes",), range(1, 2))])]) == 0


@pytest.mark.parametrize("metric", [lambda segments: window_overlap(segments, 2), term_weighted_score])
def test_no_segments_are_no_score(metric):
    with pytest.raises(ValueError, match="needs a segment"):
        metric([])


PUMP = '<term id="1" type="src_original_and_tgt_original" src="pump" tgt="pompe|pompes">'


def test_the_command_prints_every_metric(tmp_path: Path):
    hypothesis, reference = tmp_path / "h", tmp_path / "r"
    hypothesis.write_text('<p><seg id="1"> une pompe est là </seg></p>', encoding="utf-8")
    reference.write_text(f'<p><seg id="1"> une {PUMP} pompe </term> est là </seg></p>', encoding="utf-8")
    command = [sys.executable, "-m", "eval.metrics.terminology", hypothesis, hypothesis, reference]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line[30:] for line in lines[:-1]] == ["100.00", "1 of 1 (100.00)", "1 of 1 (100.00)", "100.00", "100.00", "100.00"]
    assert lines[-1].startswith("1 segments")


def test_files_without_a_term_are_said(tmp_path: Path):
    file = tmp_path / "r"
    file.write_text('<p><seg id="1"> une pompe </seg></p>', encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "eval.metrics.terminology", file, file, file], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {file}: marks no term\n")


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="QUAYSIDE_PUBLIC_DATA names no folder with terminology-golden")
def test_the_published_figures():
    """Of the publisher's own tool; those of windows and of TERm have lemmas in them.

    Source: https://github.com/mahfuzibnalam/terminology_evaluation
    """
    names = ("en-fr.dev.txt.truecased.sgm", "dev.en-fr.en.sgm", "dev.en-fr.fr.sgm")
    segments = read_marked(*(GOLDEN / name for name in names))
    assert len(segments) == 971
    assert exact_match(segments) == (759, 901)
    assert window_overlap(segments, 2) == pytest.approx(29.694, abs=1)
    assert window_overlap(segments, 3) == pytest.approx(29.071, abs=1)
    assert term_weighted_score(segments) == pytest.approx(59.763, abs=1)
