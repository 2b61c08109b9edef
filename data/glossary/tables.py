r"""Glossaries as tables: CSV, TSV and the first sheet of an XLSX.

Our own columns, of which only a language is needed:

    industry  id  tags  pos  case  translate  confused_with  note  en  en.pl  en.forbidden  de  de.gender  de.pl ...

A cell holds alternatives with ` | ` between them; of a language the first is preferred. The nth of `en.pl` is a form of the nth of `en`,
and may be empty. `\|` is a bar, `\\` a backslash, `\n`, `\r` and `\t` what they are elsewhere.

Columns that translation services export are read, too: `sourceLang, targetLang, sourceString, targetString`, `id` or `stringID`, `pos`,
`description`. There ` : ` stands between alternatives, and what follows one in brackets says when to use it and goes into the note. Rows
without any word are passed over.

Source: the columns of TICO-19's terminologies, https://tico-19.github.io/terminologies.html

Not covered: other column names for a language (`German`); number formats and styles of cells.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data.glossary.loading import Entry, Problem
from data.glossary.term import Glossary, Term
from data.readers.codes import language_tag
from data.readers.row import Row, library
from data.readers.rows import read_rows
from data.records import Reject, Writer, write_bytes

RULES = ("industry", "id", "tags", "pos", "case", "translate", "confused_with", "note")
LISTS = frozenset({"tags", "confused_with"})
NO = frozenset({"false", "no", "0"})
YES = frozenset({"true", "yes", "1", ""})
PAIR = ("sourcelang", "targetlang", "sourcestring", "targetstring")
PAIR_NAMES = {"stringid": "id", "description": "note"}
REMARK = re.compile(r"\s*\[([^\]]+)\]$")
SPLIT = re.compile(r"(?<!\\)((?:\\\\)*)\|")
ESCAPED = re.compile(r"\\([\\|nrt])")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
WRITTEN = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def read_table(path: Path, encoding: str | None) -> tuple[list[Entry], list[Problem]]:
    """The entries of a table, and what is wrong with its other rows.

    Raises:
        ValueError: it is not of its format, or no column is a language.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    plan: _Columns | None = None
    for row in read_rows(path, encoding=encoding):
        if isinstance(row, Reject):
            problems.append(Problem(str(path), row.line, row.reason))
            continue
        if plan is None:
            plan = _Columns(path, tuple(row.values))
            problems += plan.problems
        try:
            if entry := plan.entry(row):
                entries.append((row.number, entry))
        except ValueError as error:
            problems.append(Problem(str(path), row.number, str(error)))
    return entries, problems


class _Columns:
    """What the columns of a table mean.

    Args:
        path: the file.
        names: of its columns.
    """

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self.problems: list[Problem] = []
        lower = {name.lower(): name for name in names}
        self._pair = [lower[name] for name in PAIR] if lower.keys() >= set(PAIR) else []
        self._rules: list[tuple[str, str]] = []
        self._words: list[tuple[str, str]] = []
        self._forms: list[tuple[str, str, str]] = []
        for name in names:
            self._add(path, name)
        taken = [language for language, _ in self._words]
        twice = sorted({language for language in taken if taken.count(language) > 1})
        if twice:
            raise ValueError(f"{path}: more than one column is in {', '.join(twice)}; columns: {', '.join(names)}")
        if not self._words and not self._pair:
            raise ValueError(f"{path}: no column is a language (en, de, zh-Hant ...); columns: {', '.join(names)}")

    def _add(self, path: Path, name: str) -> None:
        """Find out what a column means."""
        rule = PAIR_NAMES.get(name.lower(), name.lower())
        code, dot, form = name.partition(".")
        language = language_tag(code)
        if rule in RULES:
            self._rules.append((rule, name))
        elif language and form not in ("", "base"):
            self._forms.append((language, form, name))
        elif language and not dot:
            self._words.append((language, name))
        elif name not in self._pair:
            reason = f"the column {name!r} is neither a language nor one of {', '.join(RULES)}, and is passed over"
            self.problems.append(Problem(str(path), 1, reason))

    def entry(self, row: Row) -> dict[str, Any]:
        """The entry of a row, as the YAML files write it; empty for a row without any word.

        Raises:
            ValueError: a cell cannot be what its column says.
        """
        words, remarks = self._pair_words(row.values) if self._pair else (self._own_words(row.values), [])
        if not words:
            return {}
        entry: dict[str, Any] = {}
        for rule, column in self._rules:
            if value := row.values[column].strip():
                entry[rule] = _rule(rule, value)
        if remarks:
            entry["note"] = " ".join([entry["note"], *remarks] if "note" in entry else remarks)
        return {**entry, **words}

    def _own_words(self, values: dict[str, str]) -> dict[str, Any]:
        """Language -> words, as the YAML files write them.

        Raises:
            ValueError: there are more forms than words.
        """
        found: dict[str, list[dict[str, str]]] = {}
        forbidden: dict[str, list[str]] = {}
        for language, column in self._words:
            if values[column].strip():
                found[language] = [{"base": text} for text in alternatives(values[column])]
        for language, form, column in self._forms:
            if not values[column].strip():
                continue
            if form == "forbidden":
                forbidden[language] = alternatives(values[column])
            else:
                _add_forms(found.get(language, []), form, column, alternatives(values[column]))
        return {language: _words_entry(found.get(language, [{}]), forbidden.get(language)) for language in found | forbidden}

    def _pair_words(self, values: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
        """Language -> words of a row that names its languages itself, and the remarks on them.

        Raises:
            ValueError: a language is not known.
        """
        source, target, *texts = (values[column].strip() for column in self._pair)
        if not any(texts):
            return {}, []
        words: dict[str, Any] = {}
        remarks: list[str] = []
        for code, text in zip((source, target), texts, strict=True):
            language = language_tag(code)
            if not language:
                raise ValueError(f"{code!r} is no language's code")
            split = [alternative.strip() for alternative in text.split(" : ")]
            plain = [REMARK.sub("", alternative) for alternative in split]
            remarks += [f"{word}: {found[1]}." for word, full in zip(plain, split, strict=True) if (found := REMARK.search(full))]
            words[language] = _words_entry([{"base": word} for word in plain], None)
        return words, remarks


def _add_forms(words: list[dict[str, str]], form: str, column: str, texts: list[str]) -> None:
    """Give each word its form.

    Raises:
        ValueError: there are more forms than words.
    """
    if len(texts) > len(words):
        raise ValueError(f"the column {column} has {len(texts)} alternatives, but {column.partition('.')[0]} has {len(words)}")
    for word, text in zip(words, texts, strict=False):
        if text:
            word[form] = text


def _rule(rule: str, value: str) -> Any:
    """A cell that is no word, as the YAML files write it."""
    if rule in LISTS:
        return alternatives(value)
    if rule == "translate" and value.lower() in NO | YES:
        return value.lower() in YES
    return value.lower() if rule == "case" else unescaped(value)


def _words_entry(words: list[dict[str, str]], forbidden: list[str] | None) -> Any:
    if len(words) == 1 and len(words[0]) == 1 and not forbidden:
        return words[0]["base"]
    entry: dict[str, Any] = dict(words[0])
    if len(words) > 1:
        entry["synonyms"] = words[1:]
    if forbidden:
        entry["forbidden"] = forbidden
    return entry


def alternatives(cell: str) -> list[str]:
    """What stands between the bars of a cell."""
    if "\\" not in cell:
        return [cell.strip()] if "|" not in cell else [text.strip() for text in cell.split("|")]
    return [unescaped(text.strip()) for text in SPLIT.sub(r"\1" + "\0", cell).split("\0")]


def unescaped(text: str) -> str:
    """A text without the backslashes that a cell needs."""
    return ESCAPED.sub(lambda match: ESCAPES.get(match[1], match[1]), text) if "\\" in text else text


def write_csv(path: Path, glossary: Glossary) -> None:
    """Write a glossary as CSV (RFC 4180)."""
    with Writer(path) as file:
        for row in table(glossary):
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(row)
            file.write(line.getvalue())


def write_tsv(path: Path, glossary: Glossary) -> None:
    """Write a glossary as TSV, without quoting."""
    with Writer(path) as file:
        for row in table(glossary):
            file.write("\t".join(row) + "\n")


def write_xlsx(path: Path, glossary: Glossary) -> None:
    """Write a glossary as a workbook of one sheet; every cell is text, even where it looks like a formula."""
    book = library("openpyxl", path).Workbook(write_only=True)
    cell_type = library("openpyxl.cell", path).WriteOnlyCell
    sheet = book.create_sheet(glossary.industry[:31])  # Excel's limit
    for row in table(glossary):
        cells = [cell_type(sheet, value=text) for text in row]
        for cell in cells:
            cell.data_type = "s"
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    write_bytes(path, content.getvalue())


def table(glossary: Glossary) -> Iterator[list[str]]:
    """The rows of a glossary, the header first."""
    forms: dict[str, dict[str, None]] = {}
    for term in glossary.terms:
        for language in term.forms:
            names = forms.setdefault(language, {})
            names.update((name, None) for word in term.words(language) for name in word if name != "base")
            if language in term.forbidden:
                names["forbidden"] = None
    words = [(language, name) for language, names in forms.items() for name in ("base", *names)]
    yield [*RULES, *(language if name == "base" else f"{language}.{name}" for language, name in words)]
    for term in glossary.terms:
        yield [*_rule_cells(term, glossary.industry), *(_word_cell(term, language, name) for language, name in words)]


def _rule_cells(term: Term, industry: str) -> list[str]:
    confused = [identifier.partition("/")[2] for identifier in term.confused_with]
    case = "" if term.case == "ignore" else term.case
    texts = [term.pos, case, "" if term.translate else "false"]
    plain = [industry, term.name]
    return [*map(_escaped, plain), cell(term.tags), *map(_escaped, texts), cell(confused), _escaped(term.note)]


def _word_cell(term: Term, language: str, name: str) -> str:
    if language not in term.forms:
        return ""
    if name == "forbidden":
        return cell(term.forbidden.get(language, ()))
    texts = [word.get(name, "") for word in term.words(language)]
    return cell(texts) if any(texts) else ""


def cell(texts: Iterable[str]) -> str:
    """Alternatives as they stand in a cell."""
    return " | ".join(map(_escaped, texts))


def _escaped(text: str) -> str:
    return text.translate(WRITTEN)
