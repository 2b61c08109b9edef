from pathlib import Path

import pytest

from configs.schema import ROOT
from data.glossary.checking import check, form_problems, term_problems
from data.glossary.loading import term_of

pytest.importorskip("opencc")


def reasons(tmp_path, text, **options):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    return [(problem.line, problem.reason) for problem in check([path], **options)[1]]


def problems_of(**entry):
    return list(term_problems(term_of("m", {"id": "t", **entry})))


def test_the_shipped_glossaries_have_no_problem():
    paths = sorted((ROOT / "data/glossaries").glob("*.yaml"))
    files, problems = check(paths)
    assert [str(problem) for problem in problems] == []
    assert len(files) == 6
    assert sum(len(file.glossary.terms) for file in files) == 879


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        (" ", "en", "empty"),
        ("ä" * 513, "de", "1,026 bytes; a term has at most 1,024"),
        ("<b>pump</b>", "en", "holds markup (<b>)"),
        ("Nuts &amp; bolts", "en", "holds markup (&amp;)"),
        ("{0} pumps", "en", "holds markup ({0})"),
        (" pump", "en", "begins or ends with a space"),
        ("pu\u200bmp", "en", "holds a control or invisible character (U+200B)"),
        ("pu\tmp", "en", "holds a control or invisible character (U+0009)"),
        ("pump\ue000", "en", "holds a control or invisible character (U+E000)"),
        ("Pumpe 泵", "de", "Chinese letters (泵) in de"),
        ("насос", "es", "Cyrillic letters (н) in es"),
        ("hydraulic pump", "zh", "no Chinese letter in zh"),
        ("Hydraulic Pump", "zh", "no Chinese letter in zh"),
        ("液壓泵", "zh", "Traditional characters (壓) in zh; in Simplified it is 液压泵"),
        ("液压泵", "zh-Hant", "Simplified characters (压) in zh-Hant; in Traditional it is 液壓泵"),
        ("轴與泵", "zh", "mixes Traditional characters (與) with Simplified ones; in Simplified it is 轴与泵"),
    ],
)
def test_a_form_that_cannot_be_one(text, language, reason):
    assert list(form_problems(text, language, name=False)) == [reason]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ä" * 512, "de"),
        *[("R&D", "en"), ("µm-Filter", "de"), ("50 % off", "en"), ("Ω-Messgerät", "de"), ("CO₂", "de")],
        *[
            ("LED", "zh"),
            ("Wi-Fi 6", "zh"),
            ("Bluetooth", "zh"),
            ("LED面板灯", "zh"),
            ("后台", "zh"),
            ("皇后", "zh-Hant"),
            ("平台", "zh-Hant"),
        ],
        *[("泵", "ja"), ("ポンプ", "ja"), ("насос", "ru")],
    ],
)
def test_a_form_that_may_be_one(text, language):
    assert list(form_problems(text, language, name=False)) == []


def test_a_name_is_written_alike_everywhere():
    assert problems_of(en="quayside pro", zh="quayside pro", translate=False) == []
    assert problems_of(en="quayside pro", zh="quayside pro", pos="proper noun") == []
    assert problems_of(en="quayside pro", zh="quayside", translate=False) == [
        "is not to be translated, but is written quayside, quayside pro"
    ]


@pytest.mark.parametrize(
    ("language", "text"), [("en", "the"), ("en", "The"), ("de", "der"), ("es", "él"), ("zh", "的"), ("zh-Hant", "不是")]
)
def test_a_word_of_which_every_message_is_full(language, text):
    hint = "" if text.islower() or language.startswith("zh") else " (case: keep tells it apart by its capitals)"
    assert problems_of(**{language: text}) == [f"{language} {text!r}: a word of which every message is full{hint}"]


def test_words_that_are_terms_after_all():
    assert problems_of(en="WHO", case="keep") == []
    assert problems_of(zh="泵") == []
    assert problems_of(en="x") == ["en 'x': a single character"]


def test_what_is_forbidden_is_not_admitted():
    entry = {"base": "pump", "pl": "Pumps", "synonyms": ["lifter"], "forbidden": ["PUMPS", "lifter", "thing"]}
    assert problems_of(en=entry) == ["en 'PUMPS': is forbidden and admitted", "en 'lifter': is forbidden and admitted"]
    assert problems_of(en=entry, case="keep") == ["en 'lifter': is forbidden and admitted"]
    assert problems_of(est="pump") == ["'est' is no language's code"]


def test_one_word_has_one_translation(tmp_path):
    text = "id,confused_with,en,de\na,,pump,Pumpe\nb,,PUMP,Pumpe\nc,,Pump | x2,Kolben\nd,a,pump,Druckpumpe\n"
    place = f"at {tmp_path}/a.csv:2"
    found = [
        (3, f"a/b: en 'pump': stands for a/a too, a duplicate, {place}"),
        (3, f"a/b: de 'pumpe': stands for a/a too, a duplicate, {place}"),
        (4, f"a/c: en 'pump': is 'Kolben' in de here, and 'Pumpe' as a/a {place}"),
    ]
    assert reasons(tmp_path, text) == found
    assert reasons(tmp_path, text, source="de") == found[1:2]


def test_two_industries_may_translate_differently(tmp_path):
    for name, word in (("a", "Pumpe"), ("b", "Kolben")):
        (tmp_path / f"{name}.csv").write_text(f"en,de\npump,{word}\n", encoding="utf-8")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert check(paths)[1] == []
    assert [problem.file for problem in check(paths, industry="m")[1]] == [str(tmp_path / "b.csv")]


def test_broken_files_do_not_hide_the_others(tmp_path):
    (tmp_path / "b.csv").write_text("en,de\nthe,der\n", encoding="utf-8")
    files, problems = check([Path("nowhere.csv"), tmp_path / "b.csv"])
    assert [str(file.path) for file in files] == [str(tmp_path / "b.csv")]
    assert [(problem.file, problem.line) for problem in problems] == [("nowhere.csv", 0)] + [(str(tmp_path / "b.csv"), 2)] * 2
    assert str(problems[0]).startswith("nowhere.csv: no such file or folder; ")
