import pytest

from data.corpus import Sources
from data.grammar import load_grammar
from data.numerals import spells_number, spells_one


@pytest.mark.parametrize(
    "text",
    [
        *("the two pumps", "Twelve volts", "a dozen", "the first one", "half of it", "at noon", "in June", "by May", "½ inch", "1st Ⅳ"),
        *("zwei Pumpen", "vierundzwanzig Stunden", "fünfhundert", "die Hälfte", "im März", "das Dritte"),
        *("dos bombas", "veinticuatro horas", "doscientos", "en enero", "la mitad", "un mediodía"),
        *("两台泵", "三个月", "一百", "半年", "零下", "中午", "〇"),
    ],
)
def test_numbers_in_words(text):
    assert spells_number(text)


@pytest.mark.parametrize(
    "text",
    [
        *("the pumps", "May I ask", "someone often", "the weight", "", "12 kg"),
        *("eine Pumpe", "die Macht", "Achtung", "allein"),
        *("una bomba", "undía", "enviamos"),
        *("泵", "零件", "一台泵"),
    ],
)
def test_other_words(text):
    assert not spells_number(text)


@pytest.mark.parametrize(("text", "one"), [("a pump", True), ("Eine Pumpe", True), ("una bomba", True), ("一台泵", True), ("pumps", False)])
def test_one(text, one):
    assert spells_one(text) is one


def test_most_shipped_patterns_spell_no_number():
    """Where they do nothing is said about a number of the model's own: that must be the exception."""
    sources = Sources()
    texts = [text for pattern in load_grammar(sources.corpora, sources.glossaries).patterns for text in pattern.templates.values()]
    assert len(texts) > 1_500
    assert 0 < sum(map(spells_number, texts)) < len(texts) / 8
