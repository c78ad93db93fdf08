"""The prices that a person wrote down, in a file of the home that can be edited by hand too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from core.errors import StoreError
from core.judging.price import PriceEntry, read_prices

NAME = "prices.yaml"
SHIPPED = Path(__file__).parents[1] / "data" / NAME
HEAD = "# Prices of models for a million tokens, as they were typed in; checked: the date of that.\n"


def prices(home: Path) -> Mapping[str, PriceEntry]:
    """model -> price: those that are shipped, and over them those of the home.

    Raises:
        DataError: the home's file was altered and does not hold.
    """
    own = home / NAME
    return {**read_prices(SHIPPED), **(read_prices(own) if own.is_file() else {})}


def keep_price(home: Path, model: str, entry: PriceEntry) -> None:
    """Write a model's price down; half a file is never seen.

    Raises:
        DataError: the file was altered and does not hold; nothing is written over it.
        StoreError: it cannot be written.
    """
    own = home / NAME
    known = dict(read_prices(own)) if own.is_file() else {}
    known[model] = entry
    text = HEAD + yaml.safe_dump({"models": {name: each.model_dump() for name, each in known.items()}})
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=home, prefix=f".{NAME}")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(own)
    except OSError as cause:
        raise StoreError(f"The price could not be written: {cause.strerror}.", "Free some space.") from cause
