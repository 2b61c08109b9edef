import re
from html.parser import HTMLParser

import pytest

from eval.show_report import page

LANGUAGES = ("en", "zh", "de", "es")
PAIRS = [f"{source}-{target}" for source in LANGUAGES for target in LANGUAGES if source != target]
SIGNATURE = {
    "data": "d" * 64,
    "bundles": {"en-xx": "b" * 64},
    "git": "abc",
    "machine": {"architecture": "x86_64", "processor": "Fast & <Small>", "flags": ["avx2"], "cores": 2},
    "versions": {"onnxruntime": "1.31.1"},
}
TALLY = {
    "read": 1618,
    "rejected": 7,
    "kept": {"test": 240, "train": 1300},
    "dropped": {"length_ratio": 70, "copies": 8},
    "examples": {
        "copies": ["Hi & <bye> | Hi & <bye>"],
        "length_ratio": ["Ja. | Yes, of course it is.", "Nein. | No, of course it is not."],
    },
}
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Checks that tags close in order, and keeps the tags, attributes and text of a page."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(report) -> Reader:
    reader = Reader()
    reader.feed(page(report))
    assert reader.open == []
    return reader


@pytest.fixture
def report():
    def pair(number: int, name: str) -> dict:
        return {
            "chrf": 60.0 + number,
            "chrf_low": 58.5,
            "chrf_high": 63.25,
            "chrf_signature": "nrefs:1|nc:6",
            "bleu": 40.0,
            "direct": "en" in name,
            "tm_baseline_chrf": 41.5,
            "segments": 1240,
        }

    return {
        "profile": "demo",
        "translation": {name: pair(number, name) for number, name in enumerate(PAIRS)},
        "terms": {"en-de": {"none": 81.25, "terms": 200}},
        "intents": {"macro_f1": 71.125, "ece": None, "by_language": {"de": {"macro_f1": 68.5}}},
        "robustness": {"translation": {"en-de": {"clean": 61.5, "typos": 55.25}}, "intents": {"clean": 71.125, "typos": 64.875}},
        "latency": {"translate": {"rate_per_s": 5.0, "p95_ms": 81.75, "p95_ms_low": 70.25, "p95_ms_high": 95.5, "failures": {"503": 2}}},
        "serving": {"ready_s": 4.25, "rss_mb": 512.0},
        "parity": {"en-xx": {"logits_max_abs": 0.000012}},
        "data": {
            "intents": {"parts": {"train": {"de": 3141}}, "sources": {}},
            "translation": {"parts": {"train": {"segments": 27182, "patterns": 190}}, "sources": {"data/<my> set.tsv": TALLY}},
        },
        "signature": SIGNATURE,
    }


def test_the_page_loads_nothing_from_anywhere(report):
    text = page(report)
    assert not re.search(r"https?:|//|url\(|@import", text)
    found = read(report)
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert not {"src", "href"} & {name for name, _ in found.attributes}


def test_the_matrix_has_every_pair_once_in_row_and_column(report):
    matrix = re.search(r"<table class='matrix'>.*?</table>", page(report), re.DOTALL)[0]
    rows = re.findall(r"<tr>(.*?)</tr>", matrix)
    assert len(rows) == 5
    assert [re.findall(r"<th scope='(?:col|row)'>(..)</th>", row) for row in rows] == [list(LANGUAGES), *([name] for name in LANGUAGES)]
    cells = [re.findall(r"<td.*?</td>", row) for row in rows[1:]]
    for source, row in zip(LANGUAGES, cells, strict=True):
        for target, cell in zip(LANGUAGES, row, strict=True):
            if source == target:
                assert cell == "<td>·</td>"
            else:
                assert f"<b>{60 + PAIRS.index(f'{source}-{target}')}.00</b>" in cell
                assert "memory 41.50" in cell
                assert ("pivoted" in cell) is ("en" not in (source, target))


def test_every_number_stands_on_the_page(report):
    text = read(report).text
    for part in ("81.25", "71.12", "68.50", "81.75", "70.25 to 95.50", "4.25", "512.00", "1.2e-05", "1,240", "58.50 to 63.25", "–"):
        assert part in text
    assert text.count("nrefs:1|nc:6") == 1
    for heading in ("largest difference of a logit", "macro-F1", "p95, ms", "start to ready, s"):
        assert heading in text
    assert "chrf low" not in text


def test_the_signature_stands_on_the_page_escaped(report):
    assert "Fast &amp; &lt;Small&gt;" in page(report)
    assert read(report).text.count("Fast & <Small>") == 2  # at the top, and in the section
    assert "d" * 64 in page(report)


def test_what_was_not_measured_says_so():
    text = read({"profile": "demo", "signature": SIGNATURE}).text
    assert text.count("not measured") == 14
    assert "only the shipped data" not in text


def section(report, title: str) -> str:
    """The HTML of one section of the page."""
    (found,) = re.findall(rf"<section><h2>{title}</h2>.*?</section>", page(report), re.DOTALL)
    return str(found)


def rows(html: str) -> list[list[str]]:
    """The text of every cell of the tables."""
    lines = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[re.sub(r"<[^>]*>", " ", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL)] for line in lines]


def test_forgetting_has_a_row_per_fine_tuned_pair(report):
    assert "not measured" in section(report, "Forgetting")
    report["forgetting"] = {}
    assert "no model was fine-tuned" in section(report, "Forgetting")
    measured = {"chrf_base": 40.0, "chrf": 62.5, "segments": 240}
    general = {"chrf_general_base": 55.5, "chrf_general": 55.25, "general_drop": 0.25, "general_drop_upper": 0.75, "segments_general": 200}
    report["forgetting"] = {"en-de": {**measured, **general}, "en-es": {**measured, "segments_general": 0}}
    lost = ["chrF of the base, general text", "chrF, general text", "lost on general text", "lost, upper end", "segments, general text"]
    assert rows(section(report, "Forgetting")) == [
        ["pair", "chrF of the base", "chrF", "segments", *lost],
        ["en-de", "40.00", "62.50", "240", "55.50", "55.25", "0.25", "0.75", "200"],
        ["en-es", "40.00", "62.50", "240", "–", "–", "–", "–", "0"],
    ]


def test_robustness_has_a_row_per_direction_and_one_for_the_intents(report):
    assert rows(section(report, "Robustness")) == [
        ["model", "clean", "typos"],
        ["translation en-de", "61.50", "55.25"],
        ["intents", "71.12", "64.88"],
    ]
    del report["robustness"]["intents"]
    assert len(rows(section(report, "Robustness"))) == 2


def test_data_has_a_row_per_part(report):
    assert rows(section(report, "Data")) == [
        ["part", "de", "segments", "patterns"],
        ["intents, train", "3,141", "–", "–"],
        ["translation, train", "–", "27,182", "190"],
    ]


def test_a_data_set_shows_what_became_of_its_lines_with_examples(report):
    html = section(report, "Data sets brought by users")
    header, counts, *examples = rows(html)
    assert dict(zip(header, counts, strict=True)) == {
        "source": "translation: data/&lt;my&gt; set.tsv",
        "read": "1,618",
        "rejected": "7",
        "kept: test": "240",
        "kept: train": "1,300",
        "dropped: length ratio": "70",
        "dropped: copies": "8",
    }
    assert examples == [
        ["copies", "Hi &amp; &lt;bye&gt; | Hi &amp; &lt;bye&gt;"],
        ["length_ratio", "Ja. | Yes, of course it is. Nein. | No, of course it is not."],
    ]
    assert "<summary>Dropped from data/&lt;my&gt; set.tsv, examples</summary>" in html


def test_two_data_sets_share_a_table_and_only_what_was_dropped_has_examples(report):
    other = {"read": 5, "rejected": 0, "kept": {"train": 5}, "dropped": {}, "examples": {}}
    report["data"]["intents"]["sources"] = {"messages.csv": other}
    html = section(report, "Data sets brought by users")
    assert html.count("<details>") == 1
    assert rows(html)[1] == ["intents: messages.csv", "5", "0", "5", "–", "–", "–"]
    assert rows(html)[2][0] == "translation: data/&lt;my&gt; set.tsv"


def test_without_data_sets_of_users_it_says_so(report):
    report["data"]["translation"]["sources"] = {}
    html = section(report, "Data sets brought by users")
    assert "none: only the shipped data was used" in html
    assert "<table" not in html


def test_gates_are_shown_where_they_were_judged(report):
    gate = {"name": "chrF <en-de>", "measured": 54.0, "rule": "at_least", "limit": 55.0}
    report["gates"] = [{**gate, "ok": False}, {**gate, "ok": True}, {**gate, "ok": None, "measured": None}]
    text = read(report).text
    for part in ("BROKENchrF <en-de>54.00at least 55.00", "okchrF <en-de>54.00", "skippedchrF <en-de>–"):
        assert part in text


def test_both_light_and_dark_have_colours(report):
    text = page(report)
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
