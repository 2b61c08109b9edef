import random
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from configs.schema import Augmentation
from data.augment import ALWAYS_FITTING, FITTING, KINDS, USUAL_SLIPS, augment, augment_pair, draw_kind, sometimes
from data.normalize import INVISIBLE, PRIVATE_USE, normalize
from data.protect import MARKERS, find_protected, mask_pair

LANGUAGES = ("en", "de", "es", "zh")
TEXTS = {
    "en": "Hello, we're waiting for order PO-123456, so when will it ship?",
    "de": "Können Sie uns bitte die Rechnung für 20 Größen schicken, damit wir bestellen?",
    "es": "¿Cuándo llegó el envío, y qué garantía tiene la máquina de 220 V?",
    "zh": "请问我的订单PO-123456的PI什么时候能发，客户已经在催了。",
}
EMOJI = set(ALWAYS_FITTING).union(*FITTING)
PIECES = [
    "PO-123456",
    "380V",
    "±0.05 mm",
    "USD 1,250.00",
    "{order_id}",
    "<b>",
    "https://x.example/a?b=1",
    "a.b@x-y.example",
    "😊👍🏽",
    "&amp;",
    "订单",
    "的",
    "不",
    "电机",
    "，",
    "。",
    "？",
    "“",
    " ",
    ", ",
    " in ",
    "machine",
    "Größe",
    "ñandú",
    "¿",
    "don't",
    "İ",
    "-",
    ".",
    "<",
    "x",
    "5",
    "\n",
    "\ue000",
    "\ue100",
    ">>de<<",
]
MIXED = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
ANY_CASE = {
    "text": MIXED | st.text(max_size=40),
    "kind": st.sampled_from(KINDS),
    "language": st.sampled_from((*LANGUAGES, "fr", "zh-Hans")),
    "seed": st.integers(0, 999),
}


def shares(**given):
    return Augmentation(**dict.fromkeys(KINDS, 0.0) | given)


def spans(text):
    return [span.text for span in find_protected(text)]


def results(text, kind, language, seeds=150):
    return {augment(text, kind, language, random.Random(seed)) for seed in range(seeds)}


@settings(deadline=None, max_examples=400)
@given(**ANY_CASE)
@example(text="a <b c d", kind="noise", language="en", seed=9)
@example(text="siehe https://x.example", kind="emoji", language="zh", seed=0)
@example(text="5 inquiries", kind="noise", language="en", seed=3)
def test_protected_spans_stay_and_only_an_emoji_is_added(text, kind, language, seed):
    result = augment(text, kind, language, random.Random(seed))
    before, after = spans(text), spans(result)
    assert after[: len(before)] == before
    added = after[len(before) :]
    assert len(added) == int(kind == "emoji" and result != text)
    assert set("".join(added)) <= EMOJI


@settings(deadline=None, max_examples=400)
@given(**ANY_CASE)
def test_nothing_is_added_that_normalisation_would_drop(text, kind, language, seed):
    result = augment(text, kind, language, random.Random(seed))
    for dropped in (INVISIBLE, PRIVATE_USE):
        assert Counter(dropped.findall(result)) <= Counter(dropped.findall(text))
    new = set(Counter(result) - Counter(text)) - set(text)  # a slip may double a character that this Python's tables do not know yet
    assert {c for c in new if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn")} <= {"\n"}


@settings(deadline=None, max_examples=200)
@given(**ANY_CASE)
def test_the_same_seed_gives_the_same_text(text, kind, language, seed):
    assert augment(text, kind, language, random.Random(seed)) == augment(text, kind, language, random.Random(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_usual_sentence_always_changes_and_in_several_ways(kind, language):
    found = results(TEXTS[language], kind, language, 60)
    assert TEXTS[language] not in found
    assert len(found) >= (2 if kind == "case" else 5)
    assert all(normalize(text) == text.replace("\n", " ") for text in found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " \n", "PO-123456", "https://x.example/a"])
def test_what_has_no_words_keeps_them(kind, text):
    for language in LANGUAGES:
        for result in results(text, kind, language, 30):
            assert (result == text) if not text.strip() or kind in ("case", "typos") else text in result


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"^augmentation 'nosie' is not known; valid: case, punctuation, typos, noise, emoji$"):
        augment("Hello.", "nosie", "en", random.Random(1))
    with pytest.raises(ValueError, match=r"^augmentation 'nosie' is not known; valid: case, punctuation, typos, noise, emoji$"):
        augment_pair("Hello.", "Hallo.", "nosie", "en", random.Random(1))


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "When does PO-7788 ship?", {"when does PO-7788 ship?", "WHEN DOES PO-7788 SHIP?", "When Does PO-7788 Ship?"}),
        ("de", "Die Größe", {"die größe", "DIE GRÖSSE", "die Größe"}),
        ("es", "la máquina, ¿cuándo?", {"LA MÁQUINA, ¿CUÁNDO?", "La Máquina, ¿Cuándo?"}),
        ("en", "we can't wait", {"WE CAN'T WAIT", "We Can't Wait"}),
        ("en", "USB hub", {"usb hub", "USB HUB", "Usb Hub"}),
        ("zh", "PI发了吗，MOQ多少", {"pi发了吗，moq多少", "ＰＩ发了吗，ＭＯＱ多少"}),
        ("zh-Hans", "ok，电机380V", {"OK，电机380V", "ｏｋ，电机380V"}),
        ("zh", "发了吗", {"发了吗"}),
    ],
)
def test_case(language, text, expected):
    assert results(text, "case", language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "en",
            "It's late, really.",
            {"It's late, really", "It's late,really.", "It's late really.", "Its late, really.", "It's late, really..."},
        ),
        ("de", "Wo bleibt es?", {"Wo bleibt es", "Wo bleibt es??", "Wo bleibt es...?"}),
        ("es", "¿Llegó?", {"Llegó?", "¿Llegó", "¿Llegó???"}),
        ("zh", "好的，谢谢。", {"好的，谢谢", "好的，谢谢。。", "好的,谢谢.", "好的 谢谢。", "好的，谢谢……"}),
        ("en", "Really ?", {"Really", "Really...?", "Really ??"}),
    ],
)
def test_punctuation(language, text, expected):
    found = results(text, "punctuation", language)
    assert expected <= found
    assert {re.sub(r"\W", "", result) for result in found} == {re.sub(r"\W", "", text)}


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "quickly", {"quicjly", "qiuckly", "quikly", "quickkly"}),
        ("de", "Zahlung", {"Zahluhg", "Zalhung", "Zahlng", "Zahhlung"}),
        ("de", "Größen", {"Groessen", "Großen"}),
        ("de", "dass", {"das"}),
        ("es", "mañana", {"manana", "mañama"}),
        ("es", "Haber", {"Aver"}),
        ("en", "Receive it", {"Recieve it"}),
        ("zh", "订单已经发了吗", {"定单已经发了吗", "订单以经发了吗", "订单已经发了嘛", "订单已发了吗", "订单已经经发了吗"}),
        ("zh", "你们再做一次", {"你们在做一次", "你们再作一次"}),
        ("zh", "己方", {"已方"}),
    ],
)
def test_typos(language, text, expected):
    assert expected <= results(text, "typos", language, 600)


@pytest.mark.parametrize(
    ("language", "key", "neighbours"), [("en", "y", "tugh"), ("de", "z", "tugh"), ("de", "ö", "lpüä"), ("es", "ñ", "lp")]
)
def test_fingers_slip_to_the_keys_of_the_country(language, key, neighbours):
    word = f"b{key}bb"
    found = {result[1] for result in results(word, "typos", language, 600) if len(result) == 4 and result[2:] == "bb"} - {key, "b"}
    if key in "öñ":
        found -= {unicodedata.normalize("NFD", key)[0]}
    assert found == set(neighbours)


def test_about_one_word_in_eight_is_mistyped_and_never_its_first_letter():
    text = " ".join(["plumbing"] * 32)
    for result in results(text, "typos", "fr"):
        wrong = [word for word in result.split() if word != "plumbing"]
        assert len(wrong) == 4
        assert {word[0] for word in wrong} == {"p"}


def test_no_negation_is_dropped_and_no_numeral_changed():
    found = results("我们不要这三箱货", "typos", "zh", 300)
    assert len(found) > 5
    assert all(result.count("不") == 1 == result.count("三") for result in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_slips_are_slips(language):
    entries = [entry.split() for entry in USUAL_SLIPS[language].split(",")]
    rights = [right for right, *_ in entries]
    assert len(entries) >= (60 if language == "zh" else 20)
    assert len(set(rights)) == len(rights)
    assert all(wrong and right not in wrong for right, *wrong in entries)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            {
                "so sorry pls",
                "hi, so sorry",
                "sooo sorry",
                "so sorryyyy",
                "so sorry\nSent from my iPhone",
                "so\nsorry",
                "> so sorry",
                "> so\n> sorry",
                '"so sorry"',
            },
        ),
        ("de", {"so sorry bitte danke", "moin, so sorry", "so sorry\nVon meinem iPhone gesendet"}),
        ("es", {"so sorry porfa", "buenas, so sorry", "so sorry\nEnviado desde mi iPhone"}),
        ("fr", {"sooo sorry", "> so sorry"}),
    ],
)
def test_noise(language, expected):
    assert expected <= results("so sorry", "noise", language, 600)


def test_noise_in_chinese():
    found = results("发货了吗？", "noise", "zh", 600)
    assert {"发货了吗吗？", "亲，发货了吗？", "发货了吗？谢谢啦", "发货了吗？\n发自我的iPhone", "发 货了吗？", "> 发货了吗？"} <= found
    assert not {"发货了吗哈？", "发货了吗呢？"} & found  # no particle behind a particle
    assert {"好的哈。", "好的～"} <= results("好的。", "noise", "zh", 600)


def test_a_stray_space_stands_inside_a_word_or_before_a_mark():
    assert {"deliv ery, soon", "delivery , soon"} <= results("delivery, soon", "noise", "en", 600)


@pytest.mark.parametrize(
    ("language", "text", "pool"),
    [
        ("en", "It has been shipped.", "📦🚚🚢"),
        ("de", "Die Rechnung fehlt.", "💳🧾💶"),
        ("es", "Qué raro?", "🤔👀"),
        ("zh", "好的。", ALWAYS_FITTING),
    ],
)
def test_emoji_fit_and_stand_behind_or_for_the_mark(language, text, pool):
    space = "" if language == "zh" else " "
    shape = re.compile(rf"{re.escape(text[:-1])}{re.escape(text[-1])}?{space}[{pool}]{{1,3}}")
    found = results(text, "emoji", language)
    assert all(shape.fullmatch(result) for result in found)
    assert {text[-1] in result for result in found} == {True, False}


@pytest.mark.parametrize("source", ["Hat es geklappt?", "见https://x.example。", "Siehe https://x.example", "Na 😡"])
def test_the_emoji_of_a_pair_stands_on_both_sides_and_is_masked(source):
    for seed in range(40):
        pair = augment_pair(source, "好的。", "emoji", "de", random.Random(seed))
        added = spans(pair[0])[len(spans(source)) :]
        assert len(added) == 1
        assert spans(pair[1]) == added
        masked = mask_pair(*pair, random.Random(seed))
        assert masked[0][-1] == masked[1][-1] in MARKERS


def test_an_emoji_that_the_source_has_already_is_not_added_again():
    pairs = [augment_pair("Danke 😊", "Thanks", "emoji", "de", random.Random(seed)) for seed in range(40)]
    assert ("Danke 😊", "Thanks") in pairs
    assert all(len(set(spans(source))) == len(spans(source)) for source, _ in pairs)
    assert ("Danke 😊 🙏", "Thanks 🙏") in pairs


def test_an_emoji_on_the_source_alone_would_stay_text():
    assert mask_pair("Danke 🙏", "Thanks", random.Random(1)) == ("Danke 🙏", "Thanks")  # why augment_pair puts it on both sides


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "emoji"])
def test_the_target_of_other_kinds_stays_and_no_words_are_added_to_the_source(kind):
    words = {"so", "sorry", "Sorry"}
    for seed in range(150):
        source, target = augment_pair("sorry, so sorry", "tut uns leid", kind, "en", random.Random(seed))
        assert source != "sorry, so sorry" or kind == "typos"
        assert target == "tut uns leid"
        if kind == "noise":
            assert {re.sub(r"(\w)\1{2,}", r"\1", word) for word in re.findall(r"\w+", source)} <= words


def test_kinds_are_drawn_as_often_as_their_shares_say():
    chance = random.Random(5)
    drawn = Counter(draw_kind(shares(case=0.1, typos=0.3, emoji=0.2), chance) for _ in range(10_000))
    assert set(drawn) == {"case", "typos", "emoji", None}
    assert [round(drawn[kind] / 10_000, 1) for kind in ("case", "typos", "emoji", None)] == [0.1, 0.3, 0.2, 0.4]


def test_sometimes_augments_at_most_once():
    seeds = range(300)
    found = [sometimes(TEXTS["en"], "en", shares(case=0.5), random.Random(seed)) for seed in seeds]
    assert 120 < found.count(TEXTS["en"]) < 180
    assert {text.lower() for text in found} == {TEXTS["en"].lower()}
    assert {sometimes(TEXTS["en"], "en", shares(), random.Random(seed)) for seed in seeds} == {TEXTS["en"]}


def test_shares_over_one_are_refused():
    with pytest.raises(ValueError, match="the shares add up to more than 1"):
        shares(case=0.6, typos=0.6)
    assert draw_kind(shares(case=0.1, typos=0.2, noise=0.7), random.Random(1)) in KINDS  # the sum is 1 but for rounding
