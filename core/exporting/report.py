"""The report: one HTML file that shows a selection to those who have to agree, without any network.

Everything in it lies in one block of JSON. The page's own script builds the page from it and never makes
HTML of a text, so what a row says is only ever shown.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.exporting.facts import facts
from core.exporting.recipe import Recipe

HERE = Path(__file__).parent
SCRIPTS = ("report_tables.js", "report.js")
MARK = "<!-- A report that Winnow wrote: another export into this folder replaces it. -->"
KINDS = {"uint8": "u8", "uint16": "u16", "uint32": "u32"}


@dataclass(frozen=True, slots=True)
class Report:
    """What a report shows beside the recipe.

    content: texts, numbers and tables, as JSON has them; None where there is no number.
    arrays: numbers of every row and the orders, unsigned and of 8, 16 or 32 bits.
    """

    title: str
    content: Mapping[str, Any] = field(repr=False)
    arrays: Mapping[str, NDArray[np.unsignedinteger]] = field(repr=False)


def report_html(report: Report, recipe: Recipe) -> bytes:
    """The whole file. The same selection and recipe give the same bytes."""
    script, style = _script(), _template("report.css")
    content = {
        **report.content,
        "title": report.title,
        "source": recipe.source.name,
        "why": recipe.why,
        "decisions": facts(recipe),
        "ids_sha256": recipe.outcome.ids_sha256,
        "recipe": recipe.to_yaml(),
        "arrays": {name: _packed(array) for name, array in report.arrays.items()},
    }
    page = Template(_template("report.html")).substitute(
        mark=MARK,
        policy=_policy(script, style),
        title=html.escape(report.title),
        style=style,
        script=script,
        content=_inert(json.dumps(content, allow_nan=False, separators=(",", ":"))),
    )
    return page.encode("ascii", "xmlcharrefreplace")


def _script() -> str:
    """The files one after the other, in a scope of their own; the last one starts."""
    code = "".join(_template(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{code}}})();\n'


def _template(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _policy(script: str, style: str) -> str:
    """A content security policy: this script, this style, and no request to anywhere."""
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _packed(array: NDArray[np.unsignedinteger]) -> dict[str, str]:
    """Numbers as base64 of their little-endian bytes."""
    raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    return {"kind": KINDS[array.dtype.name], "data": base64.b64encode(raw).decode()}


def _inert(text: str) -> str:
    """JSON in ASCII that ends no script element and begins no comment, whatever its texts hold."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
