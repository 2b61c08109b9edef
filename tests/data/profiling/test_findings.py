from data.cleaning import FILTERS
from data.profiling.characters import ODD
from data.profiling.findings import ADVICE, LEVELS, ODD_ADVICE, find


def texts(profile):
    return [finding["text"] for finding in profile["findings"]]


def finding(profile, start):
    found = [f for f in profile["findings"] if f["text"].startswith(start)]
    assert len(found) == 1, texts(profile)
    return found[0]


def test_findings_of_parallel_text(look, pairs):
    profile = look(pairs)
    levels = [LEVELS.index(found["level"]) for found in profile["findings"]]
    assert levels == sorted(levels), "what stops the preparation comes first"
    assert texts(profile)[0] == "Lines that could not be read: 1 (9.1 %)."
    assert finding(profile, "Lines that")["recommendation"].startswith("The preparation fails above 1 %: mend the lines")
    copies = finding(profile, "1 segment (10.0 %): two languages with the same words")
    assert copies["recommendation"] == "Leave cleaning.copies on, it drops them: a model learns from them to leave text untranslated"
    assert (copies["count"], copies["percent"], copies["level"]) == (1, 10.0, "mend")
    assert copies["examples"][0]["where"] == "pairs.tsv:5"
    assert finding(profile, "1 segment (10.0 %): repeated from above")["level"] == "mend"
    assert finding(profile, "1 segment (10.0 %): private-use characters")["level"] == "mend"


def test_a_few_rejects_stop_nothing(look, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("en\tde\n" + "".join(f"Number {n} it is.\tNummer {n} ist es.\n" for n in range(200)) + "broken\n", encoding="utf-8")
    found = finding(look(path), "Lines that could not be read: 1 (0.5 %).")
    assert (found["level"], found["recommendation"]) == ("note", "The preparation leaves them out and lists them in rejects/")


def test_templates_are_seen(look, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("en\tde\n" + "".join(f"Order {n} has left.\tBestellung {n} ist weg.\n" for n in range(100, 200)), encoding="utf-8")
    assert finding(look(path), "99.0 % of 100 different texts equal another but for numbers")["level"] == "note"


def test_too_little_to_hold_out(look, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("en\tde\nYes.\tJa.\nNo.\tNein.\n", encoding="utf-8")
    found = finding(look(path), "2 segments are too few to hold 4 out for validation and test.")
    assert (found["level"], found["recommendation"]) == ("stop", "Bring more, or name a part other than split (part: train)")


def test_columns_mixed_up(look, tmp_path):
    path = tmp_path / "a.tsv"
    pair = "We are waiting for the goods number {n}.\tWir warten auf die Ware Nummer {n}.\n"
    path.write_text("de\ten\n" + "".join(pair.replace("{n}", str(n)) for n in range(30)), encoding="utf-8")
    profile = look(path)
    assert finding(profile, "de: 100 % of 30 texts looked at seem to be in another language (en 30).")["examples"]
    assert finding(profile, "en: 100 % of 30 texts")["recommendation"].startswith("The filter cleaning.language, which is on, drops 100 %")


def test_lengths_that_do_not_go_together(look, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("en\tde\n" + f"{'We wait for it. ' * 5}\tWir warten.\n" * 5, encoding="utf-8")
    assert finding(look(path), "en-de: the texts are 0.14 times as long, 1.19 is usual for these languages.")["level"] == "mend"


def test_other_encodings_are_named(look, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(("en\tzh\n" + "The price is fine.\t价格可以，请尽快发货。\n" * 20).encode("gb18030"))
    assert finding(look(path), "Files that are not Unicode: 1 of 1 (gb18030).")["level"] == "note"


def test_findings_of_messages(look, messages):
    profile = look(messages, language="en")
    few = finding(profile, "Intents with fewer than 3 messages in a language, the least that a split needs: 1.")
    assert (few["level"], few["examples"]) == ("stop", [{"where": "greeting (en)", "text": "messages: 1"}])
    assert finding(profile, "1 of 3 intents are not in configs/intents.yaml.")["examples"][0]["text"] == "greeting"
    assert finding(profile, "Texts with more than one intent: 1.")["recommendation"] == "Decide for one: no model can learn both"
    assert finding(profile, "No message has urgency.")["level"] == "note"
    assert not [text for text in texts(profile) if text.startswith("The largest")], "7 to 1 is not 10 to 1"


def test_an_uneven_set(look, tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"question {n} about something,refund" for n in range(40)] + [f"bill {n} please,invoice" for n in range(4)]
    path.write_text("text,intent\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert finding(look(path, language="en"), "The largest intent has 10 times as many messages as the smallest.")["level"] == "mend"


def test_a_column_of_texts_is_no_column_of_labels(look, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,intent\n" + "".join(f"question {n},answer {n}\n" for n in range(10)), encoding="utf-8")
    profile = look(path, language="en")
    assert finding(profile, "10 different intents for 10 messages: that column holds no labels.")["level"] == "stop"


def test_a_language_that_nobody_said(look, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,intent\n" + "123,refund\n456,refund\n789,refund\n", encoding="utf-8")
    found = finding(look(path), "Nothing says which language the messages are in.")
    assert found["recommendation"] == "Name it (language: en) or bring a column with it"
    assert not [text for text in texts(look(path)) if text.startswith("No term")], "no language, no search for terms"


def test_a_filter_that_is_off_should_be_on(look, pairs):
    profile = look(pairs)
    filters = profile["limits"]["filters"] | {"copies": False, "duplicates": False}
    switched = {**profile, "limits": {**profile["limits"], "filters": filters}}
    found = {entry["text"]: entry["recommendation"] for entry in find(switched)}
    assert any(text.startswith("The filter cleaning.copies is off, switch it on") for text in found.values())
    assert "Switch cleaning.duplicates on: copies in the test part flatter" in found.values()


def test_terms_that_are_said_otherwise(look, pairs):
    profile = look(pairs)
    poor = {"compared": 100, "translated": 20, "percent": 20.0}
    found = find({**profile, "terms": {**profile["terms"], "translated": {"de": poor}}})
    assert "de: 20.0 % of 100 terms stand beside their listed translation." in [entry["text"] for entry in found]
    none = find({**profile, "terms": {**profile["terms"], "items": 0, "translated": {}}})
    assert "No term of the 2 glossaries stands in 10 segments." in [entry["text"] for entry in none]


def test_every_filter_and_kind_of_character_has_advice():
    assert set(ADVICE) == set(FILTERS) - {"language"}
    assert set(ODD_ADVICE) == set(ODD) - {"spaces"}
