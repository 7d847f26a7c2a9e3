"""The confidence interval of a mean of few scores, by Student's t distribution.

    t      (mean of the scores - mean of their distribution) / standard error
    n      scores
    nu     degrees of freedom, n - 1
    theta  atan(t / sqrt(nu))

With three to five seeds a bootstrap covers far less than it claims, and the normal distribution,
too; t is exact where scores are normal. Its door is `half_width`.
Source: Student 1908, "The probable error of a mean", Biometrika 6; for seeds of reinforcement
learning: Colas et al. 2018, https://arxiv.org/abs/1806.08295, section 4.
"""

import math
from functools import lru_cache

CONFIDENCE = 0.95
# Each halves an error of pi / 2: as exact as a float is.
_BISECTIONS = 60


def half_width(standard_error: float, n: int) -> float:
    """Half the width of the 95 % confidence interval of a mean.

    Args:
        standard_error: of the mean.
        n: how many scores it is of, at least 2.
    """
    return quantile(n - 1) * standard_error


@lru_cache(maxsize=64)
def quantile(nu: int) -> float:
    """The t below which, in absolute value, 95 % of a t distribution lie."""
    low, high = 0.0, math.pi / 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, nu) < CONFIDENCE else (low, middle)
    return math.sqrt(nu) * math.tan(low)


def _within(theta: float, nu: int) -> float:
    """The probability of |t| <= sqrt(nu) * tan(theta).

        nu even: sin(theta) * (1 + 1/2 cos^2 + (1*3)/(2*4) cos^4 + ... up to cos^(nu - 2))
        nu odd:  2/pi * (theta + sin(theta) * (cos + 2/3 cos^3 + ... up to cos^(nu - 2)))

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
    """
    cosine, is_odd = math.cos(theta), nu % 2
    term = cosine if is_odd else 1.0
    total = term if nu > 1 else 0.0
    for power in range(2 + is_odd, nu - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        total += term
    total *= math.sin(theta)
    return 2 / math.pi * (theta + total) if is_odd else total
