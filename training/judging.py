"""Scores at each evaluation of a training: chrF of translations, macro-F1 of intents. The better one's checkpoint is the best.

The translations are the model's own, by greedy search on masked sentences, without what the service does around them: for comparing
checkpoints of one training, not for the report.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from sacrebleu.metrics import CHRF
from sklearn.metrics import f1_score

from configs.schema import TrainTranslation
from data.pieces import MarianPieces
from training.samples import SentencePair
from training.tracking import Run

ROWS = 16  # sentences translated together; changes no greedy result but the time


class TranslationJudge:
    """Translates some validation sentences; the translations are a table of the run, too.

    Args:
        rows: the validation sentences; some are translated, drawn once, so that every training with these sentences is judged by the same.
        pieces: the model's vocabulary.
        settings: how many sentences, and the most pieces of one.
        run: gets the table.
    """

    score = "chrf"

    def __init__(self, rows: Sequence[SentencePair], pieces: MarianPieces, settings: TrainTranslation, run: Run) -> None:
        places = random.Random(len(rows)).sample(range(len(rows)), min(settings.judged_segments, len(rows)))
        self._rows = [rows[i] for i in sorted(places)]  # not every n-th: directions take turns, and all could be of one
        self._pieces, self._run, self._most = pieces, run, settings.model.max_pieces

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        """The chrF2 of all the sentences."""
        written = translate([(row.source, row.language) for row in self._rows], model, self._pieces, self._most)
        metric = CHRF()
        table = [
            {
                "step": step,
                "source": row.source,
                "reference": row.target,
                "translation": text,
                "chrf": round(metric.sentence_score(text, [row.target]).score, 2),
            }
            for row, text in zip(self._rows, written, strict=True)
        ]
        self._run.table("validation_samples", table)
        return {"chrf": metric.corpus_score(written, [[row.target for row in self._rows]]).score}


@torch.inference_mode()
def translate(
    sentences: Sequence[tuple[str, str]], model: Any, pieces: MarianPieces, most: int, beams: int = 1, rows: int = ROWS
) -> list[str]:
    """What a model makes of (source, target language), in order; those of like length are translated together.

    Args:
        sentences: masked sources, and what to translate them into.
        model: Marian, with adapters or without.
        pieces: its vocabulary.
        most: pieces of a source or a translation; longer ones are cut.
        beams: width of the search.
        rows: sentences of a batch.
    """
    model.eval()
    most = min(most, model.config.max_position_embeddings)
    many = bool(pieces.languages)
    sources = [pieces.encode(text, language if many else None)[:most] for text, language in sentences]
    limits = [min(most, 3 * len(source) + 10) for source in sources]  # no sentence grows more in translation; what does is a loop
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    found = [""] * len(sources)
    for start in range(0, len(order), rows):
        places = order[start : start + rows]
        longest = len(sources[places[-1]])
        ids = torch.tensor([sources[i] + [pieces.pad] * (longest - len(sources[i])) for i in places], device=model.device)
        options = {"num_beams": beams, "do_sample": False, "max_length": limits[places[-1]]}
        for i, row in zip(places, model.generate(input_ids=ids, attention_mask=(ids != pieces.pad).long(), **options), strict=True):
            found[i] = pieces.decode(row[1 : limits[i] - 1].tolist())  # the last place is for the end of sentence
    return found


class IntentJudge:
    """Macro-F1 of the intents on the validation messages; those read wrongly are a table of the run, too.

    Args:
        batches: the validation messages, collated.
        texts: of the messages, in the same order.
        intents: the labels.
        run: gets the table.
    """

    score = "macro_f1"

    def __init__(self, batches: Sequence[dict[str, torch.Tensor]], texts: Sequence[str], intents: Sequence[str], run: Run) -> None:
        self._batches, self._texts, self._intents, self._run = batches, texts, intents, run

    @torch.inference_mode()
    def __call__(self, model: Any, step: int) -> dict[str, float]:
        """The macro-F1 over the intents that occur."""
        model.eval()
        wanted: list[int] = []
        found: list[int] = []
        for batch in self._batches:
            here = {name: tensor.to(model.device) for name, tensor in batch.items()}
            logits = model(here["input_ids"], here["attention_mask"])["logits"]["intent"]  # (B, L)
            found += logits.argmax(dim=-1).tolist()
            wanted += batch["intent"].tolist()
        rows = zip(self._texts, wanted, found, strict=True)
        wrong = [{"step": step, "text": t, "intent": self._intents[w], "read_as": self._intents[f]} for t, w, f in rows if w != f]
        self._run.table("validation_mistakes", wrong)
        return {"macro_f1": 100 * float(f1_score(wanted, found, average="macro", labels=sorted(set(wanted))))}
