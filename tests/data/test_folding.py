from __future__ import annotations

import subprocess
import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.folding import fold, unify

# Characters that fold to none, to several, or together with their neighbours, and some that do not.
MARKS = ["\u0301", "\u0307", "\u0345", "ﾟ", "ﾞ", "\u0f73"]
UNSEEN = ["\u00ad", "\u200b", "\ufe0f", "\x00", "\ufdd0"]
SPACES = ["\u00a0", "\u3000", "\t", "\x1c"]
OTHERS = [*"aZ5 ßẞİıſŉΐςßé泵壓鍊々ーカﾎｱ가각-'’‑，_ﬁ²😀", "👩\u200d👧", "\ud800"]
HARD = st.lists(st.sampled_from(MARKS + UNSEEN + SPACES + OTHERS), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GRÖẞE", "grösse"),
        ("Größe", "GRÖSSE"),
        ("İSTANBUL", "istanbul"),
        ("bomba hidráulica", "bomba hidra\u0301ulica"),
        ("Ｘ３　５Ｖ", "x3 5v"),
        ("ﾎﾟﾝﾌﾟ", "ポンプ"),
        ("液壓幫浦", "液压帮浦"),
        ("電線", "电线"),
        ("hydraulic\u00a0 \t\npump", "hydraulic pump"),
        ("Hydraulik\u00adpumpe", "hydraulikpumpe"),
        ("pump’s", "pump's"),
        ("T‑Shirt", "t-shirt"),
        ("각", "\u1100\u1161\u11a8"),
        ("⚙️", "⚙"),
        ("\uf900", "\u8c48"),  # a compatibility ideograph, whose canonical form is another character
    ],
)
def test_spellings_of_one_word_are_folded_to_one(one, other):
    assert fold(one).text == fold(other).text


@pytest.mark.parametrize(
    ("one", "other"), [("m²", "m2"), ("resumé", "resume"), ("ball-bearing", "ball bearing"), ("乾", "干"), ("ı", "i"), ("畫", "画")]
)
def test_spellings_that_may_be_two_words_are_kept_apart(one, other):
    assert fold(one).text != fold(other).text


@pytest.mark.parametrize(
    ("text", "folded", "starts", "ends"),
    [
        ("Pump", "pump", [0, 1, 2, 3], [1, 2, 3, 4]),
        ("aßb", "assb", [0, 1, 1, 2], [1, 2, 2, 3]),
        ("İx", "ix", [0, 1], [1, 2]),
        ("ﾎﾟx", "ポx", [0, 2], [2, 3]),
        ("xe\u0301\u00ad\u00ady", "xéy", [0, 1, 5], [1, 3, 6]),  # what is not seen ends no match
        ("a \u00ad \u00a0b", "a b", [0, 1, 5], [1, 5, 6]),
        ("  a", " a", [0, 2], [2, 3]),
        ("\u00ada", "a", [1], [2]),
        ("", "", [], []),
    ],
)
def test_offsets_lead_back_to_the_text_as_given(text, folded, starts, ends):
    found = fold(text)
    assert (found.text, list(found.starts), list(found.ends)) == (folded, starts, ends)


@settings(deadline=None, max_examples=1_000)
@given(st.text() | HARD)
@example("e\u00ad\u0301")
@example("\u0345\u0301")
@example("\n\n\u0300")
def test_folding_what_is_folded_changes_nothing(text):
    folded = fold(text).text
    assert fold(folded).text == folded
    assert "  " not in folded
    assert fold(unify(text)).text == folded


@settings(deadline=None, max_examples=1_000)
@given(st.text() | HARD)
@example("\n\n\u0300")
def test_offsets_rise_and_each_stretch_is_folded_alone(text):
    folded, starts, ends = fold(text)
    assert len(folded) == len(starts) == len(ends)
    stretches = sorted(set(zip(starts, ends, strict=True)))
    assert all(0 <= start < end <= len(text) for start, end in stretches)
    assert all(end <= start for (_, end), (start, _) in pairwise(stretches))
    assert list(starts) == sorted(starts)
    assert list(ends) == sorted(ends)
    assert "".join(fold(text[start:end]).text for start, end in stretches) == folded


@settings(deadline=None, max_examples=500)
@given(st.text())
def test_unicode_forms_are_folded_to_one(text):
    assert fold(unicodedata.normalize("NFD", text)).text == fold(unicodedata.normalize("NFC", text)).text


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_plain_text_gives_what_the_long_one_does(text):
    plain, long = fold(text), fold(f"{text}ß")
    assert long.text == f"{plain.text}ss"
    assert [*long.starts[:-2]] == [*plain.starts]


def test_every_character_is_folded_once_and_for_all():
    characters = [chr(code) for code in range(0x1_2000) if not 0xAC00 < code < 0xD7A0]
    assert [c for c in characters if fold(fold(c).text).text != fold(c).text] == []


def test_unify_keeps_the_case():
    assert unify("ＰＥＴ  泵壓\u00ad") == "PET 泵压"


def test_what_is_imported_is_light():
    code = "import sys, data.terms; print(sorted({'numpy', 'lingua', 'yaml', 'pydantic', 'opencc', 'typer', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
