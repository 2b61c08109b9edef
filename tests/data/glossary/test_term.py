import dataclasses
import random

import pytest

from data.glossary import Glossary, Term
from data.glossary.loading import term_of
from data.glossary.term import entry_of

BRAND = Term("m/brand", (), {"en": {"base": "Quayside Pro"}}, translate=False)
ENTRY = {
    "id": "pump",
    "tags": ["product", "part"],
    "pos": "noun",
    "case": "keep",
    "en": {"base": "pump", "pl": "pumps", "synonyms": ["lifter", {"base": "hoist", "pl": "hoists"}], "forbidden": ["thing", "gadget"]},
    "zh": {"base": "泵", "classifier": "台"},
    "confused_with": ["valve", "motor"],
    "note": "n",
    "translate": False,
}


def test_what_is_not_translated_is_written_alike_everywhere():
    assert BRAND.surfaces("de") == BRAND.read_as("zh") == ["Quayside Pro"]
    assert dataclasses.replace(BRAND, translate=True).surfaces("de") == []


def test_a_term_is_written_as_it_was_read():
    assert entry_of(term_of("m", ENTRY)) == ENTRY
    assert entry_of(term_of("m", {"id": "a", "en": "b"})) == {"id": "a", "en": {"base": "b"}}


def test_a_version_does_not_hang_on_any_order_but_that_of_synonyms():
    terms = [term_of("m", ENTRY), BRAND]
    version = Glossary("m", tuple(terms)).version
    assert len(version) == 12
    shuffled = {key: ENTRY[key] for key in random.Random(1).sample(list(ENTRY), len(ENTRY))}
    shuffled |= {"tags": ["part", "product"], "confused_with": ["motor", "valve"]}
    shuffled["en"] = dict(reversed(ENTRY["en"].items())) | {"forbidden": ["gadget", "thing"]}
    assert Glossary("m", (BRAND, term_of("m", shuffled))).version == version
    shuffled["en"] |= {"synonyms": ENTRY["en"]["synonyms"][::-1]}
    assert Glossary("m", (BRAND, term_of("m", shuffled))).version != version


@pytest.mark.parametrize("change", [{"note": "m"}, {"case": "ignore"}, {"pos": "verb"}, {"translate": True}, {"zh": "泵"}, {"tags": []}])
def test_a_version_changes_with_what_is_said(change):
    versions = {Glossary("m", (term_of("m", entry),)).version for entry in (ENTRY, ENTRY | change)}
    versions.add(Glossary("n", (term_of("n", ENTRY),)).version)
    assert len(versions) == 3
