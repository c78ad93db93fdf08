"""A budget in tokens: how many rows of an order it holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Order
from core.errors import ParameterError

Tokens = NDArray[np.integer]  # (n,), of prompt and response together


def held(order: Order, tokens: Tokens, budget: int) -> int:
    """How many rows from the start of an order have at most ``budget`` tokens together.

    The first row that would exceed the budget ends it, though a shorter one further on might still fit: a
    selection stays a prefix of its order, so a larger budget only adds rows, the count slider stays a slice,
    and long rows are not passed over for being long.
    """
    return int(np.searchsorted(np.cumsum(tokens[order], dtype=np.int64), budget, side="right"))


def checked_budget(budget: int | None) -> None:
    """Say what is wrong with the setting.

    Raises:
        ParameterError: negative, or not a whole number.
    """
    if budget is None:
        return
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 0:
        raise ParameterError(
            f"The token budget is {budget}.",
            "It is a whole number of tokens: 0 or more. Leave it out for none.",
        )
