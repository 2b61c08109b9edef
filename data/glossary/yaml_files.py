"""The project's own glossary files, written; data/glossary/loading.py reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data.glossary.term import Glossary, entry_of
from data.records import Writer

WIDTH = 140  # characters, as the rest of the project


class _Flow(dict[str, Any]):
    """A mapping to be written on one line."""


def write_yaml(path: Path, glossary: Glossary) -> None:
    """Write a glossary with a line a language.

    Raises:
        OSError: it could not be written.
    """
    with Writer(path) as file:
        file.write(yaml.dump({"industry": glossary.industry}, allow_unicode=True))
        file.write("terms:\n" if glossary.terms else "terms: []\n")
        for term in glossary.terms:
            entry = {key: _Flow(value) if isinstance(value, dict) else value for key, value in entry_of(term).items()}
            file.write(yaml.dump([entry], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=WIDTH))


class _Dumper(yaml.SafeDumper):
    """Writes `_Flow` mappings and lists of plain values on one line."""


def _flow(dumper: yaml.SafeDumper, value: _Flow) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    flow = not any(isinstance(item, dict) and not isinstance(item, _Flow) and "id" in item for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Dumper.add_representer(_Flow, _flow)
_Dumper.add_representer(list, _list)
