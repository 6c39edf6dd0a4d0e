"""The interval of a share of images, without torch."""

from math import sqrt

from scipy.special import ndtri  # scipy.stats takes a second to import

CONFIDENCE = 0.95
DEVIATIONS = float(ndtri((1 + CONFIDENCE) / 2))
"""Standard deviations of a normal distribution on either side of its mean that hold 95% of it."""


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """95% interval of `hits` among `count` over draws of what is counted, as shares from 0 to 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share, spread = hits / count, DEVIATIONS**2 / count
    middle = share + spread / 2
    reach = sqrt(spread * share * (1 - share) + spread**2 / 4)
    # Where all or none are hits, rounding must not part an end from 0 or 1.
    low = 0.0 if hits == 0 else (middle - reach) / (1 + spread)
    return low, 1.0 if hits == count else (middle + reach) / (1 + spread)
