"""The command ``python -m core store``: what is stored, and how it is freed."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TypeVar

from core.store import Store

Parser = TypeVar("Parser", bound=argparse.ArgumentParser)


def add(commands: argparse._SubParsersAction[Parser]) -> tuple[Parser, ...]:
    """Add the command; the parsers of its two actions."""
    store = commands.add_parser("store", help="show or free what is stored")
    actions = store.add_subparsers(required=True, metavar="ACTION")
    ls = actions.add_parser("ls", help="what is stored, newest first")
    ls.set_defaults(run=_ls)
    prune = actions.add_parser("prune", help="free what is stored; it is computed again when needed")
    prune.add_argument("--days", type=float, default=0.0, help="only what is older than this")
    prune.add_argument("--stage", help="only this stage")
    prune.set_defaults(run=_prune)
    return ls, prune


def _ls(options: argparse.Namespace) -> None:
    store = Store(Path(options.home) / "store")
    for item in store.ls():
        written = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.written))
        print(f"{item.size:>12,}  {written}  {item.stage:<14}  {item.digest[:12]}")
    print(f"{sum(item.size for item in store.ls()):>12,}  bytes in all")


def _prune(options: argparse.Namespace) -> None:
    store = Store(Path(options.home) / "store")
    freed = store.prune(older_than=options.days * 86_400, stage=options.stage)
    print(f"{freed:,} bytes freed")
