"""A profile as tables for a terminal, or for a file: at most 100 columns where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from data.profiling.figures import percent_text

Profile = Mapping[str, Any]

WIDTH = 100  # columns where no terminal says how many
MOST_ROWS = 15  # of a table; the page and --json have more
COLOURS = {"stop": "bold red", "mend": "yellow", "note": "cyan"}
WORDS = {"stop": "stops the preparation", "mend": "worth mending", "note": "to know"}


def show(profile: Profile, console: Console | None = None) -> None:
    """Print the tables, the findings last: there a reader of a terminal looks first."""
    console = console or Console()
    if not console.is_terminal:
        console.width = WIDTH
    for title, content in sections(profile):
        console.print(Text(title, style="bold"))
        console.print(content)
        console.print()


def sections(profile: Profile) -> Iterator[tuple[str, RenderableType]]:
    """Title and content of each part that the profile has."""
    sample = profile["sampled"]
    drawn = "" if sample["all"] else f" (sample of {sample['items']:,})"
    read = f"{profile['read']:,} {profile['unit']} read, {profile['rejected']['count']:,} lines rejected."
    yield profile["path"], Text(f"{profile['guess']}\n{read}")
    yield "Files", table(("file", "format", "encoding", profile["unit"]), map(_values, profile["files"]))
    yield "Texts", _texts(profile)
    if profile["ratios"]:
        yield "Length beside the first language, in characters", _ratios(profile["ratios"])
    yield "Copies", _copies(profile, drawn)
    if "labels" in profile:
        yield from _labels(profile)
    yield from _contents(profile, drawn)
    yield "In the parameters", Text(profile["parameters"], overflow="fold")
    yield "Findings", _findings(profile["findings"])


def _contents(profile: Profile, drawn: str) -> Iterator[tuple[str, RenderableType]]:
    """What stands in the texts."""
    if profile["detected"]:
        yield "Language told by the words (sample)", _detected(profile["detected"])
    if profile["terms"]:
        yield from _terms(profile["terms"], drawn)
    if profile["protected"]:
        rows = ((p["kind"], p["items"], _percent(p["percent"]), ", ".join(p["examples"][:3])) for p in profile["protected"])
        yield f"Protected values{drawn}", table(("kind", profile["unit"], "share", "such as"), rows)
    for title, name in (("Suspicious lines", "suspicious"), ("Unusual characters", "characters")):
        if profile[name]:
            yield title, _counted(profile[name])
    if profile["rejected"]["count"]:
        yield "Rejected lines", table(("where", "reason", "text"), map(_values, profile["rejected"]["first"]))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table; numbers to the right, texts as they are: brackets in them are no markup."""
    listed = [list(row) for row in rows]
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, name in enumerate(head):
        numeric = bool(listed) and all(_is_figure(row[number]) for row in listed)
        found.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in listed[:MOST_ROWS]:
        found.add_row(*map(_cell, row))
    if len(listed) > MOST_ROWS:
        found.add_row(Text(f"... and {len(listed) - MOST_ROWS:,} more", style="dim"))
    return found


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float | None) or (isinstance(value, str) and (value == "-" or value.endswith(" %")))


def _cell(value: Any) -> Text:
    if value is None:
        return Text("-")
    return Text(str(value) if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}")


def _percent(value: float | None) -> str:
    return "-" if value is None else percent_text(value)


def _values(row: Mapping[str, Any]) -> list[Any]:
    return list(row.values())


def _texts(profile: Profile) -> Table:
    rows: list[list[Any]] = []
    for language, found in profile["languages"].items():
        for unit in ("characters", "words"):
            lengths = found[unit]
            if lengths:
                numbers = [lengths[name] for name in ("min", "median", "p95", "max")]
                rows.append([language or "not said", found["texts"], found["empty"], found["repeated"], unit, *numbers])
    return table(("language", "texts", "empty", "repeated", "length in", "min", "median", "p95", "max"), rows)


def _ratios(ratios: Mapping[str, Any]) -> Table:
    rows = ((pair, r["whole"], r["usual"], r["min"], r["median"], r["p95"], r["max"]) for pair, r in ratios.items())
    return table(("pair", "of all texts", "usual", "min", "median", "p95", "max"), rows)


def _copies(profile: Profile, drawn: str) -> Table:
    whole, values, near = profile["duplicates"], profile["but_for_values"], profile["near"]
    rows = [("repeat an earlier one", whole["repeated"], _percent(whole["percent"]))]
    if "several_translations" in whole:
        rows.append(("texts with several translations", whole["several_translations"], ""))
    rows.append((f"different texts equal but for numbers and codes{drawn}", values["count"], _percent(values["percent"])))
    likeness = f"{near['from_percent']:g} % like one of {near['sample']:,} others (sample of {near['sample']:,})"
    rows.append((likeness, near["count"], _percent(near["percent"])))
    return table(("copies", "count", "share"), rows)


def _labels(profile: Profile) -> Iterator[tuple[str, RenderableType]]:
    labels = profile["labels"]
    languages = list(profile["languages"])
    total = profile["read"]
    rows = (
        (intent, *(by_language.get(language, 0) for language in languages), _percent(100 * sum(by_language.values()) / total))
        for intent, by_language in labels["intents"].items()
    )
    imbalance = f", the largest {labels['imbalance']:,.1f} times the smallest" if labels["imbalance"] else ""
    yield f"{len(labels['intents']):,} intents{imbalance}", table(("intent", *(name or "not said" for name in languages), "share"), rows)
    for head in ("sentiment", "urgency"):
        if labels[head]:
            counted = ((name, count, _percent(100 * count / total)) for name, count in labels[head].items())
            yield head.capitalize(), table((head, "messages", "share"), counted)


def _detected(detected: Mapping[str, Any]) -> Table:
    rows = (
        (
            language,
            told["sample"],
            _percent(told["agree_percent"]),
            ", ".join(f"{name} {count:,}" for name, count in told["others"].items()),
        )
        for language, told in detected.items()
    )
    return table(("language", "sample", "agree", "others seem to be"), rows)


def _terms(terms: Mapping[str, Any], drawn: str) -> Iterator[tuple[str, RenderableType]]:
    industries = ((row["industry"], row["items"], _percent(row["percent"]), row["terms"]) for row in terms["industries"])
    yield f"Terms of the glossaries{drawn}", table(("industry", "with a term", "share", "different terms"), industries)
    if terms["top"]:
        languages = list(terms["translated"])
        rows = (
            (row["term"], row["industry"], row["items"], *(_percent(row["translated"][language]["percent"]) for language in languages))
            for row in terms["top"]
        )
        yield (
            "Most frequent terms, and how often the listed translation stands beside them",
            table(("term", "industry", "count", *languages), rows),
        )


def _counted(found: Sequence[Mapping[str, Any]]) -> Table:
    rows = ((row["name"], row["count"], _percent(row["percent"]), row["examples"][0]["where"], row["examples"][0]["text"]) for row in found)
    return table(("what", "count", "share", "first", "text"), rows)


def _findings(findings: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not findings:
        return Text("Nothing stands out.")
    found = Table.grid(padding=(0, 1))
    found.add_column(justify="right")
    found.add_column(overflow="fold")
    for number, finding in enumerate(findings, 1):
        word = Text(f"{WORDS[finding['level']]}: ", style=COLOURS[finding["level"]])
        found.add_row(f"{number}.", Text.assemble(word, finding["text"]))
        found.add_row("", Text(f"-> {finding['recommendation']}."))
    return found
