"""Segments become numbered sentence pairs, masked alike on both sides, some with noise in the source."""

from __future__ import annotations

from typing import Any

import pytest

from configs.schema import Augmentation
from data.augment import ALWAYS_FITTING, FITTING, KINDS
from data.pieces import MarianPieces
from data.protect import MARKERS
from data.records import Segment
from training.samples import SentencePair, directions, number, of_industries, sentence_pairs

LANGUAGES = ("en", "zh", "de", "es")


EMOJI = set(ALWAYS_FITTING).union(*FITTING)


def segment(name: str = "greeting.1", source_only: tuple[str, ...] = (), terms: tuple[str, ...] = (), **texts: str) -> Segment:
    return Segment(id=name, pattern="greeting", texts=texts, source_only=list(source_only), terms=list(terms))


def pair(source: str, target: str, language: str, name: str = "greeting.1") -> SentencePair:
    return SentencePair(source, target, language, name)


def shares(**given: float) -> Augmentation:
    return Augmentation(**dict.fromkeys(KINDS, 0.0) | given)


def bare(text: str) -> str:
    """`text` with one sign for every marker."""
    return "".join("#" if c in MARKERS else c for c in text)


@pytest.fixture
def late() -> list[Segment]:
    """Two hundred segments that differ in their id alone."""
    texts = {"en": "The shipment of order PO-4711 is late.", "de": "Die Lieferung zu PO-4711 ist spät.", "es": "El envío PO-4711 tarda."}
    return [segment(f"late.{number}", **texts) for number in range(200)]


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
        pair("Hello.", "Hallo.", "de"),
        pair("How are you?", "Wie geht es?", "de"),
        pair("Hallo.", "Hello.", "en"),
        pair("Wie geht es?", "How are you?", "en"),
    ]


def test_sides_with_different_numbers_of_sentences_are_one_pair() -> None:
    pairs = sentence_pairs([segment(en="Hello.  How are you?", de="Hallo, wie geht es?")], [("en", "de")], seed=7)
    assert pairs == [pair("Hello. How are you?", "Hallo, wie geht es?", "de")]


def test_a_pair_names_its_segment() -> None:
    segments = [segment("a.1", en="Hello. Bye.", de="Hallo. Tschüss."), segment("b.2", en="Thanks.", de="Danke.")]
    assert [row.segment for row in sentence_pairs(segments, [("en", "de"), ("de", "en")], 7)] == ["a.1"] * 4 + ["b.2"] * 2


def test_what_must_not_change_is_the_same_marker_on_both_sides() -> None:
    [(source, target, *_)] = sentence_pairs([segment(en="Order PO-4711 has 12 pumps.", de="12 Pumpen in PO-4711.")], [("en", "de")], seed=7)
    first, second = (c for c in source if c in MARKERS)
    assert source == f"Order {first} has {second} pumps."
    assert target == f"{second} Pumpen in {first}."


def test_a_value_that_the_target_lacks_stays_text_in_both() -> None:
    [(source, target, *_)] = sentence_pairs([segment(en="It has 12 pumps.", de="Es hat zwölf Pumpen.")], [("en", "de")], seed=7)
    assert (source, target) == ("It has 12 pumps.", "Es hat zwölf Pumpen.")


def test_the_seed_draws_the_markers() -> None:
    segments = [segment(en="Order PO-4711.", de="Auftrag PO-4711.")]
    drawn = {seed: sentence_pairs(segments, [("en", "de")], seed) for seed in range(20)}
    assert drawn[3] == sentence_pairs(segments, [("en", "de")], 3)
    assert len({source for [(source, *_)] in drawn.values()}) > 5


def test_a_segment_that_lacks_a_language_gives_no_pairs_of_it() -> None:
    segments = [segment(en="Hello.", de="Hallo."), segment(de="Danke.", es="Gracias.")]
    assert sentence_pairs(segments, directions("en-xx", LANGUAGES), seed=7) == [pair("Hello.", "Hallo.", "de")]
    assert sentence_pairs(segments, directions("xx-en", LANGUAGES), seed=7) == [pair("Hallo.", "Hello.", "en")]


def test_informal_wording_is_read_and_never_written() -> None:
    informal = segment(source_only=("de", "zh"), en="Could you help?", de="Kannst du helfen?", es="¿Podría ayudar?", zh="你能帮忙吗？")
    assert sentence_pairs([informal], directions("en-xx", LANGUAGES), seed=7) == [pair("Could you help?", "¿Podría ayudar?", "es")]
    read = sentence_pairs([informal], directions("xx-en", LANGUAGES), seed=7)
    assert [row.source for row in read] == ["你能帮忙吗？", "Kannst du helfen?", "¿Podría ayudar?"]


def test_noise_is_in_the_source_only(late: list[Segment]) -> None:
    pairs = [(bare(row.source), bare(row.target)) for row in sentence_pairs(late, [("en", "de")], 7, shares(typos=0.99))]
    assert {target for _, target in pairs} == {"Die Lieferung zu # ist spät."}
    assert sum(source != "The shipment of order # is late." for source, _ in pairs) > 190
    assert {(bare(row.source), bare(row.target)) for row in sentence_pairs(late, [("en", "de")], 7)} == {
        ("The shipment of order # is late.", "Die Lieferung zu # ist spät.")
    }


def test_noise_leaves_what_must_not_change_the_same_marker_on_both_sides(late: list[Segment]) -> None:
    each = dict.fromkeys(KINDS, 0.199)
    for source, target, *_ in sentence_pairs(late, [("en", "de"), ("de", "en")], 7, Augmentation(**each)):
        found = [c for c in source if c in MARKERS]
        assert found == [c for c in target if c in MARKERS]
        assert len(found) in {1, 2}  # the order's number, and emoji


def test_emoji_are_masked_on_both_sides(late: list[Segment]) -> None:
    pairs = sentence_pairs(late, [("en", "es")], 7, shares(emoji=0.99))
    assert not EMOJI & set("".join(row.source + row.target for row in pairs))
    assert sum(sum(c in MARKERS for c in row.source) == 2 for row in pairs) > 190


def test_the_source_is_calm_as_serving_makes_it(late: list[Segment]) -> None:
    sources = {bare(row.source) for row in sentence_pairs(late, [("en", "de")], 7, shares(case=0.99))}
    assert "The shipment of order # is late." in sources
    assert "the shipment of order # is late." in sources
    assert "THE SHIPMENT OF ORDER # IS LATE." not in sources


def test_noise_is_as_frequent_as_its_share(late: list[Segment]) -> None:
    pairs = sentence_pairs(late, [("en", "de")], 7, shares(case=0.15, typos=0.1))
    changed = sum(bare(row.source) != "The shipment of order # is late." for row in pairs)
    assert 30 < changed < 70


def test_noise_is_drawn_by_the_seed_and_anew_for_each_direction(late: list[Segment]) -> None:
    noise = shares(typos=0.5)
    pairs = sentence_pairs(late, [("en", "de"), ("en", "es")], 7, noise)
    assert pairs == sentence_pairs(late, [("en", "de"), ("en", "es")], 7, noise)
    assert pairs != sentence_pairs(late, [("en", "de"), ("en", "es")], 8, noise)
    german, spanish = ([row.source for row in pairs if row.language == language] for language in ("de", "es"))
    assert sum(a != b for a, b in zip(german, spanish, strict=True)) > 100


def test_ids_end_with_the_end_and_begin_with_the_language_where_there_are_several(world: Any) -> None:
    many, one = MarianPieces(world.models / "en-xx"), MarianPieces(world.models / "xx-en")
    [asked] = number([pair("hello", "hola", "es")], many, 96)
    [plain] = number([pair("hola", "hello", "en")], one, 96)
    assert asked.segment == plain.segment == "greeting.1"
    assert asked.source == many.encode("hello", "es")
    assert asked.source[0] == many.encode("", "es")[0] != many.encode("", "de")[0]
    assert plain.source == one.encode("hola")
    assert (asked.source[-1], asked.target[-1], plain.target[-1]) == (many.eos, many.eos, one.eos)


def test_pairs_with_a_side_too_long_are_left_out(world: Any) -> None:
    pieces = MarianPieces(world.models / "xx-en")
    long = "hello " * 30
    kept = number([pair(long, "hello", "en"), pair("hello", long, "en"), pair("hola", "hello", "en")], pieces, 25)
    assert [sample.source for sample in kept] == [pieces.encode("hola")]


@pytest.fixture
def catalogue() -> list[Segment]:
    terms = {"a": ("machinery/gearbox",), "b": ("electronics/fuse", "machinery/gearbox"), "c": (), "d": ("machinery-tools/drill",)}
    return [segment(name, terms=found, en="Hello.") for name, found in terms.items()]


@pytest.mark.parametrize(
    ("industries", "kept"),
    [
        ([], "abcd"),
        (["machinery"], "ab"),
        (["electronics"], "b"),
        (["electronics", "machinery-tools"], "bd"),
        (["apparel", "machinery"], "ab"),
    ],
)
def test_segments_are_those_of_the_industries(catalogue: list[Segment], industries: list[str], kept: str) -> None:
    assert [s.id for s in of_industries(catalogue, industries)] == list(kept)


def test_industries_without_a_segment_are_refused(catalogue: list[Segment]) -> None:
    with pytest.raises(ValueError, match=r"^train_translation\.industries: no segment holds a term of apparel, gearbox$"):
        of_industries(catalogue, ["apparel", "gearbox"])
    assert of_industries([], []) == []
