"""Terms as the models read and write them, the same in training and in serving: their place and their grammar, never their letters.

    "the pumps are"  ->  "the‹ pumps①fp are"        START, the term, its mark, and the grammar of what it is to become (here f p)
    "die ①p sind"    ->  "die Pumpen sind"          its mark and the form that the sentence wants of it

A model reads where a term stands, and of the word that is to stand for it the gender or measure word and the forms that it has. It writes
the term's mark and the name of a form, and the glossary says how that is spelled. So any word can be asked for, the articles around it
fit, it is inflected as the sentence wants, and none is misspelled. All of these are single pieces of our own vocabularies.

Two other ways were tried in the demo's training: to write the wanted word into the source for the model to copy and inflect (Dinu et al.
2019; Bergmanis and Pinnis 2021), which a model of two million parameters did not learn there; and to mask the term as what is protected
is, which is obeyed always and inflected never. This has the certainty of the one and the grammar of the other, as placeholders with
morphology have in Michon et al. 2020, https://aclanthology.org/2020.coling-main.348.

Not covered: more than eight terms of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from data.language import UNSPACED

TERMS = tuple(chr(0xE020 + i) for i in range(8))  # one for each term of a sentence
START, END = "\ue028", "\ue029"
FORMS = {"pl": "\ue030", "gen": "\ue031", "acc": "\ue032", "dat": "\ue033", "pl_dat": "\ue034"}  # of data/corpora/forms.yaml; not base
FEATURES = {"m": "\ue038", "f": "\ue039", "n": "\ue03a", "an": "\ue03b"}  # genders, and English words that want "an"
TERM_MARKS = (*TERMS, START, END, *FORMS.values(), *FEATURES.values())
_ANY_TERM = f"[{TERMS[0]}-{TERMS[-1]}]"
_GRAMMAR = f"[{''.join([*FORMS.values(), *FEATURES.values()])}]*"
REGION = re.compile(f"{START}[^{START}]*?{_ANY_TERM}")  # a term in a source
GIVEN = re.compile(f"{START}|{_ANY_TERM}{_GRAMMAR}(?:[^{''.join(TERM_MARKS)}]*{END})?")  # what annotating adds to a source
WRITTEN = re.compile(f"({_ANY_TERM})([{''.join(FORMS.values())}]?)")  # a term in a translation
WORD = re.compile(r"\w|[\ue000-\uf8ff]")  # a letter, or a marker of something
FIRST = re.compile(r"(?<!\w)[^\W\d_](?![A-Z])")  # the letter that gets a capital; not of eSIM
FALLBACK = {"pl_dat": "pl"}  # the form that stands for one that a word lacks, as in forms.yaml; of the others, the base form
FORM_OF = {piece: name for name, piece in FORMS.items()} | {"": "base"}


class Annotation(NamedTuple):
    """A term at `start:end` of a source, and the grammar of the word that it is to become."""

    start: int
    end: int
    grammar: str


def grammar(word: Mapping[str, str]) -> str:
    """What a model is told of a word: gender or article, measure word, and the forms that are spelled otherwise than those before them."""
    told = "".join(FEATURES.get(word.get(feature, ""), "") for feature in ("gender", "article"))
    spelled = {word["base"]}
    for name, piece in FORMS.items():
        if name in word and word[name] not in spelled:
            told += piece
            spelled.add(word[name])
    return f"{told}{word['classifier']}{END}" if "classifier" in word else told


def annotate(text: str, annotations: Sequence[Annotation], marks: Sequence[str] = TERMS) -> str:
    """`text` with its terms annotated.

    Args:
        text: a source sentence.
        annotations: in order, without overlaps.
        marks: of the terms, one each.
    """
    parts, position = [], 0
    for (start, end, told), mark in zip(annotations, marks, strict=False):
        before = start - 1 if text[position:start].endswith(" ") else start
        parts += [text[position:before], START, text[before:end], mark, told]
        position = end
    return "".join(parts) + text[position:]


def form_of(word: Mapping[str, str], name: str) -> str:
    """A form of a word, or the one that stands for it."""
    return word.get(name) or word.get(FALLBACK.get(name, "base")) or word["base"]


def bare(text: str) -> str:
    """An annotated text as it was."""
    return GIVEN.sub("", text)


def spell(text: str, word: Callable[[int, str], str], language: str) -> str:
    """A translation with its terms spelled.

    Args:
        text: with marks.
        word: (number of the term, name of the form) -> what is to stand there.
        language: of `text`; a word that begins a sentence gets a capital, where there are any.
    """

    def spelled(match: re.Match[str]) -> str:
        """The word in place of a mark."""
        found = word(TERMS.index(match[1]), FORM_OF[match[2]])
        inside = language in UNSPACED or WORD.search(text, 0, match.start())
        return found if inside else FIRST.sub(lambda letter: letter[0].upper(), found, 1)

    return WRITTEN.sub(spelled, text)
