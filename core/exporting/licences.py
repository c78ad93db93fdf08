"""Licences: the identifiers that the hub knows, what each forbids, and which one stands beside a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import yaml

from core.errors import ParameterError

UNKNOWN = "unknown"
OTHER = "other"
# https://huggingface.co/docs/hub/repositories-licenses, those that people give to data first.
KNOWN = """
apache-2.0 mit cc-by-4.0 cc-by-sa-4.0 cc-by-nc-4.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-nc-nd-4.0 cc0-1.0
odc-by odbl pddl cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 c-uda afl-3.0 agpl-3.0
apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0 bigscience-openrail-m
bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-sa-3.0
cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-nd-3.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 creativeml-openrail-m
deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2
fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research
intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
lppl-1.3c mpl-2.0 ms-pl ncsa ofl-1.1 openmdw-1.0 openmdw-1.1 openrail openrail++ osl-3.0 postgresql
unlicense wtfpl zlib
"""
LICENCES = tuple(KNOWN.split())
RESEARCH = {"apple-amlr", "deepfloyd-if-license", "h-research", "intel-research"}
RESEARCH |= {"fair-noncommercial-research-license"}
SHARED_ALIKE = {
    "odbl",
    "cdla-sharing-1.0",
    "gfdl",
    "gpl",
    "gpl-2.0",
    "gpl-3.0",
    "agpl-3.0",
    "eupl-1.1",
    "eupl-1.2",
}
OUTPUT_OF_MODELS = ("llama", "gemma", "grok")
NON_COMMERCIAL = (
    "**Non-commercial.** The source may not be used for commercial ends, and neither may this subset. "
    "Ask before you sell what was trained on it."
)
RESEARCH_ONLY = (
    "**Research only.** The source may be used for research, and for nothing else; so may this subset."
)
NO_DERIVATIVES = (
    "**No derivatives.** The source may not be passed on in a changed form, and a subset is likely to "
    "be one: ask its owner before you publish this."
)
SHARE_ALIKE = "**Share alike.** What is made from it has to carry the same licence."
USE_LIMITS = (
    "**Limits of use.** The licence forbids some uses, and whoever passes the rows on has to pass these"
    " limits on."
)
MODEL_TERMS = (
    "**Output of a model.** The terms of that model hold for what it wrote: read what they say of "
    "training other models and of naming it."
)
UNKNOWN_TERMS = (
    "**The licence of the source is unknown.** Without one nothing may be assumed: do not publish these"
    " rows and do not hand them on before its owner has said what is allowed."
)
MODEL_OUTPUT = (
    "Where answers were written by a model, the terms of its provider hold beside the licence. Several "
    "forbid to train models that compete with it; whether that is so here was not looked for."
)
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]{1,59}")
LINK = re.compile(r"https?://[^\s<>\"'`|\\]{3,300}")
SPDX = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "pddl": "PDDL-1.0",
    "cdla-permissive-1.0": "CDLA-Permissive-1.0",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    "c-uda": "C-UDA-1.0",
}
LARGEST_CARD = 1 << 20  # bytes that are read of a card beside a file


class Licence(NamedTuple):
    """A licence as the hub writes it: ``identifier`` is ``other`` where the hub does not know the name."""

    identifier: str
    name: str
    link: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anybody said what the licence is."""
        return self.identifier != UNKNOWN

    @property
    def url(self) -> str:
        """Where its text stands, as far as that is known; else its name."""
        creative = re.fullmatch(r"cc-(by[a-z-]*)-(\d\.\d)", self.name)
        if creative:
            return f"https://creativecommons.org/licenses/{creative[1]}/{creative[2]}/"
        if self.name == "cc0-1.0":
            return "https://creativecommons.org/publicdomain/zero/1.0/"
        return (
            f"https://spdx.org/licenses/{SPDX[self.name]}.html"
            if self.name in SPDX
            else self.link or self.name
        )

    @property
    def terms(self) -> tuple[str, ...]:
        """What has to be said aloud, one sentence or two each."""
        parts = set(self.name.split("-"))
        found = (
            (UNKNOWN_TERMS, not self.is_known),
            (NON_COMMERCIAL, "nc" in parts or "noncommercial" in parts),
            (RESEARCH_ONLY, self.name in RESEARCH),
            (NO_DERIVATIVES, "nd" in parts),
            (SHARE_ALIKE, "sa" in parts or self.name in SHARED_ALIKE),
            (USE_LIMITS, any("rail" in part for part in parts)),
            (MODEL_TERMS, self.name.startswith(OUTPUT_OF_MODELS)),
        )
        return tuple(text for text, holds in found if holds)

    def front(self) -> dict[str, str]:
        """What the front matter of a card says of it."""
        if self.identifier != OTHER:
            return {"license": self.identifier}
        link = {"license_link": self.link} if self.link else {}
        return {"license": OTHER, "license_name": self.name, **link}


def licence_of(text: str) -> Licence:
    """A licence from its identifier; one that the hub does not know may be followed by a link to its text.

    Raises:
        ParameterError: none is named, or it is not written as an identifier.
    """
    name, _, link = " ".join(text.split()).partition(" ")
    name = name.lower()
    if not name:
        raise ParameterError(
            "A card needs the licence of the source.",
            "Name it, such as cc-by-4.0 or apache-2.0, or say unknown, which is not to be published.",
        )
    if not IDENTIFIER.fullmatch(name) or name == OTHER:
        raise ParameterError(
            f"{name[:60]!r} is not the identifier of a licence.",
            "Write it as the hub does, such as cc-by-4.0; another licence by its name and a link to it.",
        )
    if link and (not LINK.fullmatch(link) or name in (*LICENCES, UNKNOWN)):
        raise ParameterError(
            f"{f'{name} {link}'[:80]!r} is not the identifier of a licence, nor a name with a link to it.",
            "Write cc-by-4.0 alone, or a name of your own and a link that begins with https://.",
        )
    return Licence(name if name in (*LICENCES, UNKNOWN) else OTHER, name, link)


def checked_licence(text: str) -> str:
    """The licence as it is kept: its name in lower case, then its link if any; raises as ``licence_of``."""
    licence = licence_of(text)
    return f"{licence.name} {licence.link}".strip()


def licence_in(card: str) -> Licence:
    """The licence that a card names; unknown where it names none, or several."""
    front = front_matter(card)
    named, link = front.get("license"), front.get("license_link")
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    if named == OTHER:
        named = f"{front.get('license_name', '')} {link or ''}"
    try:
        return licence_of(named) if isinstance(named, str) else Licence(UNKNOWN, UNKNOWN)
    except ParameterError:
        return Licence(UNKNOWN, UNKNOWN)


def licence_beside(path: str | Path) -> str:
    """The licence that a dataset card beside a file names; empty where there is none that can be read."""
    card = Path(path).expanduser().parent / "README.md"
    try:
        with card.open("rb") as file:
            text = file.read(LARGEST_CARD).decode("utf-8", errors="replace")
    except OSError:  # there is none
        return ""
    licence = licence_in(text)
    return f"{licence.name} {licence.link}".strip() if licence.is_known else ""


def front_matter(text: str) -> dict[str, object]:
    """What stands between the first two lines of three dashes, as YAML; empty where that is none."""
    found = re.match(r"\ufeff?---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(\r?\n|$)", text, re.DOTALL)
    try:
        front = yaml.safe_load(found[1] or "") if found else None
    except yaml.YAMLError:
        return {}
    return front if isinstance(front, dict) else {}
