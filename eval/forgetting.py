"""What fine-tuning costs: base and tuned model on the test segments of the domain and on general text.

    forgetting.{src-tgt}                  of each pair of a bundle that was fine-tuned
      chrf_base, chrf                     on the seen test part
      chrf_general_base, chrf_general     on general text (`evaluate_translation.general`)
      general_drop, general_drop_upper    what is lost there, base less tuned, and the upper end of its paired 95 % interval
      segments, segments_general          that were translated of each; without general text 0, and the four scores above are not there

The base translates as it would for somebody without us: transformers' `generate` with the beams of the service, sentence by sentence,
normalised, nothing masked. The tuned model is the one that serves, at its precision: what quantization loses counts, too.

Not covered: pairs by way of English; a base that is neither a folder nor in the hub's cache is not fetched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from configs.schema import EvaluateTranslation
from data.console import say, track
from data.language import UNSPACED
from data.normalize import normalize
from data.pieces import MarianPieces
from data.records import Segment, file_sha256, read_jsonl
from data.sentences import split
from eval.metrics.text import chrf, chrf_difference_interval, chrf_statistics
from eval.peers.transformers import MarianPeer
from serving.bundle import MANIFEST, Bundle
from serving.translator import Translator

Pair = tuple[str, str]

CONFIG = "config.json"
# In the order in which transformers takes them, as in training/bases/finding.py.
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
THREADS = 2  # as in eval/parity.py; changes no result


@dataclass(frozen=True)
class Tuned:
    """What was fine-tuned.

    Attributes:
        pairs: (source, target) of the bundle.
        base: folder of the checkpoint that its training began with.
        codes: target language -> the base's piece that asks for it; empty for a base with one target.
    """

    pairs: Sequence[Pair]
    base: Path
    codes: Mapping[str, str]


def tuned_models(bundles: Sequence[Bundle]) -> list[Tuned]:
    """The bundles that were fine-tuned, their bases found and checked; those from scratch are left out.

    Raises:
        ValueError: a base is not there any more, or is not what the training began with.
    """
    found = []
    for bundle in bundles:
        said = json.loads((bundle.folder / MANIFEST).read_text(encoding="utf-8")).get("base")
        if isinstance(said, dict):
            found.append(Tuned(bundle.manifest.pairs, find_base(said, bundle.manifest.name), bundle.manifest.codes or {}))
    return found


def find_base(said: Mapping[str, Any], bundle: str) -> Path:
    """The folder of a base, its weights compared with the hash that the bundle's manifest says.

    Args:
        said: name, revision and sha256 of the base.
        bundle: whose base it is, for messages.

    Raises:
        ValueError: see `tuned_models`.
    """
    name, revision = said["name"], said["revision"]
    cached = try_to_load_from_cache(name, CONFIG, revision=revision) if revision else str(Path(name).expanduser() / CONFIG)
    if not isinstance(cached, str) or not Path(cached).is_file():
        where = f"in the hub's cache; `hf download {name} --revision {revision}` fetches it" if revision else "there any more"
        raise ValueError(f"bundle {bundle}: its base {name!r}, with which it is to be compared, is not {where}")
    folder = Path(cached).parent
    if (found := weights_sha256(folder)) != said["sha256"]:
        raise ValueError(f"bundle {bundle}: the weights in {folder} have SHA-256 {found}, those of its base {name!r} had {said['sha256']}")
    return folder


def weights_sha256(folder: Path) -> str:
    """The hash of a checkpoint's weights as the training took it: of one file; of several, over their names and hashes.

    Raises:
        ValueError: there are none, or not all.
    """
    first = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if first is None:
        raise ValueError(f"{folder}: no weights; valid: {', '.join(WEIGHTS)}")
    if not first.endswith(".index.json"):
        return file_sha256(folder / first)
    index = json.loads((folder / first).read_text(encoding="utf-8"))
    names = [first, *sorted(set(index["weight_map"].values()))]
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ValueError(f"{folder}: {', '.join(missing)} of the weights in {first} missing")
    return hashlib.sha256("".join(f"{name}\0{file_sha256(folder / name)}\n" for name in names).encode()).hexdigest()


def read_general(path: str | None) -> list[Segment]:
    """The segments of general text; none, and on stderr why, if there is no such file.

    Raises:
        RecordError: broken lines.
    """
    if path is None:
        return []
    if not Path(path).is_file():
        say(
            f"evaluate_translation.general: {path} is not there, so what tuning lost on general text is not measured "
            "(`python -m data.public ntrex` makes data/public/ntrex; then `dvc repro -s -f evaluate_translation`)"
        )
        return []
    return read_jsonl(Path(path), Segment)


class Base:
    """A base as it translates for somebody without us.

    Args:
        folder: of the checkpoint.
        codes: see `Tuned`.
        batch: sentences decoded together.
    """

    def __init__(self, folder: Path, codes: Mapping[str, str], batch: int) -> None:
        self._pieces, self._peer, self._batch = MarianPieces(folder, codes), MarianPeer(folder, THREADS), batch
        self._room: int = self._peer.model.config.max_position_embeddings

    def translate(self, texts: Sequence[str], target: str, beams: int) -> list[str]:
        """The translations, one per text; a sentence that the model cannot read whole is cut, as its tokenizer does by default."""
        parts = [split(text) for text in texts]
        sources = [self._encode(normalize(sentence), target) for part in parts for sentence in part.sentences]
        written = iter(self._decode(sources, beams))
        return [part.join([next(written) for _ in part.sentences], spaced=target not in UNSPACED) for part in parts]

    def _encode(self, sentence: str, target: str) -> list[int]:
        ids = self._pieces.encode(sentence, target if self._pieces.languages else None)
        return ids if len(ids) <= self._room else [*ids[: self._room - 1], self._pieces.eos]

    def _decode(self, sources: Sequence[Sequence[int]], beams: int) -> list[str]:
        """The translations of encoded sentences, as long as the service lets them grow; those of like length together, to save time."""
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        found: dict[int, list[int]] = {}
        for start in range(0, len(order), self._batch):
            rows = order[start : start + self._batch]
            batch = [sources[i] for i in rows]
            found |= zip(rows, self._peer.generate(batch, beams, min(self._room - 1, 3 * len(batch[-1]) + 10)), strict=True)
        return [self._pieces.decode(found[i]) for i in range(len(sources))]


def forgetting(
    tuned: Sequence[Tuned],
    served: Translator,
    tested: Mapping[Pair, tuple[Sequence[Segment], Sequence[str]]],
    general: Sequence[Segment],
    settings: EvaluateTranslation,
    beams: int,
) -> dict[str, dict[str, float]]:
    """The section `forgetting` of the report: an entry for every pair of the models that were fine-tuned.

    Args:
        tuned: from `tuned_models`.
        served: the translator that serves.
        tested: per pair the seen test segments and how they were translated.
        general: from `read_general`.
        settings: how much of it is translated, and the resamples of the interval.
        beams: width of the search in service.

    Raises:
        ValueError: only one general segment has both languages of a pair.
    """
    found = {}
    for model in tuned:
        base = Base(model.base, model.codes, settings.batch_size)
        for pair in track(model.pairs, "base and tuned", len(model.pairs)):
            found["-".join(pair)] = {
                **in_domain(base, pair, *tested.get(pair, ([], [])), beams),
                **on_general(base, served, pair, spread(general, pair, settings.general_segments), settings, beams),
            }
    return found


def in_domain(base: Base, pair: Pair, segments: Sequence[Segment], tuned: Sequence[str], beams: int) -> dict[str, float]:
    """The scores of one pair on its test segments; `tuned` are the tuned model's translations of them."""
    if not segments:
        return {"segments": 0}
    theirs, references = base.translate([s.texts[pair[0]] for s in segments], pair[1], beams), [s.texts[pair[1]] for s in segments]
    return {"chrf_base": chrf(theirs, references).score, "chrf": chrf(tuned, references).score, "segments": len(segments)}


def on_general(
    base: Base, served: Translator, pair: Pair, segments: Sequence[Segment], settings: EvaluateTranslation, beams: int
) -> dict[str, float]:
    """The scores of one pair on general text, and what tuning lost."""
    if not segments:
        return {"segments_general": 0}
    source, target = pair
    texts, references = [s.texts[source] for s in segments], [s.texts[target] for s in segments]
    theirs = base.translate(texts, target, beams)
    ours = [answer.text for answer in served.translate(texts, source=source, target=target)]
    before, after = chrf(theirs, references).score, chrf(ours, references).score
    counts = chrf_statistics(theirs, references), chrf_statistics(ours, references)
    return {
        "chrf_general_base": before,
        "chrf_general": after,
        "general_drop": before - after,
        "general_drop_upper": chrf_difference_interval(*counts, resamples=settings.resamples)[1],
        "segments_general": len(segments),
    }


def spread(segments: Sequence[Segment], pair: Pair, count: int) -> list[Segment]:
    """Of the segments that test a pair `count`, evenly spread; all where there are fewer."""
    found = [segment for segment in segments if segment.translates(*pair)]
    most = min(count, len(found))
    return [found[place * len(found) // most] for place in range(most)]
