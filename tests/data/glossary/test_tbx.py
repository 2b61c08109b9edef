import pytest

from data.glossary.files import read_glossary, write_glossary
from data.glossary.loading import Problem

OLD = """<?xml version="1.0"?>
<!DOCTYPE martif SYSTEM "TBXcoreStructV02.dtd">
<martif type="TBX" xml:lang="en"><martifHeader><fileDesc><sourceDesc><p>x</p></sourceDesc></fileDesc></martifHeader><text><body>
<termEntry id="c1"><descrip type="subjectField">machinery</descrip><descrip type="definition">Moves fluids.</descrip>
<langSet xml:lang="en-US">
<tig><term>lifter</term><termNote type="administrativeStatus">admittedTerm-admn-sts</termNote></tig>
<ntig><termGrp><term>pump <hi>unit</hi></term><termNote type="partOfSpeech">noun</termNote>
<termNote type="administrativeStatus">preferredTerm-admn-sts</termNote></termGrp></ntig>
<tig><term>thing</term><termNote type="administrativeStatus">deprecatedTerm-admn-sts</termNote></tig></langSet>
<langSet xml:lang="de-DE"><tig><term>Pumpe</term><termNote type="grammaticalGender">feminine</termNote></tig></langSet>
</termEntry></body></text></martif>"""
NEW_DCT = """<tbx style="dct" type="TBX-Basic" xml:lang="en" xmlns="urn:iso:std:iso:30042:ed-2"
 xmlns:min="http://www.tbxinfo.net/ns/min" xmlns:basic="http://www.tbxinfo.net/ns/basic"><tbxHeader/><text><body>
<conceptEntry id="c1"><min:subjectField>machinery</min:subjectField><basic:definition>Moves fluids.</basic:definition>
<langSec xml:lang="en-US">
<termSec><term>lifter</term><min:administrativeStatus>admittedTerm-admn-sts</min:administrativeStatus></termSec>
<termSec><term>pump unit</term><min:partOfSpeech>noun</min:partOfSpeech>
<min:administrativeStatus>preferredTerm-admn-sts</min:administrativeStatus></termSec>
<termSec><term>thing</term><min:administrativeStatus>supersededTerm-admn-sts</min:administrativeStatus></termSec></langSec>
<langSec xml:lang="de"><termSec><term>Pumpe</term><basic:grammaticalGender>feminine</basic:grammaticalGender></termSec></langSec>
</conceptEntry></body></text></tbx>"""


def read(tmp_path, text):
    (tmp_path / "a.tbx").write_text(text, encoding="utf-8")
    return read_glossary(tmp_path / "a.tbx")


@pytest.mark.parametrize("text", [OLD, NEW_DCT])
def test_both_editions_and_styles_say_the_same(tmp_path, text):
    loaded = read(tmp_path, text)
    (term,) = loaded.glossary.terms
    assert loaded.problems == ()
    assert term.id == "machinery/c1"
    assert term.forms == {"en": {"base": "pump unit"}, "de": {"base": "Pumpe", "gender": "f"}}
    assert term.synonyms == {"en": ({"base": "lifter"},)}
    assert term.forbidden == {"en": ("thing",)}
    assert (term.pos, term.note) == ("noun", "Moves fluids.")


def test_a_new_one_is_written_that_says_the_same(tmp_path):
    glossary = read(tmp_path, OLD).glossary
    write_glossary(tmp_path / "b.tbx", glossary)
    text = (tmp_path / "b.tbx").read_text(encoding="utf-8")
    assert '<tbx style="dca" type="TBX-Basic"' in text
    assert '<termNote type="administrativeStatus">deprecatedTerm-admn-sts</termNote>' in text
    assert read_glossary(tmp_path / "b.tbx").glossary.version == glossary.version


def test_what_tbx_basic_has_no_category_for_is_another_dialect(tmp_path):
    glossary = read(tmp_path, NEW_DCT.replace("<langSec", '<admin type="tag">part</admin><langSec', 1)).glossary
    assert glossary.terms[0].tags == ("part",)
    write_glossary(tmp_path / "b.tbx", glossary)
    assert 'type="TBX-Quayside"' in (tmp_path / "b.tbx").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('xml:lang="de-DE"', 'xml:lang="q9"', "'q9' is no language's code"),
        (' xml:lang="de-DE"', "", "a <langSet> has no xml:lang"),
        ('xml:lang="de-DE"', 'xml:lang="en_us"', "more than one <langSet> is in en-US"),
        ("Pumpe", "&pumpe;", "the entity &pumpe; is not known"),
        ("<term>Pumpe</term>", "", "'c1' needs a base form in each of its languages"),
    ],
)
def test_a_broken_concept_is_told_with_its_line(tmp_path, before, after, reason):
    assert before in OLD
    loaded = read(tmp_path, OLD.replace(before, after))
    assert loaded.problems == (Problem(str(tmp_path / "a.tbx"), 4, reason),)
