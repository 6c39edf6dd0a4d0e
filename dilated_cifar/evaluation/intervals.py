"""The interval of a share of images, without torch."""

from functools import cache

from scipy.stats import binomtest

CONFIDENCE = 0.95


@cache
def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """95% interval of `hits` among `count` over draws of what is counted, as shares from 0 to 1.

    Cached, since scipy carries out a whole test for it, about a millisecond a call, and a comparison of many
    runs asks for the same counts again and again.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    interval = binomtest(hits, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
