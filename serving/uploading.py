"""An uploaded file becomes a glossary, or a refusal with everything that is wrong in it.

It is read by `data.glossary.files` and checked by `data.glossary.checking`, as the command `python -m data.glossary check` does; JSON is
this service's own: {"entries": [...]}, each as the YAML files write it and as `GET /v1/glossaries/INDUSTRY` gives it.

YAML is looked through before it is read: deep nesting would end the process (PyYAML's parser in C, 100,000 brackets, measured), and an
alias can make a small file a large glossary.

Not covered: several industries in one file; time, which the caller's deadline limits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from data.glossary import Glossary
from data.glossary.checking import problems_of
from data.glossary.files import read_glossary
from data.glossary.loading import Loaded, Problem, assemble
from serving.errors import Detail, InvalidError, MediaTypeError
from serving.guard import parse_json

# RFC 4180, RFC 9512 and the IANA's list; TBX and TMX are not in it, and have what translation tools send.
MEDIA_TYPES = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/x-tbx": "tbx",
    "application/x-tmx": "tmx",
    "application/yaml": "yaml",
    "application/json": "json",
}
FORMATS = tuple(MEDIA_TYPES.values())
SHOWN_PROBLEMS = 100  # of a broken file: about three screens, and 20 kB of an answer
DEEPEST = 20  # lists and mappings inside each other; a glossary has 6
JSON_KEYS = frozenset({"industry", "entries"})


def format_of(content_type: str, asked: str | None) -> tuple[str, str | None]:
    """The format of a body, and the encoding that it is said to have.

    Args:
        content_type: the header.
        asked: `?format=`, which wins.

    Raises:
        InvalidError: `asked` is none.
        MediaTypeError: neither says a format.
    """
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    charset = next((value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name.lower() == "charset"), None)
    if asked is not None and asked not in FORMATS:
        problem = f"valid formats: {', '.join(FORMATS)}"
        raise InvalidError("not a valid request: format", [Detail("format", problem)])
    found = asked or MEDIA_TYPES.get(kind.lower())
    if found is None:
        raise MediaTypeError(f"the format is not known: send ?format= ({', '.join(FORMATS)}), or one of these as Content-Type: {_types()}")
    return found, charset


def _types() -> str:
    return ", ".join(MEDIA_TYPES)


def read_upload(content: bytes, industry: str, kind: str, encoding: str | None = None) -> Glossary:
    """The glossary of an uploaded file that has no problem.

    Args:
        content: the file.
        industry: that it is for.
        kind: one of `FORMATS`.
        encoding: of CSV, TSV, TBX and TMX; `None`: found out.

    Raises:
        MalformedError: it is not JSON and should be.
        InvalidError: it has problems; the first `SHOWN_PROBLEMS` of them with their lines.
        OSError: the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="quayside-") as folder:
        path = Path(folder) / f"{industry}.{kind}"
        try:
            loaded = _from_json(path, content, industry) if kind == "json" else _from_file(path, content, encoding)
        except ValueError as error:
            raise _refused(path, [Problem(str(path), 0, str(error).removeprefix(f"{path}: "))]) from None
    problems = [*_problems_of_file(loaded, industry), *problems_of([loaded])]
    if problems:
        raise _refused(path, sorted(problems, key=lambda problem: problem.line))
    return loaded.glossary


def _from_file(path: Path, content: bytes, encoding: str | None) -> Loaded:
    """What a file holds; the industry is the path's name if it names none.

    Raises:
        ValueError: it is not what its ending says.
    """
    if path.suffix == ".yaml":
        _check_yaml(content)
    path.write_bytes(content)
    return read_glossary(path, encoding=encoding)


def _check_yaml(content: bytes) -> None:
    """Raises ValueError: the file is nested too deeply, or has aliases."""
    depth = 0
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError(f"nested more than {DEEPEST} deep")
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"the alias *{event.anchor} must be written out")
    except yaml.YAMLError:
        return  # the reader says so, with the place


def _from_json(path: Path, content: bytes, industry: str) -> Loaded:
    """What a JSON body holds; its lines are the numbers of its entries.

    Raises:
        MalformedError: it is not JSON.
        ValueError: it has no entries, or more than these.
    """
    value = parse_json(content)
    if not isinstance(value, dict) or not isinstance(value.get("entries"), list) or not value.keys() <= JSON_KEYS:
        raise ValueError('a JSON body is {"entries": [...]}, and may have an "industry"')
    return assemble(path, str(value.get("industry") or industry), enumerate(value["entries"], 1), [])


def _problems_of_file(loaded: Loaded, industry: str) -> list[Problem]:
    """What is wrong with a file as a whole."""
    found = []
    if loaded.glossary.industry != industry:
        found.append(f"the file says that its industry is {loaded.glossary.industry!r}, and not {industry!r}")
    if not loaded.glossary.terms and not loaded.problems:
        found.append("the file has no terms")
    return [Problem(str(loaded.path), 0, reason) for reason in found]


def _refused(path: Path, problems: Sequence[Problem]) -> InvalidError:
    """The problems as one refusal, without the name that the file had here."""
    count, one = f"{len(problems):,} problems", len(problems) == 1
    shown = f"; the first {SHOWN_PROBLEMS} are listed" if len(problems) > SHOWN_PROBLEMS else ""
    message = f"nothing has changed: the glossary has {'1 problem' if one else count}{shown}"
    place = "entry" if path.suffix == ".json" else "line"
    details = [
        Detail(
            f"{place} {problem.line}" if problem.line else "file",
            problem.reason.replace(f"{path}:", f"{place} ").replace(str(path), "the file"),
        )
        for problem in problems[:SHOWN_PROBLEMS]
    ]
    return InvalidError(message, details)
