import re
from html.parser import HTMLParser

import pytest

from data.profiling.page import page

VOID = {"meta", "br"}


class Checked(HTMLParser):
    """Fails on tags that are not closed in order; keeps headings and what the page would load."""

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.loaded = [], [], []

    def handle_starttag(self, tag, attrs):
        self.loaded += [(name, value) for name, value in attrs if name in {"src", "href"} or name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def parsed(text):
    found = Checked()
    found.feed(text)
    assert found.open == []
    return found


def test_the_page_of_parallel_text(look, pairs):
    found = parsed(page(look(pairs)))
    assert found.headings == [
        *("Findings", "Files", "Lengths", "Length ratios", "Copies", "Most frequent texts", "Suspicious lines", "Languages by their words"),
        *("Unusual characters", "Terms", "Protected values", "Rejected lines", "In the parameters"),
    ]


def test_the_page_of_messages_has_labels_and_no_ratios(look, messages):
    text = page(look(messages, language="en"))
    assert "Labels" in parsed(text).headings
    assert "Length ratios" not in parsed(text).headings
    assert "The largest intent has 7.0 times as many messages as the smallest. 1 have fewer than 3 messages" in text


def test_nothing_is_loaded_and_nothing_runs(look, pairs):
    text = page(look(pairs))
    assert parsed(text).loaded == []
    assert "<script" not in text
    assert not re.search(r"url\(|@import|https?://", text)
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("where", ["text", "intent", "name"])
def test_every_text_is_escaped(look, tmp_path, where):
    evil = "<img src=x onerror=alert(1)>"
    path = tmp_path / (f"{evil}.csv" if where == "name" else "a.csv")
    row = {"text": "hello you there", "intent": "refund", "name": ""} | {where: evil}
    path.write_text("text,intent\n" + f"{row['text']},{row['intent']}\n" * 3 + "broken\n" + f"{evil},x,y\n", encoding="utf-8")
    text = page(look(path, language="en"))
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    parsed(text)


def test_a_clean_set_says_so(look, tmp_path):
    path = tmp_path / "a.tsv"
    words = ("green", "small", "round", "heavy", "cheap", "broken")
    path.write_text("en\tde\n" + "".join(f"{word} {'x' * n}\t{word} {'y' * n}\n" for n, word in enumerate(words)), encoding="utf-8")
    profile = {**look(path), "findings": [], "suspicious": [], "protected": []}
    assert "Nothing stands out." in page(profile)
    assert "Nothing is suspicious." in page(profile)
