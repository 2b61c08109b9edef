"""Chinese in one script, so that chrF and BLEU do not count Traditional characters as errors.

    to_simplified(text)

For both sides, before the corpus scores of Chinese. The metrics of terms need none of it: `data.folding` does it where they look for terms.

Not covered: Traditional characters with two Simplified forms (乾, 畫), which stay as they are; the words of a region (軟體 becomes 软体,
not 软件).
"""

from __future__ import annotations

import functools

from data.han import simplified


def to_simplified(text: str) -> str:
    """`text` with the Simplified character for each Traditional one that has one such form; of the same length."""
    return text.translate(_table())


@functools.cache
def _table() -> dict[int, str]:
    return simplified()
