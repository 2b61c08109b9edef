import time
from collections import Counter
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.corpus import Sources, load_messages, load_phrases, load_unseen
from data.grammar import load_grammar
from data.normalize import PRIVATE_USE
from data.protect import MARKERS, find_protected
from data.punctuation import ASCII, punctuate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请稍等, 谢谢!", "请稍等，谢谢！"),
        ("您好,请问订单在哪里?", "您好，请问订单在哪里？"),
        ("注意:不要开机;请等待.", "注意：不要开机；请等待。"),
        ('他说:"好的."然后走了.', "他说：“好的。”然后走了。"),
        ("水泵(两台)和阀门 (CE)已发货.", "水泵（两台）和阀门（CE）已发货。"),
        ("订单PO-123456, 请确认.", "订单PO-123456，请确认。"),
        ("订单号是PO-123456.", "订单号是PO-123456。"),
        ("我们有CE, 也有RoHS.", "我们有CE，也有RoHS."),  # after a Latin word a full stop can be an abbreviation's
        ("你说OK?", "你说OK？"),
        ("请 稍等 ， 谢谢 。", "请稍等，谢谢。"),
        ("订单 PO-1 已到", "订单 PO-1 已到"),
        ("单价1,000.5，时间10:30，比例1:2，共3.5%。", "单价1,000.5，时间10:30，比例1:2，共3.5%。"),
        ("见https://a.example/b?c=d:e,f!g, 谢谢", "见https://a.example/b?c=d:e,f!g，谢谢"),
        ("文件abc.pdf和read.me已发", "文件abc.pdf和read.me已发"),
        ("用电池, e.g. 锂电池", "用电池，e.g. 锂电池"),
        ("请回复Yes, we do. Thanks! 谢谢", "请回复Yes, we do. Thanks! 谢谢"),
        ("公司ACME Co., Ltd.", "公司ACME Co., Ltd."),
        ('管径5"和6"的管', '管径5"和6"的管'),
        ('标签写着"Made in China"', '标签写着"Made in China"'),
        ("请稍等...", "请稍等..."),
        ("货呢??? 好的!!", "货呢？？？好的！！"),
        ("谢谢 :)", "谢谢 :)"),
        ("31.11.，14.11.购买，1. 贵司，应该是.com", "31.11.，14.11.购买，1. 贵司，应该是.com"),
        ("钱打过去三天了 你们说没收到", "钱打过去三天了，你们说没收到"),
        ("请 确认 订单 装箱单", "请确认订单装箱单"),
        ("型号PO-1(2)", "型号PO-1(2)"),
        (f"订单{MARKERS[0]}, 请等{MARKERS[1]}.", f"订单{MARKERS[0]}，请等{MARKERS[1]}。"),
        (f"{MARKERS[0]},{MARKERS[1]}: {MARKERS[2]}", f"{MARKERS[0]},{MARKERS[1]}: {MARKERS[2]}"),
        ("Hello, how are you?", "Hello, how are you?"),
        ("", ""),
    ],
)
def test_chinese(text, expected):
    assert punctuate(text, "zh") == expected
    assert punctuate(expected, "zh") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Danke，bis morgen。", "Danke, bis morgen."),
        ("¿Cuándo llega？", "¿Cuándo llega?"),
        ("Bitte ： sofort ！", "Bitte: sofort!"),
        ("Pumpe（zwei）liefern。", "Pumpe (zwei) liefern."),
        ("（ja）", "(ja)"),
        ("Pumpen、Ventile；Filter", "Pumpen, Ventile; Filter"),
        ("“Ja。” Nein", "“Ja.” Nein"),
        (f"Auftrag{MARKERS[0]}，{MARKERS[1]}。", f"Auftrag{MARKERS[0]}, {MARKERS[1]}."),
        ("1，000", "1，000"),
        ("Herr 王伟，danke", "Herr 王伟, danke"),
        ("你好。再见！", "你好。再见！"),  # Chinese of which the model wrote nothing stays as it was
        ("Danke, bis „morgen“ – 5 % (ja)!", "Danke, bis „morgen“ – 5 % (ja)!"),
    ],
)
@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_the_others(text, expected, language):
    assert punctuate(text, language) == expected
    assert punctuate(expected, language) == expected


def test_terms_stay_as_the_glossary_has_them():
    assert punctuate("液压泵(大), 请确认.", "zh", ["液压泵(大)", ""]) == "液压泵(大)，请确认。"
    assert punctuate("液压泵(大), 请确认.", "zh") == "液压泵（大），请确认。"
    assert punctuate("Die Pumpe：groß，ja", "de", ["Pumpe：groß"]) == "Die Pumpe：groß, ja"


PIECES = ["订单", "谢谢", "Pumpe", "yes", "PO-123456", "1,000.5", "10:30", "https://a.example/b,c", "me@b.example", "{name}", "<b>", "👍"]
MARKS = [*',.;:?!()" ', *ASCII, "“", "”", *MARKERS[:3], "..."]
TEXTS = st.lists(st.sampled_from([*PIECES, *MARKS]), max_size=14).map("".join) | st.text(max_size=40)


@settings(deadline=None, max_examples=500)
@given(TEXTS, st.sampled_from(["en", "zh"]))
def test_only_marks_and_spaces_change_and_no_marker_moves(text, language):
    done = punctuate(text, language)
    assert [c for c in done if c.isalnum()] == [c for c in text if c.isalnum()]
    assert PRIVATE_USE.findall(done) == PRIVATE_USE.findall(text)
    for span in find_protected(text):
        assert span.text in done


def test_the_shipped_texts_are_right_as_they_are():
    """Patterns with their slots, phrases, test sentences, and messages; in Chinese some customers type as chats are typed."""
    sources = Sources()
    formal = [*load_phrases(sources.phrases, ("en", "zh", "de", "es")), *load_unseen(sources.unseen)]
    patterns = load_grammar(sources.corpora, sources.glossaries).patterns
    texts = {item for holder in chain((s.texts for s in formal), (p.templates for p in patterns)) for item in holder.items()}
    assert changed(texts) == []
    assert min(Counter(language for language, _ in texts).values()) > 2_000
    chats = {item for message in load_messages(sources) for item in message.texts.items()}
    typed = changed(chats)
    assert {language for language, _, _ in typed} == {"zh"}
    assert len(typed) < 60 < 1_000 < len(chats)


def changed(texts):
    return [(language, text, done) for language, text in texts if (done := punctuate(text, language)) != text]


@pytest.mark.parametrize("unit", [",", "，", "a,", "泵,", "(", '"', " ", "a ", "泵 ", "，泵", ". ", "a, "])
@pytest.mark.parametrize("language", ["de", "zh"])
def test_a_hostile_text_takes_linear_time(unit, language):
    started = time.perf_counter()
    punctuate("泵" + unit * (30_000 // len(unit)) + "a", language)
    assert time.perf_counter() - started < 5
