"""Understands a message: language, intent, sentiment and urgency in one forward pass, and the values that stand in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.language import UnknownLanguageError, canonical, detect
from data.normalize import normalize
from data.pieces import XlmrPieces
from data.protect import find_protected
from data.records import Turn
from serving.answers import Alternative, Classification
from serving.engine.decoding import log_softmax
from serving.engine.sessions import Array, open_session, pad
from serving.errors import Detail, InvalidError
from serving.models import ModelInfo

if TYPE_CHECKING:
    from serving.bundle import Bundle

UNDETERMINED = "und"  # BCP-47 for a language that cannot be told
ALTERNATIVES = 3


class Classifier:
    """One classifier bundle, ready to answer.

    Args:
        info: of the bundle.
        graph: the file of the graph.
        pieces: its vocabulary.
        labels: head -> labels in the order of its outputs.
        temperature: divides the intent logits before they become probabilities.
        out_of_scope_below: confidence under which no intent is believed.
        threads: processor threads.
    """

    def __init__(
        self,
        info: ModelInfo,
        graph: Path,
        pieces: XlmrPieces,
        labels: dict[str, list[str]],
        *,
        temperature: float,
        out_of_scope_below: float,
        threads: int,
    ) -> None:
        self.info = info
        self.labels = labels
        self._session = open_session(graph, threads)
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._pieces = pieces
        self._temperature = temperature
        self._out_of_scope_below = out_of_scope_below

    @classmethod
    def load(cls, bundle: Bundle, threads: int, precision: str | None = None) -> Classifier:
        """The classifier of a verified bundle; `precision` takes another graph than the bundle's own choice."""
        chosen = precision or bundle.manifest.serve
        labels = json.loads((bundle.folder / "labels.json").read_text(encoding="utf-8"))
        confidence = json.loads((bundle.folder / "confidence.json").read_text(encoding="utf-8"))
        pieces = XlmrPieces(bundle.folder, bundle.manifest.max_pieces or 512)
        graph = bundle.folder / chosen / "classifier.onnx"
        return cls(replace(bundle.info, precision=chosen), graph, pieces, labels, threads=threads, **confidence)

    def logits(self, messages: Sequence[tuple[str, Sequence[Turn]]]) -> dict[str, Array]:
        """Head -> logits, (messages, labels), of messages with their earlier turns."""
        ids, lengths = pad([self._pieces.encode(normalize(text), history) for text, history in messages])
        return dict(zip(self._outputs, self._session.run(self._outputs, {"ids": ids, "lengths": lengths}), strict=True))

    def probabilities(self, intent_logits: Array) -> Array:
        """Calibrated probabilities of the intents."""
        return np.asarray(np.exp(log_softmax(intent_logits / self._temperature)))

    def out_of_scope(self, confidence: Array) -> Array:
        """Whether no intent is believed at that confidence."""
        return np.asarray(confidence < self._out_of_scope_below)

    def classify(self, text: str, history: Sequence[Turn] = (), language: str | None = None) -> Classification:
        """What a message is about.

        Args:
            text: the message.
            history: earlier turns, oldest first.
            language: of the message; `None` detects it. A message in none of our languages is `und` and out of scope.

        Raises:
            InvalidError: `language` is none of ours.
        """
        found = self._language(text, language)
        logits = self.logits([(text, history)])
        probabilities = self.probabilities(logits["intent"][0])
        order = np.argsort(-probabilities, kind="stable")
        best = [Alternative(self.labels["intent"][i], round(float(probabilities[i]), 4)) for i in order[: ALTERNATIVES + 1]]
        return Classification(
            language=found,
            intent=best[0].intent,
            confidence=best[0].confidence,
            alternatives=tuple(best[1:]),
            out_of_scope=found == UNDETERMINED or bool(self.out_of_scope(probabilities.max())),
            sentiment=self.labels["sentiment"][int(logits["sentiment"][0].argmax())],
            urgency=self.labels["urgency"][int(logits["urgency"][0].argmax())],
            entities=tuple(find_protected(text)),
        )

    def _language(self, text: str, language: str | None) -> str:
        if language is None:
            try:
                return detect(text, self.info.languages)
            except UnknownLanguageError:
                return UNDETERMINED
        try:
            return canonical(language, self.info.languages)
        except UnknownLanguageError as error:
            raise InvalidError(str(error), [Detail("language", str(error))]) from None
