"""chrF and BLEU of a translated test set, as sacreBLEU computes them, each with the signature that makes it comparable.

    chrf(hypotheses, references)               Popović 2015, https://aclanthology.org/W15-3049
    bleu(hypotheses, references, language)     Papineni et al. 2002, https://aclanthology.org/P02-1040; Post 2018 for the tokenisation;
                                               `lowercase=True` for papers that lower-case both sides
    chrf_difference_interval(ours, theirs)     paired bootstrap over chrF's statistics of each segment

Not covered: several references, document-level scores, learned metrics (COMET needs a model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from eval.stats import IntArray, paired_resample, resample

TOKENIZERS = {"zh": "zh"}  # target language -> sacreBLEU's tokeniser; every other language takes 13a, as WMT does


@dataclass(frozen=True)
class CorpusScore:
    """A score of a whole test set, 0..100, and sacreBLEU's signature."""

    score: float
    signature: str


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> CorpusScore:
    """Corpus chrF2: character n-grams up to 6, recall weighted twice, spaces ignored, case kept.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    _check_parallel(hypotheses, references)
    metric = CHRF()
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return CorpusScore(float(score), str(metric.get_signature()))


def bleu(hypotheses: Sequence[str], references: Sequence[str], language: str, *, lowercase: bool = False) -> CorpusScore:
    """Corpus BLEU, exponential smoothing; Chinese by the character, other languages by the `13a` tokeniser.

    Args:
        hypotheses: translations, not tokenised.
        references: one per hypothesis.
        language: the target language.
        lowercase: whether both sides are compared in lower case; they are tokenised afterwards.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    _check_parallel(hypotheses, references)
    metric = BLEU(lowercase=lowercase, tokenize=TOKENIZERS.get(language, "13a"))
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return CorpusScore(float(score), str(metric.get_signature()))


def chrf_statistics(hypotheses: Sequence[str], references: Sequence[str]) -> IntArray:
    """What chrF counts in each segment, (N, 18): n-grams of the hypothesis, of the reference and in both, for orders 1 to 6.

    The sum over any rows gives the chrF of those segments, which is what makes a bootstrap affordable.

    Raises:
        ValueError: the two differ in length, or are empty.

    Source: sacreBLEU 2.6, `CHRF._extract_corpus_statistics`; its public interface offers a bootstrap only with an interval of its own.
    """
    _check_parallel(hypotheses, references)
    return np.asarray(CHRF()._extract_corpus_statistics(list(hypotheses), [list(references)]), dtype=np.int64)


def chrf_of(statistics: IntArray) -> float:
    """Corpus chrF, 0..100, of the segments whose statistics these are, (N, 18)."""
    return float(CHRF()._compute_f_score(statistics.sum(axis=0).tolist()))


def chrf_interval(statistics: IntArray, *, resamples: int = 1_000, seed: int = 7) -> tuple[float, float]:
    """95 % interval of one system's chrF.

    Raises:
        ValueError: fewer than two segments.
    """
    return resample(lambda rows: chrf_of(statistics[rows]), len(statistics), resamples=resamples, seed=seed)


def chrf_difference_interval(ours: IntArray, theirs: IntArray, *, resamples: int = 1_000, seed: int = 7) -> tuple[float, float]:
    """95 % interval of `chrF(ours) - chrF(theirs)` on the same segments.

    Args:
        ours: `chrf_statistics` of one system, (N, 18).
        theirs: those of the other, (N, 18).
        resamples: R.
        seed: fixes the resampling.

    Raises:
        ValueError: the systems differ in the number of segments, or there are fewer than two.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"a paired interval needs the same segments on both sides, got {len(ours)} and {len(theirs)}")
    return paired_resample(lambda rows: (chrf_of(ours[rows]), chrf_of(theirs[rows])), len(ours), resamples=resamples, seed=seed)


def _check_parallel(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raises ValueError unless there is one hypothesis per reference, and at least one (sacreBLEU cuts the longer side silently)."""
    if len(hypotheses) != len(references) or not references:
        raise ValueError(f"a corpus score needs one hypothesis per reference, got {len(hypotheses)} for {len(references)}")
