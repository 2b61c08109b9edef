from pathlib import Path

from data.glossary import Glossary
from data.glossary.comparing import Change, difference, merge
from data.glossary.loading import Loaded, term_of


def loaded(name, *entries):
    terms = tuple(term_of(name, entry) for entry in entries)
    return Loaded(Path(f"{name}.csv"), Glossary(name, terms), tuple(range(2, 2 + len(terms))), ())


OLD = loaded("a", {"id": "pump", "tags": ["x", "y"], "en": "pump", "de": {"base": "Pumpe", "pl": "Pumpen"}}, {"id": "gone", "en": "gone"})
NEW = loaded(
    "b",
    {"id": "pump", "tags": ["y", "x"], "de": {"base": "Pumpe", "synonyms": ["Förderer"]}, "en": "pump", "zh": "泵", "translate": False},
    {"id": "new", "en": "new"},
)


def test_a_difference_says_what_changed():
    found = difference(OLD.glossary, NEW.glossary)
    assert (found.added, found.removed) == (("new",), ("gone",))
    assert found.changed == {
        "pump": (
            Change("de.pl", "Pumpen", ""),
            Change("de.synonyms", "", "Förderer"),
            Change("translate", "", "false"),
            Change("zh", "", "泵"),
        )
    }
    assert not difference(OLD.glossary, OLD.glossary).changed


def test_in_a_merge_later_files_win_and_conflicts_are_told():
    other = loaded("c", {"id": "pump", "de": "Kolben", "zh": "泵"})
    glossary, conflicts = merge([OLD, NEW, other], "m")
    assert [term.id for term in glossary.terms] == ["m/pump", "m/gone", "m/new"]
    assert glossary.terms[0].forms == {"en": {"base": "pump"}, "de": {"base": "Kolben"}, "zh": {"base": "泵"}}
    assert conflicts == ["c.csv:2: pump: de is 'Kolben', b.csv:2 had 'Pumpe'"]
