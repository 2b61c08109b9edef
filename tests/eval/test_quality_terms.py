"""Obedience to glossaries: which sentences can ask for terms, what is asked for, and figures computed by hand on made-up translators."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configs.schema import ROOT
from data.glossary import Glossary, Term, glossary_versions, load_glossaries
from data.glossary.term import Word
from data.records import Segment
from data.unknown_terms import write_training_terms
from eval.metrics.context import PLACEHOLDER
from eval.metrics.scorecard import Miss, TermCard
from eval.metrics.text import chrf
from eval.quality_terms import (
    TESTED,
    TermTest,
    TestedTerms,
    cards_json,
    evaluate,
    known_scores,
    pair_scores,
    permuted,
    term_scores,
    term_test,
)
from eval.test_sets import TestSets as Sets
from serving.glossaries import Glossaries

EN_DE = ("en", "de")


def term(name: str, english: str, german: Word | None, **more: Any) -> Term:
    forms = {"en": {"base": english, "pl": f"{english}s"}} | ({"de": german} if german else {})
    return Term(name, ("part",), forms, **more)


PUMP = term(
    "m/pump", "pump", {"base": "Pumpe", "pl": "Pumpen"}, pos="noun", synonyms={"de": ({"base": "Förderer"},), "en": ({"base": "pumper"},)}
)
VALVE = term("m/valve", "valve", {"base": "Ventil", "pl": "Ventile"}, pos="noun")
MOTOR = term("m/motor", "motor", {"base": "Motor", "pl": "Motoren"}, pos="noun")
HOSE = term("m/hose", "hose", None, pos="noun")
GLOSSARY = [PUMP, VALVE, MOTOR, HOSE]


def segment(name: str, en: str, de: str, **more: Any) -> Segment:
    return Segment(id=name, pattern="p", texts={"en": en, "de": de}, **more)


# Sentences


def test_only_what_both_sides_have_can_be_asked_for() -> None:
    segments = [
        segment("both", "Pumps and a valve", "Pumpen und ein Ventil"),
        segment("one", "A pump and a valve", "Eine Maschine und ein Ventil"),
        segment("none", "A pump", "Eine Maschine"),
        segment("synonym", "The PUMPER", "Der Förderer"),
        segment("twice", "A pump for a pump", "Eine Pumpe dafür"),
        segment("inside", "A pumpkin", "Eine Pumpe"),
        segment("no German", "A hose", "Ein Schlauch"),
        Segment(id="language", pattern="p", texts={"en": "A pump", "zh": "水泵"}),
        segment("informal", "A pump", "Eine Pumpe", source_only=["de"]),
    ]
    found = term_test(segments, GLOSSARY, EN_DE)
    assert [s.id for s in found.segments] == ["both", "one", "synonym", "twice"]
    assert found.terms == [[PUMP, VALVE], [VALVE], [PUMP], [PUMP, PUMP]]
    assert (found.pair, found.sources[0], found.references[0]) == (EN_DE, "Pumps and a valve", "Pumpen und ein Ventil")


def test_only_the_terms_that_are_given_are_asked_for() -> None:
    assert term_test([segment("1", "A pump", "Eine Pumpe")], [VALVE], EN_DE) == TermTest(EN_DE, [], [])


def test_the_other_direction_has_its_own_sentences() -> None:
    found = term_test([segment("1", "A pump", "Eine Pumpe", source_only=["de"])], GLOSSARY, ("de", "en"))
    assert (found.sources, found.references, found.terms) == (["Eine Pumpe"], ["A pump"], [[PUMP]])


# Other translations


def german(terms: dict[str, Term]) -> dict[str, str]:
    return {name: term.forms["de"]["base"] for name, term in terms.items()}


def many(group: str, count: int, **more: Any) -> list[Term]:
    return [term(f"{group}{i}", f"{group}{i}", {"base": f"{group}-{i}"}, **more) for i in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_terms_change_their_translations_within_industry_and_part_of_speech(seed: int) -> None:
    groups = [many("m/noun", 6, pos="noun"), many("m/verb", 3, pos="verb"), many("a/noun", 2, pos="noun"), many("m/said", 2)]
    terms = [term for group in groups for term in group]
    found = german(permuted(terms, "de", seed))
    assert sorted(found) == sorted(term.id for term in terms)
    for group in groups:
        own = {term.id: term.forms["de"]["base"] for term in group}
        assert sorted(found[name] for name in own) == sorted(own.values())
        assert not any(found[name] == word for name, word in own.items())


def test_where_no_part_of_speech_is_said_the_tags_tell() -> None:
    one, two = (Term(f"m/{name}", (tag,), {"de": {"base": name}}) for name, tag in (("pump", "part"), ("steel", "material")))
    assert german(permuted([one, two], "de", 1)) == {"m/pump": "pump", "m/steel": "steel"}
    assert german(permuted([one, Term("m/steel", ("part",), two.forms)], "de", 1)) == {"m/pump": "steel", "m/steel": "pump"}


def test_a_lonely_term_keeps_its_own_translation() -> None:
    assert german(permuted([PUMP, *many("a/noun", 3, pos="noun")], "de", 1))["m/pump"] == "Pumpe"


def test_all_else_of_a_term_stays_but_for_the_synonyms_of_the_changed_translation() -> None:
    found = permuted([PUMP, VALVE], "de", 1)
    assert found["m/pump"].forms == {"en": PUMP.forms["en"], "de": VALVE.forms["de"]}
    assert found["m/pump"].synonyms == {"en": PUMP.synonyms["en"]}
    assert (found["m/pump"].id, found["m/pump"].pos) == ("m/pump", "noun")


def test_the_seed_and_not_the_order_decides() -> None:
    terms = many("m/noun", 8)
    assert permuted(terms, "de", 1) == permuted(terms[::-1], "de", 1)
    assert len({tuple(german(permuted(terms, "de", seed)).values()) for seed in range(5)}) > 1


# Figures


UNKNOWN = TermTest(
    EN_DE,
    [segment("1", "The pump is here", "Die Pumpe ist hier"), segment("2", "Two pumps and a valve", "Zwei Pumpen und ein Ventil")],
    [[PUMP], [PUMP, VALVE]],
)
SEEN = TermTest(EN_DE, [segment("3", "The motor runs", "Der Motor läuft")], [[MOTOR]])
REFERENCES = {
    "The pump is here": "Die {m/pump} ist hier",
    "Two pumps and a valve": "Zwei {m/pump.pl} und ein {m/valve}",
    "The motor runs": "Der {m/motor} läuft",
}
Write = Callable[[str, dict[str, Term], bool], str]


class Served:
    """Answers with what `write` makes of a source, the terms that are asked for, and whether they are asked for strictly."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.asked: list[tuple[list[str], str | None, list[str], bool]] = []

    def translate(
        self, segments: Sequence[str], *, source: str, target: str, industry: str | None, glossaries: Glossaries, strict_terms: bool
    ) -> list[Any]:
        assert (source, target) == EN_DE
        glossary = glossaries.get(industry) if industry else Glossary("", ())
        self.asked.append((list(segments), industry, [term.id for term in glossary.terms], strict_terms))
        return [SimpleNamespace(text=self.write(text, {term.id: term for term in glossary.terms}, strict_terms)) for text in segments]


def filled(template: str, terms: dict[str, Term], unknown: str = "Dings") -> str:
    """`template` with the words that are asked for, in the forms that it names."""

    def word(match: re.Match[str]) -> str:
        return terms[match[1]].forms["de"][match[2] or "base"] if match[1] in terms else unknown

    return re.sub(r"\{([\w/]+)(?:\.(\w+))?\}", word, template)


def scores(write: Write) -> tuple[dict[str, Any], list[TermCard]]:
    served: Any = Served(write)
    return term_scores(served, UNKNOWN, seed=7)


P = PLACEHOLDER
RIGHT = [f"Die {P} ist hier", f"Zwei {P} und ein {P}"]  # the references around their terms


def test_a_model_that_obeys_is_perfect_whatever_is_asked_for() -> None:
    found, cards = scores(lambda text, terms, _: filled(REFERENCES[text], terms))
    assert found == {
        "none": 0.0,
        "proper": 100.0,
        "random": 100.0,
        "strict": 100.0,
        "chrf_context_none": pytest.approx(chrf(["Die Dings ist hier", "Zwei Dings und ein Dings"], RIGHT).score),
        "chrf_context_proper": pytest.approx(100.0),
        "chrf_context_random": pytest.approx(100.0),
        "terms": 3,
        "terms_distinct": 2,
        "segments": 2,
        "inflected": 100.0,
        "inflected_terms": 1,  # Pumpen
        "by_industry": {"m": {"none": 0.0, "proper": 100.0, "random": 100.0, "strict": 100.0, "terms": 3}},
    }
    assert [(card.id, card.wanted, card.hits, card.inflected_wanted, card.inflected_hits, card.miss) for card in cards] == [
        ("m/valve", 1, 1, 0, 0, None),
        ("m/pump", 2, 2, 1, 1, None),
    ]


def test_a_model_that_does_not_obey_has_what_it_knows_by_heart() -> None:
    heart = {"The pump is here": "Die Pumpe ist hier", "Two pumps and a valve": "Zwei Pumpe und ein Dings"}
    found, [valve, pump] = scores(lambda text, *_: heart[text])
    assert [found[mode] for mode in ("none", "proper", "strict")] == pytest.approx([200 / 3] * 3)
    assert found["random"] == pytest.approx(100 / 3)  # Pumpe stands where a valve is to be one
    assert found["inflected"] == 0.0
    around = [f"Die {P} ist hier", f"Zwei {P} und ein Dings"]
    assert found["chrf_context_none"] == found["chrf_context_proper"] == pytest.approx(chrf(around, RIGHT).score)
    around_swapped = ["Die Pumpe ist hier", f"Zwei {P} und ein Dings"]  # of the first segment only Ventil is masked
    assert found["chrf_context_random"] == pytest.approx(chrf(around_swapped, RIGHT).score)
    miss = Miss("Two pumps and a valve", "Zwei Pumpen und ein Ventil", "Zwei Pumpe und ein Dings")
    assert valve == TermCard("m/valve", 1, 0, 0, 0, miss)
    assert pump == TermCard("m/pump", 2, 2, 1, 0, miss)  # the form is wrong


def test_every_industry_has_its_own_figures() -> None:
    hose = term("a/hose", "hose", {"base": "Schlauch"})
    test = TermTest(EN_DE, [segment("1", "A pump and a hose", "Eine Pumpe und ein Schlauch")], [[PUMP, hose]])
    served: Any = Served(lambda _, terms, strict: "Eine Pumpe und ein " + ("Schlauch" if strict else "Dings"))
    found = term_scores(served, test, seed=7)[0]["by_industry"]
    assert found["m"] == {"none": 100.0, "proper": 100.0, "random": 100.0, "strict": 100.0, "terms": 1}
    assert found["a"] == {"none": 0.0, "proper": 0.0, "random": 0.0, "strict": 100.0, "terms": 1}


def test_a_glossary_that_damages_the_rest_is_found_out() -> None:
    def write(text: str, terms: dict[str, Term], _: bool) -> str:
        return filled(re.sub(r"(?<![{\w/.])\w+", "xx", REFERENCES[text]) if terms else REFERENCES[text], terms or {MOTOR.id: MOTOR})

    served: Any = Served(write)
    found = known_scores(served, SEEN, "seen")
    assert (found["none_seen"], found["proper_seen"], found["terms_seen"]) == (100.0, 100.0, 1)
    assert found["chrf_context_none_seen"] == pytest.approx(100.0)
    assert found["chrf_context_proper_seen"] == pytest.approx(chrf([f"xx {P} xx"], [f"Der {P} läuft"]).score)
    assert found["chrf_context_proper_seen"] < 50
    assert served.asked == [(SEEN.sources, None, [], False), (SEEN.sources, TESTED, [MOTOR.id], False)]


def test_without_sentences_there_are_no_figures() -> None:
    assert known_scores(None, TermTest(EN_DE, [], []), "seen") == {}  # type: ignore[arg-type]


def test_what_is_asked_of_the_models() -> None:
    served: Any = Served(lambda text, terms, strict: filled(REFERENCES[text], terms if strict or len(text) < 20 else {}))
    term_scores(served, UNKNOWN, seed=7)
    both = sorted([PUMP.id, VALVE.id])
    assert [(texts, industry, sorted(ids), strict) for texts, industry, ids, strict in served.asked] == [
        (UNKNOWN.sources, None, [], False),
        (UNKNOWN.sources, TESTED, both, False),
        (UNKNOWN.sources, TESTED, both, False),
        (UNKNOWN.sources[1:], TESTED, both, True),  # the first lacks nothing
    ]


def test_strict_counts_for_itself() -> None:
    found, _ = scores(lambda text, terms, strict: filled(REFERENCES[text], terms if strict else {}))
    assert (found["proper"], found["random"], found["strict"]) == (0.0, 0.0, 100.0)


def test_a_language_whose_references_inflect_nothing_has_no_share_of_inflected_forms() -> None:
    served: Any = Served(lambda text, terms, _: filled(REFERENCES[text], terms))
    found, _ = term_scores(served, TermTest(EN_DE, UNKNOWN.segments[:1], UNKNOWN.terms[:1]), seed=7)
    assert not {"inflected", "inflected_terms"} & found.keys()
    assert (found["terms"], found["terms_distinct"], found["segments"]) == (1, 1, 1)


def test_the_cards_of_all_pairs_are_rows() -> None:
    miss = Miss("a valve", "ein Ventil", "ein Dings")
    cards = {"en-de": [TermCard("m/valve", 2, 1, miss=miss), TermCard("m/pump", 1, 1)], "en-zh": [TermCard("m/pump", 3, 0)]}
    assert cards_json(cards) == [
        {
            "pair": "en-de",
            "term": "m/valve",
            "wanted": 2,
            "hits": 1,
            "source": "a valve",
            "reference": "ein Ventil",
            "translation": "ein Dings",
        },
        {"pair": "en-de", "term": "m/pump", "wanted": 1, "hits": 1},
        {"pair": "en-zh", "term": "m/pump", "wanted": 3, "hits": 0},
    ]


# The stage


def test_a_pair_is_scored_on_the_parts_that_have_terms() -> None:
    texts = {"The pump is here": "Die Pumpe ist hier", "The valve": "Das Ventil"}
    served: Any = Served(lambda text, terms, _: texts[text] if terms else "?")
    served.path = lambda source, target: [(source, target)]
    seen, unseen = segment("1", "The pump is here", texts["The pump is here"]), segment("2", "The valve", texts["The valve"])
    sets = Sets([seen, segment("4", "No term", "Kein Wort")], [], [unseen], [unseen], [])
    found, cards = pair_scores(served, EN_DE, sets, TestedTerms([PUMP], [VALVE]), 7)
    assert [found[key] for key in ("none", "proper", "none_seen", "proper_seen", "none_unseen", "proper_unseen")] == [0, 100] * 3
    assert [found[key] for key in ("terms", "terms_seen", "terms_unseen")] == [1, 1, 1]
    assert [card.id for card in cards] == [VALVE.id]
    served.path = lambda source, target: [(source, "en"), ("en", target)]
    assert "terms_seen" not in pair_scores(served, EN_DE, sets, TestedTerms([PUMP], [VALVE]), 7)[0]
    assert pair_scores(served, EN_DE, Sets([], [], [], [], []), TestedTerms([PUMP], [VALVE]), 7) == ({}, [])


def test_the_terms_that_training_knows_are_told_from_the_others(tmp_path: Path) -> None:
    write_training_terms(load_glossaries(ROOT / "data/glossaries"), {"machinery/hydraulic_pump"}, tmp_path / "glossaries")
    found = TestedTerms.read(ROOT / "data/glossaries", tmp_path)
    assert [term.id for term in found.unknown] == ["machinery/hydraulic_pump"]
    assert len(found.known) > 800


def test_the_small_models_are_scored_and_the_run_names_the_glossaries(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions: dict[str, str] = {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr("training.tracking.Run.glossaries", lambda run, found: versions.update(found))
    said = evaluate(world.params, world.translation, world.bundles, ROOT / "data/glossaries", tmp_path, beams=2)
    result = json.loads((tmp_path / "terms.json").read_text(encoding="utf-8"))["terms"]
    pairs = [f"{source}-{target}" for source in ("en", "zh", "de", "es") for target in ("en", "zh", "de", "es") if source != target]
    assert sorted(result) == sorted(pairs)
    assert said.startswith(f"{tmp_path / 'terms.json'}: 12 pairs, ")
    for name, score in result.items():
        assert {"none", "proper", "random", "strict", "chrf_context_none", "chrf_context_proper", "terms", "by_industry"} <= set(score)
        assert ("inflected" in score) == (not name.endswith("-zh"))
        assert score["strict"] == 100.0
        assert sum(found["terms"] for found in score["by_industry"].values()) == score["terms"] > 0
        assert ("proper_seen" in score) == ("proper_unseen" in score) == ("en" in name.split("-"))
    rows = [json.loads(line) for line in (tmp_path / "terms.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum(row["wanted"] for row in rows) == sum(score["terms"] for score in result.values())
    assert versions == glossary_versions(ROOT / "data/glossaries")
