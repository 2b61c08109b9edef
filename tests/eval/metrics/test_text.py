import numpy as np
import pytest

from eval.metrics.text import bleu, chrf, chrf_difference_interval, chrf_interval, chrf_of, chrf_statistics

GERMAN = [
    "Die Lieferung der Hydraulikpumpen verzögert sich um zwei Wochen.",
    "Bitte senden Sie uns ein Angebot für 200 Reißverschlüsse.",
    "Wann wird meine Bestellung PO-123456 verschickt?",
]
GERMAN_REFERENCES = [
    "Die Lieferung der Hydraulikpumpen verspätet sich um zwei Wochen.",
    "Bitte schicken Sie uns ein Angebot über 200 Reißverschlüsse.",
    "Wann wird meine Bestellung PO-123456 versandt?",
]
CHINESE = ["请报一下200台液压泵的最优价格。", "我们的订单什么时候可以发货？", "拉链的颜色和样品不一样。"]
CHINESE_REFERENCES = ["请报一下200台液压泵的最好价格。", "我们的订单什么时候发货？", "拉链的颜色与样品不一致。"]


# Golden values of this file: sacreBLEU 2.6.0's command line on the lines above,
# `sacrebleu REFERENCES -i HYPOTHESES -m bleu chrf -l en-de -w 6` (and `-l en-zh`, which takes the zh tokeniser).
def test_chrf_is_that_of_sacrebleus_command_line():
    assert chrf(GERMAN, GERMAN_REFERENCES).score == pytest.approx(82.613812, abs=1e-6)
    assert chrf(CHINESE, CHINESE_REFERENCES).score == pytest.approx(66.376653, abs=1e-6)
    assert chrf(GERMAN, GERMAN_REFERENCES).signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.")


def test_bleu_of_german_is_that_of_sacrebleus_command_line():
    scored = bleu(GERMAN, GERMAN_REFERENCES, "de")
    assert scored.score == pytest.approx(56.115293, abs=1e-6)
    assert scored.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.")


def test_bleu_in_lower_case_is_that_of_sacrebleus_command_line():
    """With `-lc`, on the hypotheses in capitals."""
    shouted = [text.upper() for text in GERMAN]
    scored = bleu(shouted, GERMAN_REFERENCES, "de", lowercase=True)
    assert scored.score == pytest.approx(52.409352, abs=1e-6)
    assert scored.signature.startswith("nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:2.")
    assert bleu(shouted, GERMAN_REFERENCES, "de").score < 10


def test_bleu_of_chinese_is_by_the_character():
    scored = bleu(CHINESE, CHINESE_REFERENCES, "zh")
    assert scored.score == pytest.approx(69.546126, abs=1e-6)
    assert "|tok:zh|" in scored.signature


def test_the_sum_of_the_statistics_gives_the_corpus_score_of_any_segments():
    statistics = chrf_statistics(GERMAN, GERMAN_REFERENCES)
    assert statistics.shape == (3, 18)
    assert chrf_of(statistics) == pytest.approx(chrf(GERMAN, GERMAN_REFERENCES).score)
    rows = np.array([2, 0, 2])
    chosen = chrf([GERMAN[row] for row in rows], [GERMAN_REFERENCES[row] for row in rows])
    assert chrf_of(statistics[rows]) == pytest.approx(chosen.score)


def test_the_interval_of_chrf_holds_the_score():
    hypotheses, references = GERMAN * 10, GERMAN_REFERENCES * 10
    low, high = chrf_interval(chrf_statistics(hypotheses, references))
    assert low < chrf(hypotheses, references).score < high
    assert high - low < 15


def test_a_system_differs_not_from_itself_and_clearly_from_a_worse_one():
    statistics = chrf_statistics(GERMAN * 5, GERMAN_REFERENCES * 5)
    assert chrf_difference_interval(statistics, statistics) == (0.0, 0.0)
    worse = chrf_statistics(["Wir wissen es nicht."] * 15, GERMAN_REFERENCES * 5)
    low, high = chrf_difference_interval(statistics, worse)
    assert 50 < low < high < 100
    assert chrf_difference_interval(worse, statistics) == pytest.approx((-high, -low))


def test_a_paired_interval_needs_the_same_segments():
    statistics = chrf_statistics(GERMAN, GERMAN_REFERENCES)
    with pytest.raises(ValueError, match="the same segments on both sides, got 3 and 2"):
        chrf_difference_interval(statistics, statistics[:2])


@pytest.mark.parametrize("score", [chrf, chrf_statistics, lambda h, r: bleu(h, r, "de")])
def test_a_missing_hypothesis_is_no_score(score):
    with pytest.raises(ValueError, match="one hypothesis per reference, got 2 for 3"):
        score(GERMAN[:2], GERMAN_REFERENCES)
    with pytest.raises(ValueError, match="one hypothesis per reference, got 0 for 0"):
        score([], [])
