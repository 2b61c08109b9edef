"""What a student loses in quality against its teacher, and what it gains in speed and size, in one run.

Two folders of translation bundles, each at the precision that it serves. Every pair that both translate directly is scored on the prepared
test part (seen and held-out patterns) and timed: both sides translate the same segments one at a time, turn by turn, on one processor
thread, searching as the service does.

    training/teachers-bundles/     as `cp -r training/bundles training/teachers-bundles` left them before the student was trained
    training/bundles/              the student's

Differences are the student's score minus the teacher's; ratios are the teacher's time over the student's, above 1 the student is faster.

Reads   data/prepared/translation/, configs/params.yaml, configs/serving.yaml
Writes  eval/results/distillation.json

Not covered: pairs by way of English, requests side by side, memory.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from configs.schema import load_params
from data.console import command, track
from data.records import Segment, file_sha256, read_jsonl, tree_sha256, write_json

Pair = tuple[str, str]
Parts = dict[str, list[Segment]]
Folders = Mapping[str, Path]  # of bundles: teacher, student
Round = list[tuple[float, float]]  # ms of teacher and student, segment by segment

OUT = Path("eval/results/distillation.json")
TEACHER, STUDENT = "teacher", "student"
PARTS = {"seen": "test.jsonl", "held_out": "test_held_out.jsonl"}
THREADS = 1  # of each model, as configs/serving.yaml has it
PIPED_WIDTH = 140  # characters: of every row one line


def measure(folders: Folders, prepared: Path, beams: int, resamples: int, segments: int, rounds: int) -> dict[str, Any]:
    """Quality and speed of every pair, and what the bundles say of themselves.

    Args:
        folders: of the bundles.
        prepared: the prepared data.
        beams: width of the search in service.
        resamples: of the interval of a difference in chrF.
        segments: of each pair that are timed.
        rounds: times that each of them is translated.

    Raises:
        BundleError: bundles that cannot be served.
        ValueError: no test segment of a pair that both translate directly.
        OSError: no prepared data.
    """
    from serving.bundle import load_translator

    tested = common_parts(folders, prepared)
    translators = [load_translator(folders[side], THREADS, beams=beams) for side in (TEACHER, STUDENT)]
    quality: dict[str, Any] = {}
    timed: dict[str, list[Round]] = {}
    for pair, parts in track(tested.items(), "pairs", len(tested)):
        quality["-".join(pair)] = {part: compare_quality(translators, found, pair, resamples) for part, found in parts.items()}
        timed["-".join(pair)] = race(translators, _spread([s for found in parts.values() for s in found], segments), pair, rounds)
    together = [[turn for of_pair in of_round for turn in of_pair] for of_round in zip(*timed.values(), strict=True)]
    speed = {"all": speed_of(together), **{name: speed_of(turns) for name, turns in timed.items()}}
    data = tree_sha256(prepared)
    return {**{side: described(folder, data) for side, folder in folders.items()}, "quality": quality, "speed": speed}


def common_parts(folders: Folders, prepared: Path) -> dict[Pair, Parts]:
    """The test segments of every pair that both sides translate directly, part by part.

    Raises:
        ValueError: there is none.
    """
    from serving.bundle import verify_bundles

    known = [{pair for bundle in verify_bundles(folders[side], ["translation"]) for pair in bundle.manifest.pairs} for side in folders]
    parts = {part: read_jsonl(prepared / file, Segment) for part, file in PARTS.items()}
    found: dict[Pair, Parts] = {}
    for pair in sorted(set.intersection(*known)):
        of_pair = {part: [segment for segment in segments if segment.translates(*pair)] for part, segments in parts.items()}
        if any(of_pair.values()):
            found[pair] = {part: segments for part, segments in of_pair.items() if segments}
    if not found:
        where = " and ".join(map(str, folders.values()))
        raise ValueError(f"{prepared}: no test segment of a pair that the bundles of {where} both translate directly")
    return found


def compare_quality(translators: Sequence[Any], segments: Sequence[Segment], pair: Pair, resamples: int) -> dict[str, Any]:
    """The chrF of teacher and student on the same segments, and their difference with its paired 95 % interval."""
    from eval.metrics.text import chrf, chrf_difference_interval, chrf_statistics
    from eval.quality_translation import translate_all

    references = [segment.texts[pair[1]] for segment in segments]
    taught, learned = (translate_all(translator, segments, pair) for translator in translators)
    teacher, student = chrf(taught, references), chrf(learned, references)
    counts = chrf_statistics(learned, references), chrf_statistics(taught, references)
    low, high = chrf_difference_interval(*counts, resamples=resamples)
    return {
        "segments": len(segments),
        "teacher_chrf": teacher.score,
        "student_chrf": student.score,
        "difference": student.score - teacher.score,
        "difference_low": low,
        "difference_high": high,
        "chrf_signature": student.signature,
    }


def race(translators: Sequence[Any], segments: Sequence[Segment], pair: Pair, rounds: int) -> list[Round]:
    """The times of both sides, segment by segment, after one untimed translation each; who begins changes with every segment."""
    source, target = pair
    texts = [segment.texts[source] for segment in segments]
    for translator in translators:
        translator.translate(texts[:1], source=source, target=target)
    found: list[Round] = []
    for number in range(rounds):
        found.append([])
        for i, text in enumerate(texts):
            ms = [0.0, 0.0]
            for side in (0, 1) if (number + i) % 2 else (1, 0):
                started = time.perf_counter()
                translators[side].translate([text], source=source, target=target)
                ms[side] = 1000 * (time.perf_counter() - started)
            found[-1].append((ms[0], ms[1]))
    return found


def speed_of(rounds: Sequence[Round]) -> dict[str, Any]:
    """The median times of a segment, and the median ratio of the rounds' sums with its extremes."""
    ratios = [sum(teacher for teacher, _ in turns) / sum(student for _, student in turns) for turns in rounds]
    return {
        "segments": len(rounds[0]),
        "rounds": len(rounds),
        "teacher_ms": median(teacher for turns in rounds for teacher, _ in turns),
        "student_ms": median(student for turns in rounds for _, student in turns),
        "ratio": median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def described(folder: Path, data: str) -> dict[str, Any]:
    """The bundles of one side: what each was trained on, what it serves, and how large that is.

    Args:
        folder: of the bundles.
        data: hash of the prepared data; `own_data` is whether a bundle was trained on it.
    """
    from serving.bundle import MANIFEST, verify_bundles

    bundles = {}
    for bundle in verify_bundles(folder, ["translation"]):
        said = json.loads((bundle.folder / MANIFEST).read_text(encoding="utf-8"))
        graphs = (bundle.folder / bundle.manifest.serve).rglob("*.onnx*")  # large ones have their weights beside them
        bundles[bundle.manifest.name] = {
            "sha256": file_sha256(bundle.folder / MANIFEST),
            "profile": said["parameters"]["profile"],
            "own_data": said["data"] == data,
            "precision": bundle.manifest.serve,
            "graphs_mb": sum(path.stat().st_size for path in graphs) / 2**20,
        }
    return {"folder": str(folder), "graphs_mb": sum(found["graphs_mb"] for found in bundles.values()), "bundles": bundles}


def _spread(segments: Sequence[Segment], count: int) -> list[Segment]:
    """So many segments, spread evenly."""
    return list(segments[:: max(1, len(segments) // count)][:count])


def show(result: Mapping[str, Any]) -> None:
    """Print quality, speed and size, what to beware of, and what all of it was measured on."""
    from eval.signature import one_line

    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(_quality_table(result["quality"]))
    console.print(_speed_table(result["speed"]))
    for side in (TEACHER, STUDENT):
        for name, found in result[side]["bundles"].items():
            trained = "" if found["own_data"] else ", trained on other data than is tested on, which may hold some of it"
            typer.echo(f"{side} {name}: {found['precision']} graphs of {found['graphs_mb']:.1f} MB, profile {found['profile']}{trained}")
    first = next(iter(result["quality"].values()))
    typer.echo(f"chrF2: {next(iter(first.values()))['chrf_signature']}")
    typer.echo(f"signature: {one_line(result['signature'])}")


def _quality_table(quality: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    """A row per pair and part."""
    table = _table(["pair", "patterns"], ["segments", "teacher, chrF2", "student, chrF2", "difference (95 %)"])
    for pair, parts in quality.items():
        for part, found in parts.items():
            interval = f"{found['difference']:+.1f} ({found['difference_low']:+.1f} to {found['difference_high']:+.1f})"
            scores = (f"{found[f'{side}_chrf']:.1f}" for side in (TEACHER, STUDENT))
            table.add_row(pair, part.replace("_", " "), f"{found['segments']:,}", *scores, interval)
    return table


def _speed_table(speed: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row per pair, after that of all of them."""
    table = _table(["pair"], ["segments", "teacher, ms", "student, ms", "times as fast (rounds)"])
    for pair, found in speed.items():
        ratio = f"{found['ratio']:.2f} ({found['ratio_min']:.2f} to {found['ratio_max']:.2f})"
        table.add_row(pair, f"{found['segments']:,}", f"{found['teacher_ms']:.1f}", f"{found['student_ms']:.1f}", ratio)
    return table


def _table(texts: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(*texts, box=None)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def record(result: Mapping[str, Any], prepared: Path) -> None:
    """Write the result, and record it in MLflow."""
    from training import tracking

    write_json(OUT, result)
    with tracking.run("distillation", kind="evaluate", profile=result["profile"]) as run:
        run.dataset("translation", prepared, result["signature"]["data"])
        flat = tracking.flatten({key: result[key] for key in ("quality", "speed")})
        run.metrics({key: value for key, value in flat.items() if isinstance(value, float)})
        run.file(OUT)


@command
def main(
    teacher: Annotated[Path, typer.Option(help="folder of the teacher's bundles")] = Path("training/teachers-bundles"),
    student: Annotated[Path, typer.Option(help="folder of the student's bundles")] = Path("training/bundles"),
    prepared: Annotated[Path, typer.Option(help="the prepared data")] = Path("data/prepared/translation"),
    segments: Annotated[int, typer.Option(min=1, help="of each pair that are timed")] = 30,
    rounds: Annotated[int, typer.Option(min=1, help="times that each of them is translated")] = 5,
) -> str:
    """Compare a student's bundles with its teacher's: quality, speed, size."""
    from eval.signature import signature
    from serving.settings import load_settings

    params, beams, folders = load_params(), load_settings().beams, {TEACHER: teacher, STUDENT: student}
    measured = measure(folders, prepared, beams, params.evaluate_translation.resamples, segments, rounds)
    digests = {f"{side}/{name}": found["sha256"] for side in folders for name, found in measured[side]["bundles"].items()}
    result: dict[str, Any] = {
        "profile": params.profile,
        "command": shlex.join(["python", "-m", "eval.distillation", *sys.argv[1:]]),
        "beams": beams,
        "threads": THREADS,
        **measured,
        "signature": {**signature(prepared, student), "bundles": digests},
    }
    record(result, prepared)
    show(result)
    speed, sizes = result["speed"]["all"], [result[side]["graphs_mb"] for side in (STUDENT, TEACHER)]
    times = f"{speed['ratio']:.2f} times as fast ({speed['ratio_min']:.2f} to {speed['ratio_max']:.2f} in {rounds} rounds)"
    return f"{OUT}: the student is {times}, with {sizes[0]:.1f} MB of graphs for {sizes[1]:.1f}"


if __name__ == "__main__":
    typer.run(main)
