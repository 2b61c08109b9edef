import dataclasses

import pytest

from data.glossary import Glossary, GlossaryError, Term, glossary_versions, load_glossaries, word_forms

PUMP = """
industry: machinery
terms:
  - id: pump
    tags: [product]
    en: {base: pump, pl: pumps}
    de: {base: Pumpe, gender: f, pl: Pumpen, dat: Pumpe}
    zh: {base: 泵, classifier: 台}
    es: bomba
"""


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def problems(folder):
    with pytest.raises(GlossaryError) as error:
        load_glossaries(folder)
    return str(error.value).splitlines()


def test_a_term_and_its_forms(tmp_path):
    term = load_glossaries(write(tmp_path, a=PUMP))["machinery"].terms[0]
    assert term.id == "machinery/pump"
    assert term.tags == ("product",)
    assert term.forms["es"] == {"base": "bomba"}
    assert term.surfaces("de") == ["Pumpe", "Pumpen"]  # base first, none twice, no gender
    assert term.surfaces("zh") == ["泵"]
    assert term.surfaces("fr") == []
    with pytest.raises(dataclasses.FrozenInstanceError):
        term.id = "x"


def test_the_article_of_an_english_word_is_no_written_form():
    assert Term("m/x", (), {"en": {"article": "an", "base": "axle", "pl": "axles"}}).surfaces("en") == ["axle", "axles"]


LOCALES = """
industry: apparel
terms:
  - id: zip
    en: {base: zip fastener, pl: zip fasteners}
    en-US: {base: zipper, pl: zippers}
    es: {base: cremallera, gender: f, pl: cremalleras}
    es-MX: {base: cierre, gender: m, pl: cierres}
    es-AR: {base: cierre, gender: m, pl: cierres relámpago}
    est: tõmblukk
    zh: {base: 拉链, classifier: 条}
    zh-Hant: {base: 拉鍊, classifier: 條}
    confused_with: [button, hook]
    note: "Sold by the metre, or ready to sew in."
  - {id: button, en: button}
  - {id: hook, en: hook}
"""


def test_a_locale_is_read_with_its_language_and_written_with_none(tmp_path):
    term = load_glossaries(write(tmp_path, a=LOCALES))["apparel"].terms[0]
    assert term.surfaces("es") == ["cremallera", "cremalleras"]
    assert term.surfaces("es-MX") == ["cierre", "cierres"]
    assert term.read_as("es") == ["cremallera", "cremalleras", "cierre", "cierres relámpago", "cierres"]  # none twice, no Estonian
    assert term.read_as("en") == ["zip fastener", "zip fasteners", "zipper", "zippers"]
    assert term.read_as("zh") == ["拉链", "拉鍊"]
    assert term.read_as("es-MX") == ["cierre", "cierres"]
    assert term.read_as("fr") == []


def test_a_term_names_those_it_must_not_be_confused_with(tmp_path):
    zip_fastener, button, _ = load_glossaries(write(tmp_path, a=LOCALES))["apparel"].terms
    assert zip_fastener.confused_with == ("apparel/button", "apparel/hook")
    assert zip_fastener.note == "Sold by the metre, or ready to sew in."
    assert (button.confused_with, button.note) == ((), "")


def test_confusion_with_terms_that_there_are_not_is_told_at_once(tmp_path):
    wrong = LOCALES.replace("[button, hook]", "[button, buckle, machinery/pump]")
    assert problems(write(tmp_path, a=wrong)) == [
        f"{tmp_path}/a.yaml:4: 'apparel/zip': confused_with names no term: 'apparel/buckle'",
        f"{tmp_path}/a.yaml:4: 'apparel/zip': confused_with names no term: 'apparel/machinery/pump'",
    ]


def test_every_file_is_a_glossary_by_its_industry(tmp_path):
    write(tmp_path, b=PUMP, a="industry: apparel\nterms: []\n")
    (tmp_path / "notes.txt").write_text("not a glossary")
    found = load_glossaries(tmp_path)
    assert list(found) == ["apparel", "machinery"]
    assert found["apparel"] == Glossary("apparel", ())
    assert load_glossaries(tmp_path / "nowhere") == {}


def test_the_versions_of_a_folder_by_industry(tmp_path):
    folder = write(tmp_path, b=PUMP, a=LOCALES)
    assert list(glossary_versions(folder)) == ["apparel", "machinery"]
    assert glossary_versions(folder)["machinery"] == load_glossaries(folder)["machinery"].version
    assert glossary_versions(tmp_path / "nowhere") == {}


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path):
    write(
        tmp_path,
        a="industry: [unclosed",
        b="- just\n- a list",
        c="industry: x\nterms:\n  pump: {}",
        d="""
industry: y
terms:
  - {id: one, en: {pl: ones}}
  - {id: two, en: {base: }}
  - {en: three}
  - {id: four}
  - {id: five, tag: [product], en: five}
  - {id: six, tags: product, en: six}
  - {id: seven, es: no}
  - {id: eight, en: eight}
  - {id: eight, en: ocho}
  - nine
""",
        e=PUMP,
        f=PUMP,
    )
    lines = problems(tmp_path)
    folder = str(tmp_path)
    assert lines[0].startswith(f"{folder}/a.yaml: not readable as YAML: ")
    assert lines[1:] == [
        f"{folder}/b.yaml: needs an industry and a list of terms",
        f"{folder}/c.yaml: needs an industry and a list of terms",
        f"{folder}/d.yaml:4: 'one' needs a base form in each of its languages",
        f"{folder}/d.yaml:5: 'two': base: None is not text (quote it)",
        f"{folder}/d.yaml:6: needs an id",
        f"{folder}/d.yaml:7: 'four' needs a base form in each of its languages",
        f"{folder}/d.yaml:8: 'five': base: ['product'] is not text (quote it)",
        f"{folder}/d.yaml:9: 'six': tags is a list, not 'product'",
        f"{folder}/d.yaml:10: 'seven': base: False is not text (quote it)",  # YAML reads `no` as false
        f"{folder}/d.yaml:11: the id 'y/eight' stands 2 times",
        f"{folder}/d.yaml:12: the id 'y/eight' stands 2 times",
        f"{folder}/d.yaml:13: needs an id",
        f"{folder}/f.yaml: the industry 'machinery' stands in another file too",
    ]


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes("industry: Möbel".encode("latin-1"))
    assert len(problems(tmp_path)) == 1
    assert "a.yaml: not readable as YAML: 'utf-8' codec can't decode" in problems(tmp_path)[0]


@pytest.mark.parametrize("value", [None, 304, True, ["a"], {"base": 304}])
def test_forms_are_text_and_nothing_else(value):
    with pytest.raises(ValueError, match=r"base: .* is not text \(quote it\)"):
        word_forms(value)
    assert word_forms("304") == word_forms({"base": "304"}) == {"base": "304"}


RULES = """
industry: electronics
terms:
  - id: light
    pos: Noun
    case: keep
    en: {base: LED, pl: LEDs, synonyms: [light-emitting diode, {base: diode lamp, pl: diode lamps}], forbidden: [lamp, light]}
    de: LED
  - {id: brand, pos: proper noun, translate: false, en: Quayside Pro}
"""


def test_synonyms_forbidden_words_and_rules(tmp_path):
    light, brand = load_glossaries(write(tmp_path, a=RULES))["electronics"].terms
    assert light.surfaces("en") == ["LED", "LEDs", "light-emitting diode", "diode lamp", "diode lamps"]
    assert light.forms["en"] == {"base": "LED", "pl": "LEDs"}
    assert light.forbidden == {"en": ("lamp", "light")}
    assert (light.case, light.pos, light.translate) == ("keep", "noun", True)
    assert (brand.case, brand.pos, brand.translate) == ("ignore", "proper noun", False)


def test_rules_that_are_none_are_told(tmp_path):
    wrong = RULES.replace("keep", "upper").replace("translate: false", "translate: maybe")
    wrong = wrong.replace("de: LED", "de: {base: LED, synonyms: Diode}")
    assert problems(write(tmp_path, a=wrong)) == [
        f"{tmp_path}/a.yaml:4: 'light': case is ignore or keep, not 'upper'",
        f"{tmp_path}/a.yaml:9: 'brand': translate is true or false, not 'maybe'",
    ]
    assert problems(write(tmp_path, a=wrong.replace("upper", "keep")))[0] == (
        f"{tmp_path}/a.yaml:4: 'light': synonyms is a list, not 'Diode'"
    )


def test_aliases_that_grow_without_end_are_shown_short(tmp_path):
    lists = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
    bomb = f"l0: &l0 lol\n{lists}\nindustry: x\nterms:\n  - {{id: a, en: *l11}}\n"
    (line,) = problems(write(tmp_path, a=bomb))
    assert line.startswith(f"{tmp_path}/a.yaml:15: 'a': base: [[[...], [...]")
    assert len(line) < 600
