"""Texts as hurried people type them, for training that bears it and for test sets that show whether it does.

    kind         Latin script                                          Chinese
    case         all lower, ALL UPPER, Title Case, first letter lower  the Latin letters in it: lower, upper, full-width
    punctuation  end mark gone, doubled or dots; commas without their  end mark gone, doubled or dots; half-width marks;
                 space or gone; no apostrophes; no ¿ and ¡             spaces for commas
    typos        a neighbouring key, letters swapped, dropped or       characters of the same sound or shape, one dropped,
                 doubled, usual misspellings, no accents               one doubled
    noise        a stray space, a looong vowel, a broken line, reply or quotation marks, a mail program's tail, a filler
    emoji        one to three that fit, at the end or in place of the final mark

One text gets one kind. All chance comes from the generator that is passed in: the same seed, the same texts.

Protected spans (`data/protect.py`) stay what they are, and nothing becomes one that was none: a change that would do either is thrown away
for the next. A text that nothing can be done to comes back unchanged, such as one without letters or, for case, Chinese without any Latin.

What labels depend on is left alone: no filler says that it is urgent, no emoji is angry, and no Chinese negation or numeral is
dropped. (Capitals can sound angry; here they are the caps-lock key.)

The result is for `normalize`, like any text from outside: a broken line becomes a space there. In training: augment, normalise, mask.

Emoji in training pairs. In serving every emoji of the source is masked, so the model only ever sees a marker. `mask_pair` masks what both
sides have; a source emoji that its target lacks stays text on the source, which trains on an input that serving never gives, and teaches to
drop it. `augment_pair` therefore puts the emoji on both sides, before the pair is masked.

Source: the modifiers UpperCase, TitleCase, Typos and Noise of OpusTrainer, https://github.com/hplt-project/OpusTrainer, which change both
sides' case; here the target keeps its proper case, since agents should not be shouted at.

Time: 65 to 115 µs for a message of 100 characters, of which finding protected spans takes 20 to 30, twice (one core of an x86 server);
those of a text that comes again are remembered.

Not covered: Traditional Chinese for Simplified (another script, no slip), optical recognition's errors, text messages' abbreviations.
"""

from __future__ import annotations

import functools
import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from configs.schema import Augmentation
from data.language import HAN, UNSPACED
from data.protect import Span, find_protected, mask

KINDS = ("case", "punctuation", "typos", "noise", "emoji")

Act = Callable[[str, str, random.Random], str]  # (text with protected spans masked, language, chance) -> the same, changed or not

TEXTS_KEPT = 50_000  # whose spans are remembered: training asks again in every epoch
WORDS_PER_TYPO = 8
HAN_PER_TYPO = 14  # a Chinese word has 1.75 characters or so: the eight words of above
END_MARKS = ".!?…。！？"
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
SLIPPABLE = re.compile(r"(?<!['’])\b[^\W\d_]{4,}\b(?!['’])")  # shorter words become other words
LONG_WORD = re.compile(r"[^\W\d_]{6,}")
ENDS_IN_VOWEL = re.compile(r"\b[^\W\d_]*[aeiouy]\b")
ACCENTED = re.compile("[À-ɏ]")
TWO_HAN = re.compile(f"(?<={HAN.pattern})(?={HAN.pattern})")  # the place between them
SPACED_COMMA = re.compile(r"(?<=[^\W\d_]), (?=[^\W\d_])")
APOSTROPHE = re.compile(r"(?<=[^\W\d_])['’](?=[^\W\d_])")
SINGLE_SPACE = re.compile(r"(?<=\S) (?=\S)")
BEFORE_MARK = re.compile(r"(?<=[^\W\d_])(?=[,.!?;:])")
FINAL_PARTICLE = tuple("啊呀吧呢吗哦嘛啦")
PLACES = range(0xE100, 0xF8FF)  # private-use characters that stand for protected spans meanwhile; not `MARKERS`, which a text may hold
KEPT_HAN = frozenset(
    "不没未无别勿非莫否〇零一二两三四五六七八九十百千万亿半"
)  # negations and numerals: without them the text says something else

HALF_WIDTH = str.maketrans("，。！？；：（）", ",.!?;:()")
FULL_WIDTH = {code: code + 0xFEE0 for code in (*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1))}
GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})

QWERTY = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
LAYOUTS = {"de": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"), "es": ("qwertyuiop", "asdfghjklñ", "zxcvbnm")}

# What people write for what, as in "订单 定单 丁单": the right form, then the wrong ones. Written by hand, from what support desks receive.
USUAL_SLIPS = {
    "en": """
        receive recieve, received recieved, address adress, definitely definately, separate seperate, until untill, tomorrow tommorow,
        its it's, you're your, your you're, there their, their there, than then, then than, too to, which wich, because becuase becouse,
        available availible, quantity quanity, warranty warrenty waranty, invoice invoise, delivery delievery, shipment shippment,
        quotation qoutation, quote qoute, certificate certficate, machine machien, payment payement, guarantee garantee, supplier suplier
    """,
    "de": """
        dass das, das dass, seit seid, wieder wider, Standard Standart, Adresse Addresse, Paket Packet, Maschine Machine,
        nämlich nähmlich, vielleicht vieleicht, Rechnung Rechnug, Lieferung Liferung, Termin Thermin, eigentlich eigendlich,
        Reklamation Reklammation, Interesse Intresse, ziemlich zimlich, während wärend, spätestens spätestes, Zubehör Zubehöhr,
        bisschen bischen, bitte bite, können könen, bestellt bestelt, Angebot Angebott, wahrscheinlich warscheinlich
    """,
    "es": """
        haber aver, hay ahy ay, haya halla, hecho echo, tuvo tubo, hacer aser, envío embío, enviar embiar, recibí resibí, recibido resivido,
        porque porq, también tambien tanbien, factura fatura, garantía garantia grantía, máquina makina, necesito nesesito, gracias grasias,
        cotización cotisación, precio presio, entonces entonses, todavía todabía, llegó yegó, ya lla, voy boy, vez ves, había avía,
        quiero kiero, pieza piesa, devolver debolver, vale bale
    """,
    "zh": """
        的 得 地, 在 再, 再 在, 做 作, 作 做, 己 已, 已 己, 他 她, 她 他, 它 他, 那 哪, 哪 那, 吗 嘛, 嘛 吗, 带 戴, 戴 带, 坐 座, 座 坐,
        像 象, 账 帐, 须 需, 目的 目地, 的确 得确, 订单 定单, 订购 定购, 订货 定货, 预订 预定, 定金 订金, 收到 受到, 收货 受货, 售后 受后,
        客服 克服, 发货 发火, 退货 腿货, 退款 腿款, 应该 因该, 因为 应为, 已经 以经, 以后 已后, 以前 已前, 现在 现再, 正在 正再,
        时候 时后, 重新 从新, 部分 部份, 其他 其它, 必须 必需, 需要 须要, 及时 即时, 截止 截至, 登录 登陆, 安装 按装, 按照 安照,
        型号 形号, 零件 另件, 配件 陪件, 螺丝 罗丝, 赔偿 陪偿, 抱歉 报歉, 耽误 担误, 问题 问提, 处理 处里, 解决 解绝, 反馈 返馈,
        损坏 损环, 故障 固障, 检测 监测, 确认 却认, 联系 连系, 合同 和同, 提供 题供, 请问 情问, 尽快 进快 尽块, 知道 只道, 还是 还事,
        什么 神马, 觉得 觉的, 值得 值的, 来得及 来的及, 尺寸 尺存, 图纸 图只, 材料 才料, 规格 规各, 价格 价各, 清单 青单, 清关 请关,
        运费 云费, 发票 法票, 支付 支负, 优惠 优会, 延迟 延尺, 推迟 推尺, 生产 升产, 设备 设被, 密码 蜜码, 质量 质亮, 数量 数亮,
        麻烦 麻凡, 谢谢 写写
    """,
}
TAILS = {
    "en": ("Sent from my iPhone", "Sent from my Samsung Galaxy smartphone", "Get Outlook for iOS", "Sent from Yahoo Mail on Android"),
    "de": ("Von meinem iPhone gesendet", "Gesendet mit der GMX Mail App", "Holen Sie sich Outlook für Android", "Von unterwegs gesendet"),
    "es": ("Enviado desde mi iPhone", "Enviado desde mi móvil", "Obtener Outlook para Android", "Enviado desde mi Samsung Galaxy"),
    "zh": ("发自我的iPhone", "发自我的手机", "来自我的华为手机", "发自我的小米手机"),
}
OPENERS = {
    "en": ("hi, ", "hello ", "hey there, ", "hi team ", "ok so ", "morning, "),
    "de": ("hallo, ", "hi, ", "moin, ", "guten tag ", "also ", "hi zusammen, "),
    "es": ("hola, ", "buenas, ", "buenas tardes ", "hola que tal, ", "disculpe, ", "oiga, "),
    "zh": ("亲，", "哈喽，", "你好，", "那个，", "嗯，", "在吗，"),
}
CLOSERS = {
    "en": (" pls", " plz", " thx", " please and thanks", " ty", " thanks in advance", " cheers"),
    "de": (" bitte danke", " danke schon mal", " lg", " mfg", " bitte", " vg", " dankeee"),
    "es": (" porfa", " xfa", " porfis", " gracias", " slds", " muchas gracias de antemano"),
    "zh": ("哈", "呢", "哦", "谢谢啦", "谢谢", "拜托了", "辛苦了"),
}
# Emoji by what is spoken of. None is angry, sad or alarmed: sentiment and urgency of a message must stay true.
FITTING = {
    "📦🚚🚢": re.compile(
        "ship|deliver|parcel|package|track|liefer|paket|versand|sendung|env[ií]|entreg|paquete|发货|快递|物流|包裹|运", re.IGNORECASE
    ),
    "💳🧾💶": re.compile("invoice|pay|price|quot|rechnung|zahl|preis|angebot|factura|pag[oa]|precio|cotiz|发票|付|价|款", re.IGNORECASE),
    "🔧🔩": re.compile(
        "machine|motor|spare|repair|install|maschine|ersatz|repar|montage|máquina|repuesto|instal|机|配件|安装|维修", re.IGNORECASE
    ),
    "🙏😊": re.compile("thank|please|dank|bitte|gracias|por favor|谢|请", re.IGNORECASE),
    "🤔👀": re.compile("[?？]"),
}
ALWAYS_FITTING = "🙂🙏👋👍"


def augment(text: str, kind: str, language: str, chance: random.Random) -> str:
    """`text` with one kind of what hurried people do to it; unchanged where nothing of the kind is possible.

    Args:
        text: as it came in or normalised, before its protected spans are masked.
        kind: one of `KINDS`.
        language: BCP-47; one that we have no tables for gets what its script allows.
        chance: decides everything.

    Raises:
        ValueError: unknown kind.
    """
    return _first_change(text, _acts(kind, language), language, chance, added_spans=int(kind == "emoji"))


def augment_pair(source: str, target: str, kind: str, language_source: str, chance: random.Random) -> tuple[str, str]:
    """A training pair with an augmented source, of which the target is still the right translation.

    An emoji is put on both sides, so that it is translated as itself (module docstring), unless the source has the same already. Fillers
    and tails, which the target would have to translate too, are left out of the noise.

    Raises:
        ValueError: unknown kind.
    """
    acts = _acts(kind, language_source)
    if kind != "emoji":
        return _first_change(source, [act for act in acts if act not in WORDED], language_source, chance), target
    emoji, in_place = _fitting(source, chance), chance.random() < 0.5
    pair = _with_emoji(source, emoji, in_place), _with_emoji(target, emoji, in_place)
    both = all(text.strip() and _keeps(find_protected(text), after, 1) for text, after in zip((source, target), pair, strict=True))
    return pair if both and emoji not in source else (source, target)  # of two equal emoji, only one may find its like in the target


def sometimes(text: str, language: str, shares: Augmentation, chance: random.Random) -> str:
    """`text`, augmented with at most one kind, each as often as its share says."""
    kind = draw_kind(shares, chance)
    return text if kind is None else augment(text, kind, language, chance)


def draw_kind(shares: Augmentation, chance: random.Random) -> str | None:
    """One of `KINDS`, each as often as its share says; `None` the rest of the time."""
    drawn = chance.random()
    for kind in KINDS:
        share = float(getattr(shares, kind))
        if drawn < share:
            return kind
        drawn -= share
    return None


def _acts(kind: str, language: str) -> Sequence[Act]:
    """What can be done for this kind in the language's script.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in ACTS:
        raise ValueError(f"augmentation {kind!r} is not known; valid: {', '.join(KINDS)}")
    spaced, unspaced = ACTS[kind]
    return unspaced if _base(language) in UNSPACED else spaced


def _base(language: str) -> str:
    return language.split("-")[0].lower()


def _first_change(text: str, acts: Sequence[Act], language: str, chance: random.Random, added_spans: int = 0) -> str:
    """The result of the first act, in random order, that changes the text and keeps its protected spans; `text` if none does."""
    spans, taken = _spans(text), set(text)
    places = list(islice((c for c in map(chr, PLACES) if c not in taken), len(spans)))
    if not text.strip() or len(places) < len(spans):
        return text
    masked = mask(text, spans, places)
    span_at = dict(zip(places, (span.text for span in spans), strict=True))
    for act in chance.sample(acts, len(acts)):
        result = act(masked, _base(language), chance)
        changed = "".join([span_at.get(c, c) for c in result])
        if result != masked and _keeps(spans, changed, added_spans):
            return changed
    return text


@functools.lru_cache(TEXTS_KEPT)
def _spans(text: str) -> tuple[Span, ...]:
    return tuple(find_protected(text))


def _keeps(spans: Sequence[Span], changed: str, added_spans: int) -> bool:
    """Whether `changed` has the same protected spans, and `added_spans` behind them."""
    after = [span.text for span in find_protected(changed)]
    return len(after) == len(spans) + added_spans and after[: len(spans)] == [span.text for span in spans]


def _lower(text: str, language: str, chance: random.Random) -> str:
    return text.lower()


def _upper(text: str, language: str, chance: random.Random) -> str:
    """Capitals, as the caps-lock key and `str.upper` give them: ß becomes SS."""
    return text.upper()


def _title(text: str, language: str, chance: random.Random) -> str:
    return WORD.sub(lambda word: word.group()[0].title() + word.group()[1:].lower(), text)


def _first_lower(text: str, language: str, chance: random.Random) -> str:
    """The first letter of the text lower, unless its word is all capitals."""
    word = WORD.search(text)
    if word is None or not (len(word.group()) == 1 or word.group()[1:].islower()):
        return text
    return text[: word.start()] + text[word.start()].lower() + text[word.start() + 1 :]


def _full_width(text: str, language: str, chance: random.Random) -> str:
    """Latin letters as a Chinese input method writes them in its full-width mode."""
    return text.translate(FULL_WIDTH)


def _cut_end(text: str) -> tuple[str, str]:
    """(text without its end marks, those marks with a space that stands before them)."""
    text = text.rstrip()
    body = text.rstrip(END_MARKS).rstrip()
    return (body, text[len(body) :]) if body else (text, "")


def _no_end_mark(text: str, language: str, chance: random.Random) -> str:
    return _cut_end(text)[0]


def _doubled_end_mark(text: str, language: str, chance: random.Random) -> str:
    body, marks = _cut_end(text)
    return body + marks + marks[-1:] * chance.randint(1, 3)


def _dots(text: str, language: str, chance: random.Random) -> str:
    """Dots at the end, before a question mark if there is one."""
    body, marks = _cut_end(text)
    dots = chance.choice(("。。。", "……", "...") if language in UNSPACED else ("...", "..", " ...", "…"))
    return body + dots + marks.lstrip(".。… ")


def _unspaced_commas(text: str, language: str, chance: random.Random) -> str:
    return SPACED_COMMA.sub(",", text)


def _no_commas(text: str, language: str, chance: random.Random) -> str:
    return SPACED_COMMA.sub(" ", text)


def _no_apostrophes(text: str, language: str, chance: random.Random) -> str:
    return APOSTROPHE.sub("", text)


def _no_inverted_marks(text: str, language: str, chance: random.Random) -> str:
    return text.replace("¿", "").replace("¡", "")


def _half_width_marks(text: str, language: str, chance: random.Random) -> str:
    return text.translate(HALF_WIDTH)


def _spaces_for_commas(text: str, language: str, chance: random.Random) -> str:
    return text.replace("，", " ")


def _edited(text: str, edits: Iterable[tuple[re.Match[str], str]]) -> str:
    """`text` with what each match found replaced; the matches do not overlap."""
    parts, position = [], 0
    for match, new in sorted(edits, key=lambda edit: edit[0].start()):
        parts += [text[position : match.start()], new]
        position = match.end()
    return "".join(parts) + text[position:]


def _some(found: Sequence[re.Match[str]], text: str, language: str, chance: random.Random) -> list[re.Match[str]]:
    """As many of the found places as a text of this length has typos, at least one."""
    usual = len(HAN.findall(text)) / HAN_PER_TYPO if language in UNSPACED else len(WORD.findall(text)) / WORDS_PER_TYPO
    return chance.sample(found, min(len(found), max(1, round(usual))))


def _slips(text: str, language: str, chance: random.Random) -> str:
    """Slips of the finger in words of four letters and more; their first letter stays."""
    picked = _some(list(SLIPPABLE.finditer(text)), text, language, chance)
    return _edited(text, [(word, _slip(word.group(), language, chance)) for word in picked])


def _slip(word: str, language: str, chance: random.Random) -> str:
    """One slip: the key beside the right one, two letters swapped, one dropped or one doubled."""
    place = chance.randrange(1, len(word) - 1)
    head, letter, following, tail = word[:place], word[place], word[place + 1], word[place + 2 :]
    beside = _neighbours(language).get(letter.lower(), letter)
    key = chance.choice(beside)
    swapped = following + letter if following != letter else following
    return (
        head
        + chance.choice(((key.upper() if letter.isupper() else key) + following, swapped, following, letter + letter + following))
        + tail
    )


@functools.cache
def _neighbours(language: str) -> dict[str, str]:
    """Key -> the letter keys that touch it, on the language's usual keyboard."""
    rows = LAYOUTS.get(language, QWERTY)
    places = {letter: (row, column) for row, keys in enumerate(rows) for column, letter in enumerate(keys)}
    touching = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))  # each row is shifted to the right by half a key or less
    return {
        letter: "".join(other for other, (r, c) in places.items() if (r - row, c - column) in touching)
        for letter, (row, column) in places.items()
    }


def _no_accents(text: str, language: str, chance: random.Random) -> str:
    """Letters as a foreign keyboard has them; German has a custom for it (ue, ss), or the dots are left out."""
    if language == "de" and chance.random() < 0.5:
        text = text.translate(GERMAN)
    return ACCENTED.sub(lambda letter: unicodedata.normalize("NFD", letter.group())[0], text)


def _usual_slips(text: str, language: str, chance: random.Random) -> str:
    """Misspellings that the language is known for; in Chinese, words of the same sound or shape."""
    pattern, wrong_forms = _slip_table(language)
    if pattern is None:
        return text
    picked = _some(list(pattern.finditer(text)), text, language, chance)
    return _edited(text, [(word, _like(word.group(), chance.choice(wrong_forms[word.group().lower()]))) for word in picked])


def _like(model: str, word: str) -> str:
    """`word` with a capital where `model` has one."""
    return word[0].upper() + word[1:] if model[0].isupper() else word.lower()


@functools.cache
def _slip_table(language: str) -> tuple[re.Pattern[str] | None, dict[str, list[str]]]:
    """What finds the right forms in a text, longest first, and right form -> wrong forms."""
    entries = [entry.split() for entry in USUAL_SLIPS.get(language, "").split(",") if entry.strip()]
    if not entries:
        return None, {}
    longest_first = sorted((right for right, *_ in entries), key=len, reverse=True)
    edge = "" if language in UNSPACED else r"\b"
    pattern = re.compile(f"{edge}(?:{'|'.join(map(re.escape, longest_first))}){edge}", re.IGNORECASE)
    return pattern, {right.lower(): wrong for right, *wrong in entries}


def _lost_han(text: str, language: str, chance: random.Random) -> str:
    """Characters dropped, but no negation or numeral, and only from texts that can spare one."""
    found = [character for character in HAN.finditer(text) if character.group() not in KEPT_HAN]
    return _edited(text, [(character, "") for character in _some(found, text, language, chance)]) if len(found) > 3 else text


def _doubled_han(text: str, language: str, chance: random.Random) -> str:
    found = [character for character in HAN.finditer(text) if character.group() not in KEPT_HAN]
    return _edited(text, [(character, character.group() * 2) for character in _some(found, text, language, chance)])


def _at_one(found: Sequence[re.Match[str]], text: str, new: str, chance: random.Random) -> str:
    """`text` with one of the found places replaced."""
    return _edited(text, [(chance.choice(found), new)]) if found else text


def _stray_space(text: str, language: str, chance: random.Random) -> str:
    """A space before a mark or inside a long word; in Chinese between two characters."""
    if language in UNSPACED:
        return _at_one(list(TWO_HAN.finditer(text)), text, " ", chance)
    marks, words = list(BEFORE_MARK.finditer(text)), list(LONG_WORD.finditer(text))
    if marks and (not words or chance.random() < 0.5):
        return _at_one(marks, text, " ", chance)
    if not words:
        return text
    word = chance.choice(words)
    place = chance.randrange(word.start() + 2, word.end() - 1)
    return f"{text[:place]} {text[place:]}"


def _looong(text: str, language: str, chance: random.Random) -> str:
    """A final vowel, or a Chinese final particle, held for long: sooo, 吗吗吗; Chinese without a particle gets a wave."""
    if language not in UNSPACED:
        words = list(ENDS_IN_VOWEL.finditer(text))
        word = chance.choice(words) if words else None
        return text if word is None else text[: word.end()] + word.group()[-1] * chance.randint(2, 4) + text[word.end() :]
    body, marks = _cut_end(text)
    return body + body[-1] * chance.randint(1, 2) + marks if body.endswith(FINAL_PARTICLE) else body + "～" * chance.randint(1, 2)


def _broken_line(text: str, language: str, chance: random.Random) -> str:
    """A line break where a mail program wraps."""
    places = TWO_HAN if language in UNSPACED else SINGLE_SPACE
    return _at_one(list(places.finditer(text)), text, "\n", chance)


def _quoted(text: str, language: str, chance: random.Random) -> str:
    """Marks of a quoted mail before each line, broken once or not; or left-over quotation marks."""
    if chance.random() < 0.3:
        return f'"{text}"'
    broken = _broken_line(text, language, chance) if chance.random() < 0.5 else text
    return "> " + broken.replace("\n", "\n> ")


def _tail(text: str, language: str, chance: random.Random) -> str:
    """What a mail program adds below."""
    tails = TAILS.get(language)
    return f"{text}\n{chance.choice(tails)}" if tails else text


def _opener(text: str, language: str, chance: random.Random) -> str:
    openers = OPENERS.get(language)
    return chance.choice(openers) + text if openers else text


def _closer(text: str, language: str, chance: random.Random) -> str:
    """A filler behind the text; a Chinese particle stands before the end mark, and not behind another particle."""
    closers = CLOSERS.get(language)
    if not closers:
        return text
    body, marks = _cut_end(text)
    closer = chance.choice(closers)
    if language not in UNSPACED:
        return body + marks + closer
    if len(closer) > 1:
        return body + (marks or "，") + closer
    return text if body.endswith(FINAL_PARTICLE) else body + closer + marks


def _fitting(text: str, chance: random.Random) -> str:
    """One to three emoji that fit what is spoken of."""
    pool = "".join(emoji for emoji, words in FITTING.items() if words.search(text)) or ALWAYS_FITTING
    count = chance.choice((1, 1, 2, 3))
    return chance.choice(pool) * count if chance.random() < 0.5 else "".join(chance.choices(pool, k=count))


def _with_emoji(text: str, emoji: str, in_place: bool) -> str:
    """`text` with `emoji` behind it or in place of its end mark; no space where the text is Chinese."""
    body, marks = _cut_end(text)
    space = "" if HAN.search(body[-1:]) else " "
    return body + space + emoji if in_place else f"{body}{marks}{space}{emoji}"


def _emoji_behind(text: str, language: str, chance: random.Random) -> str:
    return _with_emoji(text, _fitting(text, chance), in_place=False)


def _emoji_for_mark(text: str, language: str, chance: random.Random) -> str:
    return _with_emoji(text, _fitting(text, chance), in_place=True)


END_MARK_ACTS: tuple[Act, ...] = (_no_end_mark, _doubled_end_mark, _dots)
SURFACE: tuple[Act, ...] = (_stray_space, _looong, _broken_line, _quoted)
WORDED: tuple[Act, ...] = (_tail, _opener, _closer)  # noise in words, which a translation would have to say too
EMOJI: tuple[Act, ...] = (_emoji_behind, _emoji_for_mark)
ACTS: dict[str, tuple[Sequence[Act], Sequence[Act]]] = {  # kind -> what is done to spaced languages, what to unspaced ones
    "case": ((_lower, _upper, _title, _first_lower), (_lower, _upper, _full_width)),
    "punctuation": (
        (*END_MARK_ACTS, _unspaced_commas, _no_commas, _no_apostrophes, _no_inverted_marks),
        (*END_MARK_ACTS, _half_width_marks, _spaces_for_commas),
    ),
    "typos": ((_slips, _slips, _usual_slips, _no_accents), (_usual_slips, _usual_slips, _lost_han, _doubled_han)),
    "noise": ((*SURFACE, *WORDED), (*SURFACE, *WORDED)),
    "emoji": (EMOJI, EMOJI),
}
