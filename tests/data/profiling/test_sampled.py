import pytest

from data.profiling.opened import Item
from data.profiling.sampled import languages_told, near_texts, protected_values, same_but_for_values, term_counts


def segments(*pairs, languages=("en", "de")):
    return [Item(f"a:{number}", dict(zip(languages, pair, strict=True)), {}) for number, pair in enumerate(pairs, 1)]


ENGLISH = "We are waiting for the goods that you promised last week."
GERMAN = "Wir warten auf die Ware, die Sie letzte Woche zugesagt haben."


def test_texts_in_another_language_are_told(cleaning):
    found = languages_told(segments((ENGLISH, GERMAN), (GERMAN, GERMAN), (ENGLISH, GERMAN), ("Yes.", "Ja.")), cleaning.language)
    assert found["de"] == {
        "sample": 3,
        "agree": 3,
        "agree_percent": 100.0,
        "others": {},
        "dropped": 0,
        "dropped_percent": 0.0,
        "examples": [],
    }
    assert (found["en"]["agree"], found["en"]["others"], found["en"]["dropped"]) == (2, {"de": 1}, 1)
    assert found["en"]["examples"] == [{"where": "a:2", "text": GERMAN}]


def test_languages_that_cannot_be_told_are_left_out(cleaning):
    japanese = "ご連絡ありがとうございます。商品は明日発送いたします。"
    assert list(languages_told(segments((ENGLISH, japanese), languages=("en", "ja")), cleaning.language)) == ["en"]
    assert languages_told(segments(("Yes.", "Ja.")), cleaning.language) == {}


def test_near_texts_are_found_across_the_halves_and_copies_are_not_near():
    near = [f"Could you send us the drawing of the {part} for our machine, please?" for part in ("pump", "pumps")]
    found = near_texts(segments(*((text, "") for text in [*near, near[0].upper()])), 80.0)
    assert (found["sample"], found["count"], found["percent"]) == (1, 1, 100.0)
    assert found["examples"][0] == {"text": near[1], "like": near[0].upper()}
    assert near_texts(segments(("Yes.", ""), ("A completely different sentence.", "")), 80.0)["count"] == 0


def test_one_text_is_near_to_nothing():
    assert near_texts(segments(("Yes.", "Ja.")), 80.0) == {"sample": 0, "count": 0, "percent": 0.0, "from_percent": 80.0, "examples": []}


def test_texts_that_differ_in_values_alone():
    found = same_but_for_values(segments(("Order 123 is late.", ""), ("Order 456 is late.", ""), ("ORDER 123 is late", ""), ("No.", "")))
    assert (found["sample"], found["count"], found["percent"]) == (3, 1, 33.333)
    assert found["examples"][0]["count"] == 2


def test_protected_values_by_kind_and_whether_translations_keep_them():
    found = protected_values(segments(("Mail a@b.com or c@d.com", "Mail an a@b.com"), ("Pay $5", "Zahlen Sie $5"), ("Hi", "Hallo")))
    assert {entry["kind"]: (entry["items"], entry["values"], entry["kept_percent"]) for entry in found} == {
        "email": (1, 2, 50.0),
        "amount": (1, 1, 100.0),
    }
    assert found[0]["percent"] == 33.333


@pytest.fixture
def terms(glossaries):
    return term_counts(
        segments(
            ("The pumps and the pump leak.", "Die Pumpen lecken."),
            ("A pump.", "Ein Gerät."),
            ("The valve.", "Das Absperrorgan."),
            ("The shirt, the shirtmaker", "Das Hemd"),
            ("Hello", "Pumpe"),
        ),
        glossaries,
    )


def test_items_with_a_term_are_counted_once_per_industry(terms):
    assert (terms["items"], terms["percent"], terms["sample"]) == (4, 80.0, 5)
    assert terms["industries"] == [
        {"industry": "machinery", "items": 3, "percent": 60.0, "terms": 2},
        {"industry": "apparel", "items": 1, "percent": 20.0, "terms": 1},
    ]


def test_top_terms_say_how_often_their_translation_stands_beside_them(terms):
    top = {entry["term"]: entry for entry in terms["top"]}
    assert next(iter(top)) == "pump"
    assert top["pump"]["translated"]["de"] == {"compared": 2, "translated": 1, "percent": 50.0}
    assert top["valve"]["translated"]["de"]["percent"] == 100.0, "a locale's word is a listed one"
    assert terms["translated"]["de"] == {"compared": 4, "translated": 3, "percent": 75.0}


def test_a_form_of_two_industries_counts_for_both(glossaries):
    found = term_counts(segments(("A pump.", "x")), glossaries | {"auto": type(glossaries["apparel"])("auto", _as_auto(glossaries))})
    assert {row["industry"]: row["items"] for row in found["industries"]} == {"machinery": 1, "apparel": 0, "auto": 1}


def _as_auto(glossaries):
    pump = glossaries["machinery"].terms[0]
    return (type(pump)("auto/pump", pump.tags, pump.forms),)


def test_messages_are_searched_in_their_own_language(glossaries):
    found = term_counts([Item("a:1", {"de": "Die Pumpe"}, {}), Item("a:2", {"en": "the valve"}, {})], glossaries)
    assert (found["items"], found["translated"]) == (2, {})


def test_without_glossaries_there_is_nothing():
    assert term_counts(segments(("A", "B")), {}) == {}
