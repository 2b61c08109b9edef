import pytest

from data.records import RecordError, Turn, Utterance
from data.translations import Translation, load_translations

TURNS = [Turn(role="agent", text="How many?")]
MESSAGES = [
    Utterance(id="en.moq.01", text="whats ur MOQ", intent="moq", sentiment="neutral", urgency="normal", language="en"),
    Utterance(id="en.moq.02", text="50", intent="moq", sentiment="neutral", urgency="normal", language="en", history=TURNS),
    Utterance(id="de.thanks.01", text="dnake", intent="thanks", sentiment="positive", urgency="normal", language="de"),
]
HEADER = "id\tde\tzh"
MOQ = "en.moq.01\tWie hoch ist Ihre Mindestmenge?\t起订量多少？"


def write(folder, **files):
    for name, lines in files.items():
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def problems(folder):
    with pytest.raises(RecordError) as error:
        load_translations(folder, MESSAGES)
    return str(error.value).splitlines()


def test_every_file_is_read_and_each_line_finds_its_message(tmp_path):
    write(tmp_path, en=[HEADER, "en.moq.02\t50 Stück\t50个", MOQ], de=["id\ten\tzh", 'de.thanks.01\t"Thank you"\t谢谢'])
    (tmp_path / "notes.txt").write_text("no translations")
    assert load_translations(tmp_path, MESSAGES) == [
        Translation(MESSAGES[2], {"en": '"Thank you"', "zh": "谢谢"}),
        Translation(MESSAGES[1], {"de": "50 Stück", "zh": "50个"}),
        Translation(MESSAGES[0], {"de": "Wie hoch ist Ihre Mindestmenge?", "zh": "起订量多少？"}),
    ]


def test_no_files_are_no_translations(tmp_path):
    assert load_translations(tmp_path, MESSAGES) == []


def test_the_original_is_read_and_never_written():
    segment = Translation(MESSAGES[0], {"de": "Wie hoch?", "zh": "多少？"}).as_segment()
    assert (segment.id, segment.pattern) == ("message.en.moq.01", "message")
    assert segment.texts == {"en": "whats ur MOQ", "de": "Wie hoch?", "zh": "多少？"}
    assert segment.source_only == ["en"]


def test_every_translation_is_a_message_with_the_labels_of_the_original():
    found = Translation(MESSAGES[0], {"de": "Wie hoch?", "zh": "多少？"}).as_messages()
    assert [(m.id, m.language, m.text) for m in found] == [("en.moq.01>de", "de", "Wie hoch?"), ("en.moq.01>zh", "zh", "多少？")]
    assert {(m.intent, m.sentiment, m.urgency) for m in found} == {("moq", "neutral", "normal")}


def test_a_translation_without_its_earlier_turns_is_no_message():
    found = Translation(MESSAGES[1], {"de": "50"})
    assert found.as_messages() == []
    assert found.as_segment().texts == {"en": "50", "de": "50"}


def test_broken_lines_of_all_files_are_told_at_once(tmp_path):
    english = [HEADER, MOQ, MOQ, "en.moq.09\ta\tb", "de.thanks.01\ta\tb", "en.moq.02\t50", "", "en.moq.02\t50\t ", "en.moq.02\ta\tb\tc"]
    write(tmp_path, en=english, de=["id\ten\tzh", "de.thanks.01\t\tb"])
    lacking = "needs id, de, zh, has {} fields, some empty or none"
    assert problems(tmp_path) == [
        f"{tmp_path}/de.tsv:2: needs id, en, zh, has 3 fields, some empty or none",
        f"{tmp_path}/en.tsv:3: 'en.moq.01' is no en message, or stands twice",
        f"{tmp_path}/en.tsv:4: 'en.moq.09' is no en message, or stands twice",
        f"{tmp_path}/en.tsv:5: 'de.thanks.01' is no en message, or stands twice",
        f"{tmp_path}/en.tsv:6: {lacking.format(2)}",
        f"{tmp_path}/en.tsv:7: {lacking.format(1)}",
        f"{tmp_path}/en.tsv:8: {lacking.format(3)}",
        f"{tmp_path}/en.tsv:9: {lacking.format(4)}",
    ]
