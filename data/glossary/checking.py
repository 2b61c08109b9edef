"""What is wrong in glossary files: every problem of every file, with its line.

Each form in itself: its length, its characters and its script, and whether it is a word of which every message is full. Each term in
itself: forbidden words that it admits, words that should be the same and are not. And the terms of an industry together: of one source
form only one translation can be obeyed.

Two terms may share a word where one of them names the other in `confused_with`: then those who wrote the glossary know of it, and the
first of the two has the word. Locales are compared with themselves only.

Not covered: spelling, grammar, whether a translation is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from data.glossary.files import read_glossary
from data.glossary.loading import Loaded, Problem
from data.glossary.scripts import script_problem, variant_problem
from data.glossary.term import Term, written
from data.glossary.words import FUNCTION_WORDS
from data.normalize import INVISIBLE, PRIVATE_USE, SENTENCEPIECE_SPACE
from data.readers.codes import base_code

LONGEST = 1_024  # bytes of UTF-8, as DeepL's glossaries: https://developers.deepl.com/docs/api-reference/glossaries
MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|&(?:[A-Za-z]{2,8}|#\d+|#[xX][0-9A-Fa-f]+);|\{\w*\}|%\d*\$?[sd]\b")
LINE_BREAK = re.compile(r"[\t\n\r\u2028\u2029\x85]")


def check(
    paths: Sequence[Path], *, source: str | None = None, industry: str | None = None, encoding: str | None = None
) -> tuple[list[Loaded], list[Problem]]:
    """The files that could be read, and every problem of all of them, file by file, line by line.

    Args:
        paths: the files.
        source: the language that is translated from; `None`: every one may be.
        industry: of all terms; `None`: what the files say.
        encoding: of all files; `None`: found out.
    """
    files: list[Loaded] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            files.append(read_glossary(path, industry=industry, encoding=encoding))
        except ValueError as error:
            problems.append(Problem(str(path), 0, str(error).removeprefix(f"{path}: ")))
    problems += problems_of(files, source)
    order = {str(path): number for number, path in enumerate(paths)}
    return files, sorted(problems, key=lambda problem: (order[problem.file], problem.line))


def problems_of(files: Sequence[Loaded], source: str | None = None) -> Iterator[Problem]:
    """Every problem of files that could be read, those of terms against each other last; `source` as for `check`."""
    for file in files:
        yield from file.problems
        for line, term in zip(file.lines, file.glossary.terms, strict=True):
            yield from (Problem(str(file.path), line, f"{term.id}: {reason}", term.id) for reason in term_problems(term, source))
    yield from conflicts(files, source)


def term_problems(term: Term, source: str | None = None) -> Iterator[str]:
    """What is wrong with a term by itself, translated from `source` or from any language."""
    for language in term.forms:
        if not base_code(language):
            yield f"{language!r} is no language's code"
        yield from _language_problems(term, language)
        if source in (None, language):
            yield from _source_problems(term, language)
    bases = {word["base"] for word in term.forms.values()}
    if not term.translate and len(bases) > 1:
        yield f"is not to be translated, but is written {', '.join(sorted(bases))}"


def _language_problems(term: Term, language: str) -> Iterator[str]:
    """What is wrong with the words of one language."""
    admitted = [text for word in term.words(language) for text in written(word)]
    forbidden = term.forbidden.get(language, ())
    name = not term.translate or term.pos == "proper noun"
    for text in dict.fromkeys((*admitted, *forbidden)):
        yield from (f"{language} {text!r}: {reason}" for reason in form_problems(text, language, name))
    known = {_key(term, text) for text in admitted}
    yield from (f"{language} {text!r}: is forbidden and admitted" for text in forbidden if _key(term, text) in known)


def _source_problems(term: Term, language: str) -> Iterator[str]:
    """Which words of a language would be found where they are no term."""
    words = FUNCTION_WORDS.get(language.split("-")[0], frozenset())
    for text in dict.fromkeys(text for word in term.words(language) for text in written(word)):
        if term.case == "ignore" and text.lower() in words:
            hint = "" if text == text.lower() else " (case: keep tells it apart by its capitals)"
            yield f"{language} {text!r}: a word of which every message is full{hint}"
        elif len(text) == 1 and (text.isascii() or not text.isalpha()):
            yield f"{language} {text!r}: a single character"


def _key(term: Term, text: str) -> str:
    return text if term.case == "keep" else text.lower()


def form_problems(text: str, language: str, name: bool) -> Iterator[str]:
    """What is wrong with a form by itself.

    Args:
        text: the form.
        language: its code.
        name: whether it may be a name, which is written alike in every language.
    """
    if not text.strip():
        yield "empty"
        return
    if (size := len(text.encode())) > LONGEST:
        yield f"{size:,} bytes; a term has at most {LONGEST:,}"
    if found := MARKUP.search(text):
        yield f"holds markup ({found[0]})"
    if text != text.strip():
        yield "begins or ends with a space"
    control = INVISIBLE.search(text) or PRIVATE_USE.search(text) or LINE_BREAK.search(text)
    if control or SENTENCEPIECE_SPACE in text:
        yield f"holds a control or invisible character (U+{ord(control[0] if control else SENTENCEPIECE_SPACE):04X})"
    if not name and (reason := script_problem(text, language)):
        yield reason
    if reason := variant_problem(text, language):
        yield reason


def conflicts(files: Iterable[Loaded], source: str | None = None) -> Iterator[Problem]:
    """Terms of an industry whose words are the same in the source language, or in any."""
    first: dict[tuple[str, str, str], tuple[Loaded, int, Term]] = {}
    for file in files:
        for line, term in zip(file.lines, file.glossary.terms, strict=True):
            for language in term.forms if source is None else term.forms.keys() & {source}:
                reasons = []
                for text in dict.fromkeys(_key(term, word["base"]) for word in term.words(language)):
                    earlier = first.setdefault((file.glossary.industry, language, text), (file, line, term))
                    if earlier[2] is not term and (reason := _conflict(earlier[2], term, language)):
                        reasons.append(f"{term.id}: {language} {text!r}: {reason} at {earlier[0].path}:{earlier[1]}")
                yield from (Problem(str(file.path), line, reason, term.id) for reason in reasons)


def _conflict(earlier: Term, term: Term, language: str) -> str:
    """How two terms that share a word differ; empty where that is meant so."""
    if earlier.id in term.confused_with or term.id in earlier.confused_with:
        return ""
    others = [other for other in term.forms if other != language and other in earlier.forms]
    different = [other for other in others if _key(term, term.forms[other]["base"]) != _key(term, earlier.forms[other]["base"])]
    if not different:
        return f"stands for {earlier.id} too, a duplicate," if others or earlier.forms.keys() == term.forms.keys() else ""
    other = different[0]
    return f"is {term.forms[other]['base']!r} in {other} here, and {earlier.forms[other]['base']!r} as {earlier.id}"
