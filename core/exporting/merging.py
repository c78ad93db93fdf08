"""A card that people keep, and that of a new export: their fields and text stay, our part is replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from core.errors import DataError
from core.exporting.card import END, MARK
from core.exporting.licences import front_matter

OURS = ("license", "license_name", "license_link", "size_categories")  # of the rows that are written
UNITED = ("tags", "task_categories", "source_datasets", "language")
FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(\r?\n|$)", re.DOTALL)


def merged_card(theirs: str, ours: str) -> str:
    """One card of both.

    Of the front matter, theirs stays but for the licence, the size and the configs of the same names, which
    belong to the rows; lists of words are united. Of the text, what stands between our marks is replaced,
    and everything else stays; where there are no marks yet, ours follows theirs.

    Raises:
        DataError: their front matter cannot be read, so that nothing could be kept of it.
    """
    kept = front_matter(theirs)
    if not kept and re.match(r"\ufeff?---[ \t]*\r?\n", theirs):
        raise DataError(
            "The front matter of the card that is there cannot be read, so nothing of it could be kept.",
            "Mend the YAML at the top of its README.md first.",
        )
    front = _merged_front(kept, front_matter(ours))
    body = _merged_body(FRONT.sub("", theirs, count=1), _section(ours))
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n{body.strip()}\n"


def _merged_front(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    front = {name: value for name, value in theirs.items() if name not in OURS}
    front |= {name: value for name, value in ours.items() if name in OURS or name not in front}
    for name in UNITED:
        if name in theirs and name in ours:
            front[name] = list(dict.fromkeys((*_listed(theirs[name]), *_listed(ours[name]))))
    configs = _listed(ours.get("configs"))
    names = {each["config_name"] for each in configs}
    others = [each for each in _listed(theirs.get("configs")) if _config(each) not in names]
    for each in others:
        if isinstance(each, dict):
            each.pop("default", None)
    front["configs"] = [*configs, *others]
    if "dataset_info" in front:  # counts of the files that were there before
        staying = [each for each in _listed(front.pop("dataset_info")) if _config(each) not in {*names, None}]
        front |= {"dataset_info": staying} if staying else {}
    return front


def _config(entry: object) -> object:
    return entry.get("config_name") if isinstance(entry, dict) else None


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _section(ours: str) -> str:
    """What stands between our marks, with them."""
    return ours[ours.index(MARK) : ours.index(END) + len(END)]


def _merged_body(theirs: str, section: str) -> str:
    before, found, rest = theirs.partition(MARK)
    if not found:
        return f"{theirs.strip()}\n\n{section}"
    _, ended, after = rest.partition(END)
    return before + section + (after if ended else "")
