import io

import pytest
from rich.console import Console

from data.profiling.tables import sections, show, table


def printed(profile):
    out = io.StringIO()
    show(profile, Console(file=out))
    return out.getvalue()


def test_a_hundred_columns_are_enough(look, pairs):
    text = printed(look(pairs))
    assert max(map(len, text.splitlines())) <= 100
    assert "Taken for parallel text in en, de, by the names of its columns." in text
    assert "1. stops the preparation: Lines that could not be read: 1 (9.1 %)." in text


def test_the_findings_come_last(look, pairs, messages):
    for profile in (look(pairs), look(messages, language="en")):
        assert [title for title, _ in sections(profile)][-1] == "Findings"


def test_messages_have_tables_of_labels(look, messages):
    text = printed(look(messages, language="en"))
    assert "3 intents, the largest 7.0 times the smallest" in text
    assert [line.split() for line in text.splitlines() if line.startswith("refund")] == [["refund", "7", "58.3", "%"]]
    assert "angry" in text


def test_a_sample_is_said(look, pairs):
    assert "(sample of 4)" in printed({**look(pairs), "sampled": {"items": 4, "all": False}})


def test_brackets_and_escapes_of_a_text_are_text():
    out = io.StringIO()
    Console(file=out, width=100).print(table(("a", "b"), [("[red]x[/red]", "[/nothing]")]))
    assert "[red]x[/red]" in out.getvalue()
    assert "[/nothing]" in out.getvalue()


@pytest.mark.parametrize(("rows", "more"), [(15, ""), (16, "... and 1 more"), (1_016, "... and 1,001 more")])
def test_a_long_table_says_what_is_left_out(rows, more):
    out = io.StringIO()
    Console(file=out, width=100).print(table(("n",), [(n,) for n in range(rows)]))
    assert (more in out.getvalue()) if more else ("more" not in out.getvalue())


def test_nothing_stands_out(look, pairs):
    assert "Nothing stands out." in printed({**look(pairs), "findings": []})
