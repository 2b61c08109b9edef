"""Whether a text spells a number in words, which its translation may write in digits.

    spells_number("the two pumps")    True: "2 Pumpen" is right
    spells_one("eine Pumpe")          True: "1 pump" is right

Counted are cardinals, ordinals, fractions (½ too), dozens, noon and midnight, and the months, which Chinese numbers (June is 6月). Where a
word is a number in one language and another word in the next (es *once*, en *second*), it counts.

Not covered: other languages than en, de, es, zh: there no number is spelled; numerals within other words (*Zweitakter*).
"""

from __future__ import annotations

import re
import unicodedata

ENGLISH = """
    zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
    twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million millions billion dozen dozens
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth half quarter once twice double
    noon midnight fortnight
    january february april june july august september october november december
"""
GERMAN = """
    null zwei drei vier fünf sechs sieben acht neun zehn elf zwölf hundert tausend million millionen dutzend
    halb halbe halben halber halbes hälfte viertel drittel anderthalb einmal zweimal dreimal doppelt doppelte doppelten
    erste ersten erster erstes zweite zweiten zweiter zweites dritte dritten dritter drittes vierte vierten fünfte fünften
    mittag mittags mitternacht
    januar februar märz mai juni juli oktober dezember
"""
SPANISH = """
    cero dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve
    veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento cientos mil millón millones docena docenas
    primer primero primera segundo segunda tercer tercero tercera cuarto cuarta quinto quinta medio media mitad doble
    mediodía medianoche quincena
    enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre
"""
WORDS = frozenset(f"{ENGLISH} {GERMAN} {SPANISH}".split())
# German writes numbers in one word and Spanish some of them: vierundzwanzig, fünfhundert, veinticuatro, doscientos.
COMPOUND = re.compile(
    r"\w*(?:zehn|zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig|hundert|tausend)|veinti\w+|\w+cient[oa]s"
)
MONTH = re.compile(r"(?<=\s)(?:March|May)\b")  # at the start of a sentence they are mostly verbs
CHINESE = re.compile("[〇二两三四五六七八九十百千万亿半双倍]|零(?![件部售配])|中午|午夜")
ONES = frozenset(["a", "an", "one", "each", "per", "ein", "eins", "eine", "einen", "einem", "einer", "eines", "un", "uno", "una"])
NUMBERS = ("No", "Nl")  # Unicode's categories of ½, ², ① and Ⅳ
WORD = re.compile(r"[^\W\d_]+")


def spells_number(text: str) -> bool:
    """Whether a word or a Chinese character of `text` stands for a number other than one."""
    if CHINESE.search(text) or MONTH.search(text) or any(unicodedata.category(character) in NUMBERS for character in text):
        return True
    return any(word in WORDS or COMPOUND.fullmatch(word) for word in WORD.findall(text.lower()))


def spells_one(text: str) -> bool:
    """Whether a word or a Chinese character of `text` stands for one, articles included."""
    return "一" in text or not ONES.isdisjoint(WORD.findall(text.lower()))
