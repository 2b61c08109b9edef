import random

import numpy as np
import pytest

from data.glossary import Glossary
from data.glossary.candidates import spaced_candidates
from data.glossary.chinese import chinese_candidates
from data.glossary.everyday import BREAKS, EVERYDAY, GENERAL
from data.glossary.linking import log_likelihood_ratio
from data.glossary.loading import term_of
from data.glossary.mining import Settings, mine

TERMS = {  # English, German, Spanish, Chinese
    "hydraulic pump": ("Hydraulikpumpe", "bomba hidráulica", "液压泵"),
    "pump": ("Pumpe", "bomba", "水泵"),
    "bill of lading": ("Frachtbrief", "conocimiento de embarque", "提单"),
    "sealing ring": ("Dichtungsring", "anillo de cierre", "密封圈"),
    "conveyor belt": ("Förderband", "cinta transportadora", "输送带"),
    "LED lamp": ("LED-Lampe", "lámpara LED", "LED灯"),
}
FRAMES = [  # the same sentence in each language; all begin with other words, and have others on both sides of the term
    ("We sent the {} to you.", "Wir haben Ihnen für den {} geschrieben.", "Le enviamos la {} a usted.", "我们已把{}发给您。"),
    ("Is your {} still here?", "Ist Ihr {} noch da?", "¿Está su {} todavía aquí?", "您的{}还在吗？"),
    ("They asked for this {}, please.", "Man fragt nach diesem {}, bitte.", "Piden esta {}, por favor.", "他们要问这{}，谢谢。"),
    (
        "Yesterday a {} was with us in Hamburg.",
        "Gestern war ein {} bei uns in Hamburg.",
        "Ayer estuvo una {} en Hamburgo.",
        "昨天{}在我们这里。",
    ),
]
LANGUAGES = ("en", "de", "es", "zh")


def segments(target, frames=FRAMES, copies=3):
    """Each term in each frame, told apart by a number."""
    column = LANGUAGES.index(target)
    pairs = []
    for number in range(copies):
        for frame in frames:
            for source, words in TERMS.items():
                texts = frame[0].format(source), frame[column].format(words[column - 1])
                pairs.append(tuple(f"{text} {number}" for text in texts))
    return pairs


def proposed(proposals):
    return {proposal.source: proposal.target for proposal in proposals}


@pytest.mark.parametrize("target", ["de", "es", "zh"])
def test_terms_are_proposed_whole_with_their_translations(target):
    expected = {source: words[LANGUAGES.index(target) - 1] for source, words in TERMS.items()}
    assert proposed(mine(segments(target), "en", target)) == expected


def test_the_other_way_and_between_two_others():
    found = mine([(target, source) for source, target in segments("zh")], "zh", "en")
    assert proposed(found) == {words[2]: source for source, words in TERMS.items()}


def test_a_proposal_says_why():
    found = {proposal.source: proposal for proposal in mine(segments("de"), "en", "de")}
    pump = found["pump"]
    assert (pump.source_count, pump.target_count, pump.joint) == (12, 12, 12)  # without those inside *hydraulic pump*
    assert pump.score == pytest.approx(100 * (12 - 12**0.5) / 12, abs=0.05)
    assert len(pump.examples) == 2
    assert all("pump" in source and "Pumpe" in target for source, target in pump.examples)


def test_forms_of_a_word_are_one_candidate_and_the_base_form_is_proposed():
    pairs = segments("de")
    plural = [("These are the pumps at last.", "Das sind endlich die Pumpen."), ("I have some pumps.", "Ich habe ein paar Pumpen.")]
    found = {proposal.source: proposal for proposal in mine([*pairs, *plural], "en", "de")}
    assert found["pump"].target == "Pumpe"
    assert (found["pump"].source_forms, found["pump"].target_forms) == (("pump", "pumps"), ("Pumpe", "Pumpen"))
    assert found["pump"].joint == 14


def test_the_order_and_copies_of_segments_change_nothing():
    pairs = segments("zh")
    mixed = pairs * 2
    random.Random(7).shuffle(mixed)
    assert mine(mixed, "en", "zh") == mine(pairs, "en", "zh")


def test_known_terms_are_left_out_in_whatever_form():
    entries = [
        {"id": "a", "en": {"base": "Conveyor Belt"}, "de": "x"},
        {"id": "b", "en": "y", "de": {"base": "Ring", "pl": "dichtungsring"}},
    ]
    known = Glossary("m", tuple(term_of("m", entry) for entry in entries))
    found = proposed(mine(segments("de"), "en", "de", Settings(known=(known,))))
    assert found.keys() == TERMS.keys() - {"conveyor belt", "sealing ring"}


def test_settings_limit_the_proposals():
    pairs = segments("de")
    assert len(mine(pairs, "en", "de", Settings(most=2))) == 2
    assert mine(pairs, "en", "de", Settings(fewest=13)) == []
    assert mine(pairs, "en", "de", Settings(min_score=72)) == []
    assert all(proposal.score >= 71 for proposal in mine(pairs, "en", "de", Settings(min_score=71)))


def test_names_are_proposed_only_if_wanted():
    pairs = segments("de")
    towns = [(source.replace("pump", "Bremen"), target.replace("Pumpe", "Bremen")) for source, target in pairs if " pump" in source]
    usual = proposed(mine([*pairs, *towns], "en", "de"))
    assert "Bremen" not in usual
    assert proposed(mine([*pairs, *towns], "en", "de", Settings(names=True)))["Bremen"] == "Bremen"


def test_what_has_one_wording_only_is_no_term():
    phrase = [(f"Call the duty engineer now {n}.", f"Rufen Sie den Bereitschaftsingenieur an {n}.") for n in range(20)]
    assert "duty engineer" not in proposed(mine([*segments("de"), *phrase], "en", "de"))


def test_codes_addresses_and_placeholders_are_no_candidates():
    texts = [f"Is the #NAME# of {{order}} at https://a.example/belt the belt of PRS_ORG, {n}?" for n in range(9)]
    texts += [f"Our belt, a {word}." for word in ("new", "big", "bad", "good")]
    assert spaced_candidates(texts, "en", 4).forms == [("belt",)]


def test_english_verbs_and_everyday_words_are_no_candidates():
    texts = [
        f"We {verb} the valve {place}." for verb in ("repair", "ship", "paint") for place in ("today", "for you", "in time", "at last")
    ]
    assert spaced_candidates(texts, "en", 3).forms == [("valve",)]


def test_german_candidates_are_nouns_with_their_adjectives():
    texts = [
        f"{a} {b} hydraulische Bremse {c}" for a in ("Ist", "Wo ist") for b in ("die", "eine") for c in ("da?", "kaputt?", "gut?", "neu?")
    ]
    assert [forms[0] for forms in spaced_candidates(texts, "de", 4).forms] == ["hydraulische Bremse"]


def test_chinese_is_cut_where_anything_may_stand_beside():
    texts = [f"{a}液压泵{b}" for a in "买卖修换看" for b in "坏贵旧新好"]
    assert chinese_candidates(texts, 6).forms == [("液压泵",)]


def test_a_language_without_lists_takes_the_most_frequent_words_for_function_words():
    common = [f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(100)]
    texts = [f"{common[n]} {common[99 - n]} pompe {common[n - 7]}" for n in range(100)] * 2
    texts += [" ".join(common)] * 300
    assert spaced_candidates(texts, "fr", 4).forms == [("pompe",)]


def test_one_language_or_few_segments_are_refused():
    with pytest.raises(ValueError, match=r"^terms are mined between two languages, not en and en$"):
        mine(segments("de"), "en", "en")
    with pytest.raises(ValueError, match=r"^24 different segments in en and de; at least 50 are needed to mine terms$"):
        mine(segments("de", copies=1), "en", "de")


def test_the_log_likelihood_ratio_is_dunnings():
    """110, 2442, 111, 29114 (Dunning 1993, table 1, *the swiss*): 270.72."""
    joint, sources, targets = np.array([110]), np.array([110 + 2442]), np.array([110 + 111])
    found = log_likelihood_ratio(joint, sources, targets, 110 + 2442 + 111 + 29114)
    assert found[0] == pytest.approx(270.72, abs=0.01)
    assert log_likelihood_ratio(np.array([5]), np.array([50]), np.array([100]), 1000)[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_lists_hold_no_term_of_the_shipped_glossaries(language):
    from configs.schema import ROOT
    from data.glossary import load_glossaries

    forms = {
        form.lower()
        for glossary in load_glossaries(ROOT / "data/glossaries").values()
        for term in glossary.terms
        for form in term.surfaces(language)
    }
    assert len(forms) > 800
    assert not forms & (GENERAL[language] | EVERYDAY[language])
    assert all(len(character) == 1 for character in BREAKS)
