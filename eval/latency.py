"""Time and memory of the real service under an open-loop load, and the ratio to transformers in the same run.

The ratio compares models, one request at a time, in this process, turn by turn on the same texts and the same number of threads: HTTP is in
neither side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from configs.schema import Latency, Params
from data.normalize import normalize
from data.pieces import XlmrPieces
from data.records import Segment, Utterance, read_jsonl, write_json
from eval.load import run_load
from eval.peers.transformers import MarianPeer, XlmrPeer
from eval.running import Service, running_service
from serving.bundle import load_classifier, load_translator, verify_bundles
from serving.client import QuaysideClient
from serving.settings import load_settings
from serving.translator import Direction, sentence_ids
from training import tracking

Engine = Callable[[dict[str, Any]], object]
Bodies = dict[str, list[dict[str, Any]]]  # kind of request, the endpoint's name first -> request bodies
PAIR = ("en", "de")
WARM_UP = 10  # requests of each kind before anything is timed


def measure(params: Params, prepared: Path, bundles: Path, models: Path, out: Path) -> str:
    """Put the service under load and write `latency.json`; returns a sentence about it.

    Raises:
        StartError: the service does not start.
        ValueError: no test segment of the length asked for that has a term.
    """
    settings = params.latency
    segments = of_length(read_jsonl(prepared / "translation/test.jsonl", Segment), settings.translate_words)
    messages = [m.text for m in read_jsonl(prepared / "intents/test.jsonl", Utterance)]
    bodies: Bodies = translate_bodies(segments) | {"classify": [{"text": text} for text in messages]}
    with tracking.run("latency", kind="latency", profile=params.profile) as run:
        run.params(settings.model_dump())
        with running_service(bundles, out / "service.log") as service:
            result = load_all(service, bodies, settings)
        ratios = compare_with_transformers(bodies, bundles, models, settings)
        for kind, ratio in ratios.items():
            result["latency"][kind] |= ratio
        result["latency"]["translate_strict"]["ratio_p95"] = p95_ratio(result["latency"], "translate_strict", "translate")
        result["latency"]["translate_terms"]["ratio_p95"] = p95_ratio(result["latency"], "translate_terms", "translate")
        write_json(out / "latency.json", result)
        run.metrics({key: value for key, value in tracking.flatten(result).items() if isinstance(value, int | float)})
    shown = ", ".join(f"{kind} p95 {found['p95_ms']:.1f} ms" for kind, found in result["latency"].items())
    return f"{out / 'latency.json'}: ready in {result['serving']['ready_s']:.1f} s, {shown}"


def of_length(segments: Sequence[Segment], words: int) -> list[Segment]:
    """The test segments with an English text of about `words` words (a tenth more or less) and a term.

    Raises:
        ValueError: there is none.
    """
    found = [s for s in segments if s.terms and abs(len(s.texts[PAIR[0]].split()) - words) <= words / 10]
    if not found:
        raise ValueError(f"no test segment with a term has about {words} words")
    return found


def translate_bodies(segments: Sequence[Segment]) -> Bodies:
    """The same texts without a glossary, with that of their first term's industry, and so that its terms must be kept."""
    plain = [{"segments": [segment.texts[PAIR[0]]], "source": PAIR[0], "target": PAIR[1]} for segment in segments]
    terms = [{**body, "industry": segment.terms[0].split("/")[0]} for body, segment in zip(plain, segments, strict=True)]
    return {"translate": plain, "translate_terms": terms, "translate_strict": [{**body, "strict_terms": True} for body in terms]}


def p95_ratio(latency: Mapping[str, Mapping[str, float]], kind: str, to: str) -> float:
    """How many times as long the 95th percentile of one kind of request is as another's."""
    return latency[kind]["p95_ms"] / latency[to]["p95_ms"]


def load_all(service: Service, bodies: Bodies, settings: Latency) -> dict[str, Any]:
    """Each kind of request, one after the other, at the fixed rate."""
    with QuaysideClient(service.url) as client:
        for kind, requests in bodies.items():
            for body in requests[:WARM_UP]:
                ask(client, kind, body)
    latency = {
        kind: run_load(service.url, f"/v1/{kind.split('_')[0]}", requests, settings.rate_per_s, settings.seconds).summary()
        for kind, requests in bodies.items()
    }
    return {"latency": latency, "serving": {"ready_s": service.ready_s, "rss_mb": service.rss_mb()}}


def ask(client: QuaysideClient, kind: str, body: dict[str, Any]) -> object:
    """One request through the client."""
    return client.classify(**body) if kind == "classify" else client.translate(**body)


def compare_with_transformers(bodies: Bodies, bundles: Path, models: Path, settings: Latency) -> dict[str, dict[str, float]]:
    """Endpoint -> our median, transformers' median, and theirs over ours; model against model in this process, turn by turn."""
    found = {}
    for kind, (ours, theirs) in ENGINES.items():
        engines = (ours(bundles, settings.threads), theirs(bundles, models, settings.threads))
        requests = bodies[kind][: settings.transformers_segments]
        for engine in engines:
            engine(requests[0])
        times = [(_ms(engines[0], body), _ms(engines[1], body)) for body in requests]
        our_ms, their_ms = median(a for a, _ in times), median(b for _, b in times)
        found[kind] = {"compute_ms": our_ms, "transformers_ms": their_ms, "ratio_transformers": their_ms / our_ms}
    return found


def our_translator(bundles: Path, threads: int) -> Engine:
    """A translate request through our translator, searching as the service does."""
    translator = load_translator(bundles, threads, beams=load_settings().beams)
    return lambda body: translator.translate(**body)


def their_translator(bundles: Path, models: Path, threads: int) -> Engine:
    """A translate request's sentences on transformers' `generate`, in a search as wide."""
    directions = (Direction.load(bundle, threads) for bundle in verify_bundles(bundles, ["translation"]))
    direction = next(d for d in directions if PAIR in d.info.pairs)
    peer = MarianPeer(models / direction.info.name, threads)
    beams = load_settings().beams
    return lambda body: peer.generate(sentence_ids(body["segments"][0], direction, PAIR[1]), beams, direction.max_pieces - 1)


def our_classifier(bundles: Path, threads: int) -> Engine:
    """A classify request's message through our graph."""
    classifier = load_classifier(bundles, threads)
    return lambda body: classifier.logits([(body["text"], ())])


def their_classifier(bundles: Path, models: Path, threads: int) -> Engine:
    """A classify request's message through transformers' encoder."""
    bundle = verify_bundles(bundles, ["intents"])[0]
    pieces = XlmrPieces(bundle.folder, bundle.manifest.max_pieces or 512)
    peer = XlmrPeer(models / bundle.manifest.name, threads)
    return lambda body: peer.encode(pieces.encode(normalize(body["text"])))


ENGINES = {"translate": (our_translator, their_translator), "classify": (our_classifier, their_classifier)}


def _ms(work: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return 1000 * (time.perf_counter() - started)
