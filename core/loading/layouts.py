"""Which files belong to which split and configuration, told from their names as datasets on the hub are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import yaml

from core.errors import DataError
from core.loading.unpacking import is_metadata, is_readable, leads_out, without_packing

Splits = dict[str, tuple[str, ...]]  # split -> names of files, sorted

TRAIN, ONLY = "train", "default"  # the split and the configuration of files that name none
SAME = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
SHARD = re.compile(r"(?:data/)?(\w[\w.]*)-\d{5}-of-\d{5}[-\w]*")
WORD = re.compile(rf"(?<![a-z0-9])({'|'.join(SAME)})(?![a-z])")
CONVERTED = re.compile(r"([^/]+)/(?:partial-)?([^/]+)/\d{4}\.parquet")
ABOUT = {"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json"}
MOST_CONFIGS = 10_000  # configurations, and patterns of one of them
MOST_HEADER = 1 << 18  # bytes of settings at the beginning of a README
HEADER = re.compile(r"\A---\r?\n(.*?)\r?\n---", re.DOTALL)


def data_files(names: Iterable[str]) -> tuple[str, ...]:
    """The names that may hold rows, sorted; what describes a dataset and what systems keep beside are not."""
    return tuple(
        sorted(
            name
            for name in names
            if is_readable(name)
            and not leads_out(name)
            and not is_metadata(name)
            and PurePosixPath(name).name not in ABOUT
        )
    )


def splits_of(names: Sequence[str]) -> tuple[Splits, tuple[str, ...]]:
    """The splits that names tell of, and the names of none; all are ``train`` where no name tells."""
    for rule in (_of_shard, _of_word):
        told = {name: rule(name) for name in names}
        if any(told.values()):
            found = {split for split in told.values() if split}
            splits = {split: tuple(n for n in names if told[n] == split) for split in sorted(found)}
            return splits, tuple(name for name in names if not told[name])
    return ({TRAIN: tuple(names)} if names else {}), ()


def _of_shard(name: str) -> str | None:
    found = SHARD.fullmatch(_stem(name))
    return found and found[1]


def _of_word(name: str) -> str | None:
    words = WORD.findall(_stem(name).lower())
    return SAME[words[-1]] if words else None


def _stem(name: str) -> str:
    return str(PurePosixPath(without_packing(name)).with_suffix(""))


def configs_of(names: Sequence[str], readme: str = "") -> dict[str, Splits]:
    """Configuration -> splits -> files: as the README says, as the hub converts to Parquet, or by the names.

    Raises:
        DataError: the README's settings cannot be read, or name too much.
    """
    stated = _stated(names, readme)
    if stated:
        return stated
    found = [(name, CONVERTED.fullmatch(name)) for name in names]
    if names and all(match for _, match in found):
        converted: dict[str, dict[str, list[str]]] = {}
        for name, match in found:
            if match:
                converted.setdefault(match[1], {}).setdefault(match[2], []).append(name)
        return {
            config: {split: tuple(each) for split, each in splits.items()}
            for config, splits in converted.items()
        }
    splits, _ = splits_of(names)
    return {ONLY: splits} if splits else {}


def _stated(names: Sequence[str], readme: str) -> dict[str, Splits]:
    header = HEADER.match(readme[:MOST_HEADER])
    try:
        settings = yaml.safe_load(header[1]) if header else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}  # the names tell as well, and a broken header is nobody's data
    configs = settings.get("configs") if isinstance(settings, dict) else None
    found: dict[str, Splits] = {}
    for config in islice(configs if isinstance(configs, list) else [], MOST_CONFIGS):
        if isinstance(config, dict) and ("data_files" in config or "data_dir" in config):
            splits = _splits_stated(names, config)
            if splits:
                found[str(config.get("config_name", ONLY))] = splits
    return found


def _splits_stated(names: Sequence[str], config: Mapping[str, Any]) -> Splits:
    folder = str(config.get("data_dir", "")).strip("/")
    inside = [name for name in names if not folder or name.startswith(f"{folder}/")]
    if "data_files" not in config:
        return splits_of(inside)[0]
    splits: dict[str, list[str]] = {}
    patterns = list(islice(_patterns(config["data_files"]), MOST_CONFIGS + 1))
    if len(patterns) > MOST_CONFIGS:
        raise DataError(
            f"The README names more than {MOST_CONFIGS:,} patterns of files.", "Download the files you need."
        )
    for split, pattern in patterns:
        matches = _matcher(f"{folder}/{pattern}" if folder else pattern)
        own = splits.setdefault(split, [])
        own += [name for name in inside if matches(name) and name not in own]
    return {split: tuple(own) for split, own in splits.items() if own}


def _patterns(stated: object, split: str = TRAIN) -> Iterator[tuple[str, str]]:
    """(split, pattern) of every form in which a README may state files."""
    if isinstance(stated, str):
        yield split, stated.removeprefix("./")
    elif isinstance(stated, dict) and "path" in stated:
        yield from _paths(stated["path"], str(stated.get("split", split)))
    elif isinstance(stated, dict):
        for name, path in stated.items():
            yield from _paths(path, str(name))
    elif isinstance(stated, list):
        for each in stated:
            if isinstance(each, dict):
                yield from _paths(each.get("path"), str(each.get("split", split)))
            else:
                yield from _paths(each, split)


def _paths(paths: object, split: str) -> Iterator[tuple[str, str]]:
    for path in paths if isinstance(paths, list) else [paths]:
        if isinstance(path, str):
            yield split, path.removeprefix("./")


def _matcher(pattern: str) -> Callable[[str], object]:
    """A test of names by a pattern of paths: ``*`` stays within a folder, ``**`` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])", pattern[:1000])
    meaning = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(p) or _literal(p) for p in parts)).fullmatch


def _literal(part: str) -> str:
    if part.startswith("[") and part.endswith("]"):
        inside = part[1:-1].replace("\\", "\\\\")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(part)
