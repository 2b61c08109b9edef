import pytest

from data.glossary.files import read_glossary, write_glossary
from data.glossary.loading import Problem
from data.glossary.tables import alternatives, cell


def read(tmp_path, text, name="a.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_glossary(tmp_path / name)


@pytest.mark.parametrize("texts", [["a"], ["a", "b c"], ["a|b", "\\"], ["\\|", "|"], ["a\\nb", "a\nb"], ["", "x"], ["\\\\", "b"]])
def test_alternatives_are_read_as_they_were_written(texts):
    assert alternatives(cell(texts)) == texts


def test_the_nth_form_is_of_the_nth_word(tmp_path):
    (term,) = read(tmp_path, "id,en,en.pl,en.forbidden,de\np,pump | lifter | hoist,pumps | | hoists,thing | gadget,Pumpe\n").glossary.terms
    assert term.forms == {"en": {"base": "pump", "pl": "pumps"}, "de": {"base": "Pumpe"}}
    assert term.synonyms == {"en": ({"base": "lifter"}, {"base": "hoist", "pl": "hoists"})}
    assert term.forbidden == {"en": ("thing", "gadget")}


def test_broken_rows_are_told_with_their_line(tmp_path):
    text = "id,en,en.pl,case,translate,Kommentar\na,x | y,1 | 2 | 3,,,\nb,,xs,,,\nc,x,,upper,,\nd,x,,,perhaps,\ne,x\nf,x,,,no,\n"
    loaded = read(tmp_path, text)
    path = str(tmp_path / "a.csv")
    columns = "industry, id, tags, pos, case, translate, confused_with, note"
    assert loaded.problems == (
        Problem(path, 1, f"the column 'Kommentar' is neither a language nor one of {columns}, and is passed over"),
        Problem(path, 2, "the column en.pl has 3 alternatives, but en has 2"),
        Problem(path, 3, "the column en.pl has 1 alternatives, but en has 0"),
        Problem(path, 4, "'c': case is ignore or keep, not 'upper'"),
        Problem(path, 5, "'d': translate is true or false, not 'perhaps'"),
        Problem(path, 6, "2 fields, expected 6"),
    )
    assert [(term.name, term.translate) for term in loaded.glossary.terms] == [("f", False)]


def test_rows_that_name_their_languages(tmp_path):
    text = (
        "stringID,sourceLang,targetLang,pos,description,sourceString,targetString\n"
        '1,en,zh_CN,noun,"A virus, in short.",virus,病毒 [the germ] : 滤过性病毒\n'
        "2,en,es_XX,,,mask,mascarilla\n"
        ",,es_XX,,,,\n"
        "3,en,xx,,,mask,mascarilla\n"
    )
    loaded = read(tmp_path, text, "terms.csv")
    virus, mask = loaded.glossary.terms
    assert virus.id == "terms/1"
    assert virus.surfaces("zh") == ["病毒", "滤过性病毒"]
    assert (virus.pos, virus.note) == ("noun", "A virus, in short. 病毒: the germ.")
    assert mask.forms == {"en": {"base": "mask"}, "es": {"base": "mascarilla"}}
    assert loaded.problems == (Problem(str(tmp_path / "terms.csv"), 5, "'xx' is no language's code"),)


def test_a_cell_that_looks_like_a_formula_is_text(tmp_path):
    glossary = read(tmp_path, "id,en\na,=1+1\n").glossary
    write_glossary(tmp_path / "a.xlsx", glossary)
    assert read_glossary(tmp_path / "a.xlsx").glossary.version == glossary.version
