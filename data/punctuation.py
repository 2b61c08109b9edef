"""The punctuation of the target language: full-width marks in Chinese, ASCII ones in the others.

    punctuate("请稍等, 谢谢!", "zh")         请稍等，谢谢！
    punctuate("Danke，bis morgen。", "de")   Danke, bis morgen.

Only what is wrong changes: a model mostly writes it right. A mark takes the form of the text that it belongs to, so that 1,000.5, 10:30,
a.example and a Latin sentence within a Chinese one keep theirs. Never changed: protected spans (`data.protect`) and their markers, and
the texts in `kept` (terms, which stand as their glossary has them).

In Chinese, spaces beside a full-width mark and between two Chinese characters go; those between Chinese and Latin stay. A space between
two stretches of Chinese stands for a pause in chats, and becomes a comma where each is of three characters or more.

Not covered: ... and ……; 「」 and 《》; - and ——; full-width letters and digits.

Source: GB/T 15834-2011 (the marks of Chinese and their width).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from data.language import HAN, UNSPACED
from data.normalize import PRIVATE_USE
from data.protect import find_protected

FULL = dict(zip(",.;:?!", "，。；：？！", strict=True))
ASCII = {full: mark for mark, full in FULL.items()} | {"、": ",", "（": "(", "）": ")"}
MARK = re.compile(r",|[?!]+|[;:](?!-?[()])|(?<!\.)\.(?![.A-Za-z])")  # :) is a smile, .com an end
BRACKETS = re.compile(r"\(([^()]*)\)")
QUOTES = re.compile(r"\"([^\"]*)\"")
LATIN_SENTENCE = re.compile(r"[A-Za-zÀ-ɏ][,;:.!?]? +[A-Za-zÀ-ɏ'’\-]+$")  # two words before a mark
FULL_MARK = "，。；：？！（）、"
QUOTED = rf"(?:{HAN.pattern}|[“”])"
GAP = r"(?<![ \u00a0\u3000])[ \u00a0\u3000]+"
NEEDLESS = re.compile(rf"{GAP}(?=[{FULL_MARK}])|(?<=[{FULL_MARK}]){GAP}|(?<={QUOTED}){GAP}(?={QUOTED})")
PAUSE = re.compile(rf"(?<={HAN.pattern * 3}){GAP}(?={HAN.pattern * 3})")
NEAR = 80  # characters looked at on each side of a mark, so that a text of marks takes linear time
FULL_WIDTH = re.compile(rf"(?<! ) *[{''.join(ASCII)}] *")


def punctuate(text: str, language: str, kept: Sequence[str] = ()) -> str:
    """`text`, one line in `language`, with that language's punctuation; `kept` are texts that stay as they are."""
    rules = (_brackets, _quotes, _marks, _pauses, _spaces) if language in UNSPACED else (_ascii,)
    for rule in rules:
        text = rule(text, _frozen(text, kept))
    return text


Frozen = Callable[[int], bool]


def _frozen(text: str, kept: Sequence[str]) -> Frozen:
    """Whether a place of `text` belongs to what must not change."""
    places = {place for span in find_protected(text) for place in range(span.start, span.end)}
    places |= {match.start() for match in PRIVATE_USE.finditer(text)}
    for term in filter(None, kept):
        places |= {place for match in re.finditer(re.escape(term), text) for place in range(match.start(), match.end())}
    return places.__contains__


def _brackets(text: str, frozen: Frozen) -> str:
    """Brackets full-width around Chinese, and behind it."""

    def wide(match: re.Match[str]) -> str:
        """Brackets, full-width if they are in Chinese."""
        chinese = HAN.search(match[1]) or _chinese(_before(text, match.start())[-1:])
        return f"（{match[1].strip()}）" if chinese and not frozen(match.start()) and not frozen(match.end() - 1) else match[0]

    return BRACKETS.sub(wide, text)


def _quotes(text: str, frozen: Frozen) -> str:
    """Straight quotes typographic around Chinese; a pair behind a value is no pair (5" is inches)."""

    def curled(match: re.Match[str]) -> str:
        """Quotes, typographic if they are in Chinese."""
        start = match.start()
        inches = start > 0 and (frozen(start - 1) or text[start - 1].isdigit())
        return f"“{match[1].strip()}”" if HAN.search(match[1]) and not inches and not frozen(start) else match[0]

    return QUOTES.sub(curled, text)


def _marks(text: str, frozen: Frozen) -> str:
    """Marks full-width where they stand in Chinese."""
    if not HAN.search(text):
        return text

    def wide(match: re.Match[str]) -> str:
        """Marks, full-width if they are in Chinese."""
        start, end = match.span()
        return "".join(FULL[mark] for mark in match[0]) if not frozen(start) and _in_chinese(text, start, end, frozen) else match[0]

    return MARK.sub(wide, text)


def _in_chinese(text: str, start: int, end: int, frozen: Frozen) -> bool:
    """Whether marks belong to Chinese text: they follow Chinese, or stand between a value or one Latin word and Chinese or the end."""
    left, right = _before(text, start), text[end : end + NEAR]
    if not left or right[:1].isdigit():
        return False
    if _chinese(left[-1]):
        return True
    ends = end + NEAR > len(text) and not right.strip(' ”’）」』")')
    if frozen(start - 1):
        return ends or (text[start] != "." and _chinese(right.lstrip(" ")[:1]))  # 14.11. is a date
    return text[start] != "." and (ends or _chinese(right.lstrip(" ")[:1])) and not LATIN_SENTENCE.search(left)


def _before(text: str, place: int) -> str:
    """What stands before a place, without space at its end."""
    return text[max(0, place - NEAR) : place].rstrip(" ")


def _pauses(text: str, frozen: Frozen) -> str:
    """A comma for a space between two stretches of Chinese."""
    return PAUSE.sub(lambda match: match[0] if frozen(match.start()) else "，", text)


def _spaces(text: str, frozen: Frozen) -> str:
    """No space beside full-width marks and between Chinese characters."""
    return NEEDLESS.sub(lambda match: match[0] if frozen(match.start()) else "", text)


def _ascii(text: str, frozen: Frozen) -> str:
    """Full-width marks as ASCII ones with the spaces that go with them, but for those within Chinese that was left as it is."""

    def narrow(match: re.Match[str]) -> str:
        """A mark as ASCII has it, unless it is in Chinese."""
        left, right = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        mark = match[0].strip(" ")
        chinese = HAN.match(left or right) and (not right or HAN.match(right))
        if frozen(match.start() + match[0].index(mark)) or chinese or (left.isdigit() and right.isdigit() and match[0] == mark):
            return match[0]
        if mark == "（":
            return ("" if left in {"", "(", "["} else " ") + "("
        return ASCII[mark] + (" " if right and right not in f".,;:?!)]”\"'{''.join(ASCII)}" else "")

    return FULL_WIDTH.sub(narrow, text)


def _chinese(character: str) -> bool:
    """Whether a character is Chinese, or a mark of Chinese text; an empty one is not."""
    return bool(character) and (HAN.match(character) is not None or character in FULL_MARK or character in "“”《》「」『』…")
