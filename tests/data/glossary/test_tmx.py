from data.glossary.files import read_glossary, write_glossary
from data.glossary.loading import Problem

HEAD = '<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header srclang="en"/><body>\n'
GOOD = """<tu tuid="pump"><note>n</note><tuv xml:lang="en-US"><seg>pump</seg></tuv><tuv xml:lang="en-US"><seg>lifter</seg></tuv>
<tuv xml:lang="de-DE"><seg>Pumpe</seg></tuv></tu>\n"""


def read(tmp_path, text):
    (tmp_path / "a.tmx").write_text(text, encoding="utf-8")
    return read_glossary(tmp_path / "a.tmx")


def test_every_variant_of_a_language_is_kept(tmp_path):
    (term,) = read(tmp_path, HEAD + GOOD + "</body></tmx>").glossary.terms
    assert (term.id, term.note) == ("a/pump", "n")
    assert term.surfaces("en") == ["pump", "lifter"]
    assert term.surfaces("de") == ["Pumpe"]


def test_broken_units_are_told_with_their_line(tmp_path):
    bad = (
        '<tu><tuv><seg>x</seg></tuv></tu>\n<tu><tuv xml:lang="q9"><seg>x</seg></tuv></tu>\n<tu><tuv xml:lang="en"><seg>&x;</seg></tuv></tu>'
    )
    loaded = read(tmp_path, HEAD + GOOD + bad + "</body></tmx>")
    reasons = ["a <tuv> has no xml:lang", "'q9' is no language's code", "the entity &x; is not known"]
    assert loaded.problems == tuple(Problem(str(tmp_path / "a.tmx"), line, reason) for line, reason in enumerate(reasons, 5))
    assert len(loaded.glossary.terms) == 1


def test_a_forbidden_word_is_no_variant(tmp_path):
    (tmp_path / "a.csv").write_text("en,en.forbidden\npump,thing\n", encoding="utf-8")
    write_glossary(tmp_path / "b.tmx", read_glossary(tmp_path / "a.csv").glossary)
    text = (tmp_path / "b.tmx").read_text(encoding="utf-8")
    assert '<prop type="x-forbidden">thing</prop>' in text
    assert "<seg>thing</seg>" not in text


def test_an_unknown_entity_of_a_file_without_document_type_ends_it(tmp_path):
    plain = HEAD.replace('<!DOCTYPE tmx SYSTEM "tmx14.dtd">', "")
    loaded = read(tmp_path, plain + GOOD + GOOD.replace("pump<", "pump&nbsp;<") + "</body></tmx>")
    reason = "the file breaks off or is damaged from here on: Entity 'nbsp' not defined, line 5"
    assert loaded.problems == (Problem(str(tmp_path / "a.tmx"), 5, reason),)
    assert len(loaded.glossary.terms) == 1
