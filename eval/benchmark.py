"""A benchmark on public data: its test part as the service translates it, beside what others have published.

    multi30k      captions, en-de and back, the publisher's split
    chat-en-de    customer-support chat, every message from the language in which it was written; whole conversations are held out

`python -m configs.profile NAME`, then `dvc repro export_translation` make what is measured here; a bundle that was trained on anything
else is measured too, and marked. A published number is never quite measured as ours is: what differs stands beside it.

Reads   training/bundles/, data/prepared/translation/, configs/params.yaml, configs/serving.yaml
Writes  eval/results/NAME.json: numbers only, none of the set's text

Not covered: COMET, which needs a model; the sets' terms of use (`python -m data.public list`).
"""

from __future__ import annotations

import difflib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from configs.schema import Params, load_params
from data.console import command, track
from data.records import Segment, read_jsonl, tree_sha256, write_json

Pair = tuple[str, str]

RESULTS = Path("eval/results")
PIPED_WIDTH = 160  # characters: of every row one line
MISSING = "–"
EXACT = "fp32"
THREADS = 2  # as in the evaluation stage; changes no result
CHRF, BLEU, BLEU_LOWERCASE = "chrf", "bleu", "bleu_lowercase"
HEADINGS = {CHRF: "chrF2", BLEU: "BLEU", BLEU_LOWERCASE: "BLEU, lower case"}


@dataclass(frozen=True)
class Published:
    """What somebody else measured.

    Attributes:
        pair: the direction, `SRC-TGT`.
        system: what translated.
        scores: metric (a key of `HEADINGS`) -> score, 0..100.
        source: where it is published.
        differs: from how ours is measured.
    """

    pair: str
    system: str
    scores: Mapping[str, float]
    source: str
    differs: str


@dataclass(frozen=True)
class Benchmark:
    """A test part, and what is known about it.

    Attributes:
        what: it holds.
        test: the source of the profile whose lines are the test part.
        segments: lines that it has; with any other number the scores are of something else.
        pairs: directions to measure.
        as_written: whether a segment tests only the direction out of the language that it was written in, the first of its texts.
        published: numbers to stand beside ours.
    """

    what: str
    test: str
    segments: int
    pairs: tuple[Pair, ...]
    as_written: bool
    published: tuple[Published, ...]

    def of_pair(self, segments: Sequence[Segment], pair: Pair) -> list[Segment]:
        """The segments that test a direction."""
        found = [segment for segment in segments if segment.translates(*pair)]
        return [segment for segment in found if next(iter(segment.texts)) == pair[0]] if self.as_written else found


_NLLB = "NLLB-3.3B, not adapted"
_NLLB_SOURCE = "baseline of the WMT 2024 chat task, https://github.com/WMT-Chat-task/chat-task-2024-data"
_NLLB_DIFFERS = "on the task's validation part, 2,569 messages; ours on conversations held out of its training part"
BENCHMARKS = {
    "multi30k": Benchmark(
        what="captions of pictures, test 2016",
        test="data/public/multi30k/test.jsonl",
        segments=1_000,
        pairs=(("en", "de"), ("de", "en")),
        as_written=False,
        published=(
            Published(
                "en-de",
                "Transformer of 2.6 M parameters, from scratch",
                {BLEU_LOWERCASE: 41.0},
                "Wu et al. 2021, https://arxiv.org/abs/2105.14462",
                "multi-bleu on text tokenised by Moses, where ours is sacreBLEU's 13a: near, not equal",
            ),
        ),
    ),
    "chat-en-de": Benchmark(
        what="customer-support chat, held-out conversations",
        test="data/public/wmt-chat-en-de/test.jsonl",
        segments=2_243,
        pairs=(("en", "de"), ("de", "en")),
        as_written=True,
        published=(
            Published("en-de", _NLLB, {CHRF: 66.24}, _NLLB_SOURCE, _NLLB_DIFFERS),
            Published("de-en", _NLLB, {CHRF: 65.92}, _NLLB_SOURCE, _NLLB_DIFFERS),
        ),
    ),
}


def find_benchmark(name: str) -> Benchmark:
    """A benchmark by its name.

    Raises:
        ValueError: there is none; the message names the nearest, or all.
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    near = difflib.get_close_matches(name, BENCHMARKS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"valid: {', '.join(BENCHMARKS)}"
    raise ValueError(f"benchmark {name!r} is not known; {hint}")


def read_test_part(name: str, prepared: Path) -> list[Segment]:
    """The test part of a benchmark's prepared data.

    Raises:
        ValueError: the data was prepared by another profile, or lacks lines of the test part.
        OSError: there is none.
    """
    benchmark = find_benchmark(name)
    counts = json.loads((prepared / "counts.json").read_text(encoding="utf-8"))
    kept = counts["sources"].get(benchmark.test, {}).get("kept", {}).get("test", 0)
    segments = read_jsonl(prepared / "test.jsonl", Segment)
    if kept == len(segments) == benchmark.segments:
        return segments
    told = f"{len(segments):,} test segments, {kept:,} of them out of {benchmark.test}, but {name} has {benchmark.segments:,}"
    raise ValueError(f"{prepared}: {told}; `python -m configs.profile {name}`, then `dvc repro export_translation` make them")


def measure(name: str, params: Params, prepared: Path, bundles: Path, beams: int) -> dict[str, Any]:
    """The scores of every direction that the bundles translate, at the precision that serves and at fp32.

    Args:
        name: of the benchmark.
        params: the precision that serves, and the resamples of the intervals.
        prepared: the prepared data.
        bundles: folder of bundles.
        beams: width of the search in service.

    Raises:
        BundleError: bundles that cannot be served.
        ValueError: prepared data of another profile, or no bundle for any direction.
    """
    from serving.bundle import load_translator

    benchmark, segments = find_benchmark(name), read_test_part(name, prepared)
    trained = trainings(bundles, tree_sha256(prepared))
    pairs = [pair for pair in benchmark.pairs if pair in trained]
    if not pairs:
        raise ValueError(f"{bundles}: no bundle translates {' or '.join('-'.join(pair) for pair in benchmark.pairs)}")
    result = {"-".join(pair): {**trained[pair], "segments": len(benchmark.of_pair(segments, pair)), "scores": {}} for pair in pairs}
    for precision in dict.fromkeys((params.export_translation.serve, EXACT)):
        translator = load_translator(bundles, THREADS, precision, beams)
        for pair in track(pairs, f"translating, {precision}", len(pairs)):
            tested = benchmark.of_pair(segments, pair)
            result["-".join(pair)]["scores"][precision] = _scores(translator, tested, pair, params.evaluate_translation.resamples)
    return result


def trainings(bundles: Path, data: str) -> dict[Pair, dict[str, Any]]:
    """What the translation bundles say of their training, per direction.

    Args:
        bundles: folder of bundles.
        data: hash of the prepared data; `own_data` is whether a bundle was trained on it.
    """
    from serving.bundle import MANIFEST, verify_bundles

    found: dict[Pair, dict[str, Any]] = {}
    for bundle in verify_bundles(bundles, ["translation"]):
        said = json.loads((bundle.folder / MANIFEST).read_text(encoding="utf-8"))
        training = {"base": said["base"], "profile": said["parameters"]["profile"], "own_data": said["data"] == data}
        found |= {pair: {"bundle": bundle.manifest.name, **training} for pair in bundle.manifest.pairs}
    return found


def _scores(translator: Any, segments: Sequence[Segment], pair: Pair, resamples: int) -> dict[str, Any]:
    """chrF2 with its interval, BLEU as it is and in lower case, each with sacreBLEU's signature."""
    from eval.metrics.text import bleu, chrf, chrf_interval, chrf_statistics
    from eval.quality_translation import translate_all

    hypotheses, references = translate_all(translator, segments, pair), [segment.texts[pair[1]] for segment in segments]
    scored = {
        CHRF: chrf(hypotheses, references),
        BLEU: bleu(hypotheses, references, pair[1]),
        BLEU_LOWERCASE: bleu(hypotheses, references, pair[1], lowercase=True),
    }
    low, high = chrf_interval(chrf_statistics(hypotheses, references), resamples=resamples)
    signatures = {f"{metric}_signature": found.signature for metric, found in scored.items()}
    return {**{metric: found.score for metric, found in scored.items()}, "chrf_low": low, "chrf_high": high, **signatures}


def show(result: Mapping[str, Any]) -> None:
    """Print the table, what differs between its rows, and what all of it was measured on."""
    from eval.signature import one_line

    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table("pair", "system", box=None)
    for heading in ("segments", *HEADINGS.values()):
        table.add_column(heading, justify="right")
    for pair, measured in result["pairs"].items():
        for precision, scores in measured["scores"].items():
            table.add_row(pair, _system(measured, precision, result["served"]), f"{measured['segments']:,}", *_cells(scores))
        for other in (published for published in result["published"] if published["pair"] == pair):
            table.add_row(pair, other["system"], MISSING, *_cells(other["scores"]))
    console.print(table)
    for published in {other["system"]: other for other in result["published"]}.values():
        typer.echo(f"{published['system']}: {published['source']}; {published['differs']}")
    for metric, heading in HEADINGS.items():
        typer.echo(f"{heading}: {_any_scores(result)[f'{metric}_signature']}")
    typer.echo(f"signature: {one_line(result['signature'])}")


def _system(measured: Mapping[str, Any], precision: str, served: str) -> str:
    """What a row of ours is of."""
    trained = "" if measured["own_data"] else f", trained on other data ({measured['profile']})"
    return f"ours, {precision}{', as served' if precision == served else ''}{trained}"


def _cells(scores: Mapping[str, float]) -> list[str]:
    """The scores of a row, a dash for what was not measured; chrF with its interval where there is one."""
    interval = f" ({scores['chrf_low']:.1f} to {scores['chrf_high']:.1f})" if "chrf_low" in scores else ""
    return [f"{scores[metric]:.1f}{interval if metric == CHRF else ''}" if metric in scores else MISSING for metric in HEADINGS]


def _any_scores(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scores of the first row: all rows have the same signatures."""
    first: Mapping[str, Mapping[str, Any]] = next(iter(result["pairs"].values()))["scores"]
    return next(iter(first.values()))


def record(name: str, result: Mapping[str, Any], prepared: Path, out: Path) -> None:
    """Write the result, and record it in MLflow."""
    from training import tracking

    write_json(out, result)
    with tracking.run(f"benchmark {name}", kind="evaluate", profile=result["profile"]) as run:
        run.dataset("translation", prepared, result["signature"]["data"])
        flat = tracking.flatten({pair: measured["scores"] for pair, measured in result["pairs"].items()})
        run.metrics({key: value for key, value in flat.items() if isinstance(value, float)})
        run.file(out)


@command
def main(
    name: Annotated[str, typer.Argument(help=f"of the benchmark: {', '.join(BENCHMARKS)}")],
    bundles: Annotated[Path, typer.Option(help="folder of the bundles to measure")] = Path("training/bundles"),
    prepared: Annotated[Path, typer.Option(help="the benchmark's prepared data")] = Path("data/prepared/translation"),
) -> str:
    """Measure a benchmark on public data, beside what others have published."""
    from eval.signature import signature
    from serving.settings import load_settings

    benchmark, params, beams = find_benchmark(name), load_params(), load_settings().beams
    result: dict[str, Any] = {
        "benchmark": name,
        "what": benchmark.what,
        "profile": params.profile,
        "command": shlex.join(["python", "-m", "eval.benchmark", *sys.argv[1:]]),
        "served": params.export_translation.serve,
        "beams": beams,
        "pairs": measure(name, params, prepared, bundles, beams),
        "published": [asdict(published) for published in benchmark.published],
        "signature": signature(prepared, bundles),
    }
    record(name, result, prepared, RESULTS / f"{name}.json")
    show(result)
    scores = ", ".join(f"{pair} {measured['scores'][result['served']][CHRF]:.1f}" for pair, measured in result["pairs"].items())
    return f"{RESULTS / f'{name}.json'}: chrF2 as served {scores}"


if __name__ == "__main__":
    typer.run(main)
