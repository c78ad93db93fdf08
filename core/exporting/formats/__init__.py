"""The forms of the training file, one file a family, and the registry of them all."""

from core.errors import ParameterError
from core.exporting.formats.alpaca import ALPACA
from core.exporting.formats.chat import CHAT
from core.exporting.formats.form import Held, LeftOut, TrainingFormat, write_parquet
from core.exporting.formats.own import OWN, SPREADSHEET
from core.exporting.formats.pairs import PAIRS
from core.exporting.formats.sharegpt import SHAREGPT
from core.exporting.formats.text import TEXT, TEXT_PARQUET, holds_texts

FORMATS: dict[str, TrainingFormat] = {
    each.name: each for each in (*OWN, *CHAT[:2], *ALPACA, *SHAREGPT, *CHAT[2:], *PAIRS, TEXT)
}


def training_format(name: str, *, spreadsheet: bool = False) -> TrainingFormat:
    """The format of that name; ``spreadsheet`` makes a CSV safe to open in a spreadsheet.

    Raises:
        ParameterError: there is none, the hint names them all; or a spreadsheet of another form than CSV.
    """
    if name not in FORMATS:
        raise ParameterError(f"There is no export format {name!r}.", f"Formats: {', '.join(FORMATS)}.")
    if spreadsheet and name != "csv":
        raise ParameterError(
            f"{name} is no form for a spreadsheet.", "Choose the format csv, or no spreadsheet."
        )
    return SPREADSHEET if spreadsheet else FORMATS[name]


__all__ = [
    "FORMATS",
    "SPREADSHEET",
    "TEXT",
    "TEXT_PARQUET",
    "Held",
    "LeftOut",
    "TrainingFormat",
    "holds_texts",
    "training_format",
    "write_parquet",
]
