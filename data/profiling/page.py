"""A profile as one self-contained page: tables and plots, no script, nothing loaded from anywhere, light and dark.

Not covered: comparisons of data sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from data.profiling.figures import percent_text
from data.profiling.plots import histogram, share_bar
from data.profiling.tables import WORDS

Profile = Mapping[str, Any]

MOST_INTENTS = 200  # rows of the labels' table; beyond, a column holds no labels
CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --page: #ffffff; }
:root { --accent: #1a7f64; --bad: #c2331d; --mend: #8a5a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4ae; --line: #30363d; --page: #0f1318; --accent: #3fb994; --bad: #ff7b6b; --mend: #e3b341; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1rem 0 .2rem; }
p { color: var(--soft); margin: .2rem 0 .8rem; max-width: 60rem; } code { font-size: .85rem; color: var(--ink); }
div.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; } th[scope=row], th.text, td.text { text-align: left; overflow-wrap: anywhere; }
th[scope=row] { min-width: 6rem; } td.text span, thead th { white-space: nowrap; }
thead th { color: var(--soft); font-size: .85rem; }
td ul { min-width: 18rem; padding-left: 1rem; }
div.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem 2rem; margin-top: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; font-size: .9rem; }
svg { width: 100%; height: auto; display: block; } svg rect { fill: var(--accent); } svg line { stroke: var(--soft); }
svg text { fill: var(--soft); font-size: 11px; } svg text.high { text-anchor: end; }
svg.share { width: 9rem; height: .7rem; margin-top: .4rem; }
summary { color: var(--soft); font-size: .85rem; cursor: pointer; }
ol.findings { padding-left: 0; list-style: none; } ol.findings p { margin: 0; }
ol.findings > li { border-left: 4px solid var(--line); padding: .1rem 0 .1rem .9rem; margin: 0 0 1rem; }
ol.findings > li.stop { border-color: var(--bad); } ol.findings > li.mend { border-color: var(--mend); }
b.stop { color: var(--bad); } b.mend { color: var(--mend); } b.note { color: var(--soft); }
ul { margin: .2rem 0; } ul small { color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: .4rem 2.4rem; margin: 1rem 0; } dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
"""


def page(profile: Profile) -> str:
    """The whole page, as HTML; every text of the data set escaped."""
    title = f"Profile of {profile['path']}"
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(title)}</title><style>{CSS}</style>"
    top = f"<h1>{escape(title)}</h1><p>{escape(profile['guess'])}</p>{_figures(profile)}"
    parts = "\n".join(_section(*part) for part in _parts(profile))
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>{top}\n{parts}\n</body></html>\n"


def _section(title: str, explanation: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(explanation)}</p>{content}</section>"


def _figures(profile: Profile) -> str:
    """The largest figures, in one line."""
    shown = {
        profile["unit"]: f"{profile['read']:,}",
        "lines rejected": f"{profile['rejected']['count']:,}",
        "languages": ", ".join(language or "not said" for language in profile["languages"]),
        "copies": percent_text(profile["duplicates"]["percent"]),
        "suspicious": percent_text(sum(found["percent"] for found in profile["suspicious"])),
    }
    if "labels" in profile:
        shown["intents"] = f"{len(profile['labels']['intents']):,}"
    return "<dl>" + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.items()) + "</dl>"


def _parts(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Title, explanation and content of each section."""
    sample = profile["sampled"]
    drawn = "All of them were looked at." if sample["all"] else f"From a random sample of {sample['items']:,} {profile['unit']}."
    yield "Findings", "What to know and to do before training.", _findings(profile["findings"])
    yield "Files", "Encodings are detected unless named.", _files(profile)
    if "labels" in profile:
        yield "Labels", _balance(profile), _labels(profile)
    yield "Lengths", "Of the normalised texts; characters, and words where spaces part them.", _lengths(profile)
    if profile["ratios"]:
        yield (
            "Length ratios",
            "Characters for each character of the first language; the usual ratio is that of news texts.",
            _ratios(profile),
        )
    yield "Copies", "Case, punctuation and spaces aside. " + drawn, _copies(profile)
    yield "Most frequent texts", "Those that stand there more than once.", _frequent(profile)
    yield (
        "Suspicious lines",
        "What the filters of the preparation say, each line by the first of them; all filters taken as on.",
        _counted(profile["suspicious"], "Nothing is suspicious."),
    )
    if profile["detected"]:
        yield "Languages by their words", "From a sample of texts long enough to tell; some errors are the detector's.", _detected(profile)
    yield "Unusual characters", "Before normalisation.", _counted(profile["characters"], "There are none.")
    if profile["terms"]:
        yield "Terms", "Of the shipped glossaries. " + drawn, _terms(profile["terms"])
    yield "Protected values", "What must not change in translation. " + drawn, _protected(profile)
    yield "Rejected lines", "Lines that could not be read, the first of them.", _rejected(profile["rejected"])
    yield "In the parameters", "The entry that trains on this data set.", f"<p><code>{escape(profile['parameters'])}</code></p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], nothing: str = "There are none.") -> str:
    """A table that scrolls by itself on a narrow screen; the first column names the row."""
    listed = [list(row) for row in rows]
    if not listed:
        return f"<p>{escape(nothing)}</p>"
    texts = [isinstance(value, str) for value in listed[0]]
    titles = "".join(f"<th scope='col'{' class=text' if text else ''}>{escape(name)}</th>" for name, text in zip(head, texts, strict=True))
    body = "".join(f"<tr><th scope='row'>{_cell(first)}</th>{''.join(map(_data, rest))}</tr>" for first, *rest in listed)
    return f"<div class='wide'><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"


class _Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def _data(value: Any) -> str:
    return f"<td class='text'>{_cell(value)}</td>" if isinstance(value, str) else f"<td>{_cell(value)}</td>"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value if isinstance(value, _Html) else escape(value)
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return _Html(f"<span>{'–' if value is None else escape(percent_text(value))}</span>")


def _examples(examples: Sequence[Mapping[str, str]], first: str = "where") -> str:
    items = "".join(f"<li><small>{escape(str(e[first]))}</small> {escape(e['text'])}</li>" for e in examples)
    return f"<ul>{items}</ul>" if items else ""


def _findings(findings: Sequence[Mapping[str, Any]]) -> str:
    if not findings:
        return "<p>Nothing stands out.</p>"
    return "<ol class='findings'>" + "".join(map(_finding, findings)) + "</ol>"


def _finding(finding: Mapping[str, Any]) -> str:
    level = finding["level"]
    shown = _examples(finding["examples"])
    opened = f"<details><summary>Examples</summary>{shown}</details>" if shown else ""
    return (
        f"<li class='{level}'><b class='{level}'>{WORDS[level].capitalize()}:</b> {escape(finding['text'])}"
        f"<p>{escape(finding['recommendation'])}.</p>{opened}</li>"
    )


def _files(profile: Profile) -> str:
    rows = ((file["file"], file["format"], file["encoding"], file["items"]) for file in profile["files"])
    return _table(("file", "format", "encoding", profile["unit"]), rows)


def _balance(profile: Profile) -> str:
    labels = profile["labels"]
    if not labels["imbalance"]:
        return "No intents but out of scope."
    few = f" {len(labels['few']):,} have fewer than {profile['limits']['per_intent']} messages in a language, the least that a split needs."
    return f"The largest intent has {labels['imbalance']:,.1f} times as many messages as the smallest.{few if labels['few'] else ''}"


def _labels(profile: Profile) -> str:
    labels, languages = profile["labels"], list(profile["languages"])
    sums = {intent: sum(counts.values()) for intent, counts in labels["intents"].items()}
    most = max(sums.values())
    rows = (
        (intent, *(labels["intents"][intent].get(language, 0) for language in languages), _Html(share_bar(count / most)))
        for intent, count in list(sums.items())[:MOST_INTENTS]
    )
    tables = _table(("intent", *(language or "not said" for language in languages), "share of the largest"), rows)
    for head in ("sentiment", "urgency"):
        counted = labels[head]
        if counted:
            shares = ((name, count, _Html(share_bar(count / max(counted.values())))) for name, count in counted.items())
            tables += f"<h3>{head.capitalize()}</h3>" + _table((head, "messages", "share of the largest"), shares)
    return tables + f"<p>{labels['with_history']:,} messages have earlier turns.</p>"


def _lengths(profile: Profile) -> str:
    rows: list[list[Any]] = []
    plots = ""
    for language, found in profile["languages"].items():
        name = language or "language not said"
        for unit in ("characters", "words"):
            lengths = found[unit]
            if lengths:
                figures = [lengths[figure] for figure in ("min", "median", "p95", "max", "mean")]
                rows.append([f"{name}, {unit}", found["texts"], found["empty"], *figures])
                plots += histogram(lengths["histogram"], f"{name}: {unit} in a text", unit)
    return _table(("", "texts", "empty", "min", "median", "p95", "max", "mean"), rows) + f"<div class='plots'>{plots}</div>"


def _ratios(profile: Profile) -> str:
    rows = ((pair, r["whole"], r["usual"], r["median"], r["p95"], r["max"]) for pair, r in profile["ratios"].items())
    plots = "".join(histogram(ratio["histogram"], f"{pair}: length ratio", "times") for pair, ratio in profile["ratios"].items())
    return _table(("pair", "of all texts", "usual", "median", "p95", "max"), rows) + f"<div class='plots'>{plots}</div>"


def _copies(profile: Profile) -> str:
    whole, values, near = profile["duplicates"], profile["but_for_values"], profile["near"]
    rows: list[list[Any]] = [["repeat an earlier one", whole["repeated"], _share(whole["percent"])]]
    if "several_translations" in whole:
        rows.append(["texts with more than one translation", whole["several_translations"], ""])
    rows.append([f"of {values['sample']:,} different texts, equal but for numbers and codes", values["count"], _share(values["percent"])])
    likeness = f"of {near['sample']:,} texts, {near['from_percent']:g} % like one of {near['sample']:,} others"
    rows.append([likeness, near["count"], _share(near["percent"])])
    shown = "".join(f"<li>{escape(e['text'])} <small>like</small> {escape(e['like'])}</li>" for e in near["examples"])
    return _table(("", "count", "share"), rows) + (f"<details><summary>Near texts</summary><ul>{shown}</ul></details>" if shown else "")


def _frequent(profile: Profile) -> str:
    rows = ((e["count"], language or "not said", e["text"]) for language, found in profile["languages"].items() for e in found["frequent"])
    return _table(("times", "language", "text"), rows, "No text stands there twice.")


def _counted(found: Sequence[Mapping[str, Any]], nothing: str) -> str:
    rows = (
        (row["name"].replace("_", " "), row["count"], _share(row["percent"]), row["meaning"], _Html(_examples(row["examples"])))
        for row in found
    )
    return _table(("what", "count", "share", "meaning", "examples"), rows, nothing)


def _detected(profile: Profile) -> str:
    rows = (
        (
            language,
            told["sample"],
            _share(told["agree_percent"]),
            ", ".join(f"{name} {count:,}" for name, count in told["others"].items()),
            _Html(_examples(told["examples"])),
        )
        for language, told in profile["detected"].items()
    )
    return _table(("language", "sample", "agree", "others seem to be", "examples"), rows)


def _terms(terms: Mapping[str, Any]) -> str:
    industries = (
        (row["industry"].replace("_", " "), row["items"], _share(row["percent"]), _Html(share_bar(row["percent"] / 100)), row["terms"])
        for row in terms["industries"]
    )
    coverage = _table(("industry", "with a term", "share", "", "different terms"), industries)
    languages = list(terms["translated"])
    rows = (
        (row["term"], row["industry"].replace("_", " "), row["items"], *(_share(row["translated"][name]["percent"]) for name in languages))
        for row in terms["top"]
    )
    beside = "".join(
        f"<p>{escape(name)}: {_share(share['percent'])} of {share['compared']:,} terms stand beside their listed translation.</p>"
        for name, share in terms["translated"].items()
    )
    top = _table(("term", "industry", "count", *(f"translated, {name}" for name in languages)), rows)
    return f"{coverage}<h3>Most frequent terms</h3>{beside}{top}"


def _protected(profile: Profile) -> str:
    several = len(profile["languages"]) > 1 and profile["unit"] == "segments"
    rows = (
        (
            p["kind"],
            p["items"],
            _share(p["percent"]),
            p["values"],
            *([_share(p["kept_percent"])] if several else []),
            ", ".join(p["examples"]),
        )
        for p in profile["protected"]
    )
    return _table(("kind", profile["unit"], "share", "values", *(["in all translations"] if several else []), "such as"), rows)


def _rejected(rejected: Mapping[str, Any]) -> str:
    reasons = _table(("reason", "lines"), rejected["reasons"].items())
    return reasons + (
        _table(("where", "reason", "text"), (list(reject.values()) for reject in rejected["first"])) if rejected["first"] else ""
    )
