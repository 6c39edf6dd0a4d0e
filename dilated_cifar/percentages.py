"""Shares in percent and their differences in points, written alike on every screen, page and picture."""


def percent(share: float, decimals: int = 2) -> str:
    """A share from 0 to 1, such as `99.95%`; only all is 100% and only nothing is 0%, whatever is rounded."""
    return f"{percent_number(share, decimals)}%"


def percent_number(share: float, decimals: int = 2) -> str:
    """The same without the sign."""
    least, whole = 10.0**-decimals, 1e-9
    value = 100 * share
    if whole < share < 1 - whole:
        value = min(max(value, least), 100 - least)
    return f"{value:.{decimals}f}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign; without the unit."""
    # Adding zero makes of a negative zero a positive one.
    return f"{round(100 * difference, 2) + 0.0:+.2f}"
