"""Which key goes to which server: the environment's and the secrets' on this machine, else a person's own."""

from __future__ import annotations

import os

import streamlit as st

from core.judging.endpoint import DEFAULT_URL, KEY, URL, Endpoint, endpoint, normal
from pages.ui import state

TYPED = "judge_key"  # and the address that it was typed for: a key goes to no other
LOCAL = {"localhost", "127.0.0.1", "::1"}


def is_shared() -> bool:
    """Whether others than this machine's own people may reach the app."""
    addresses = {str(st.get_option("server.address")), *(st.get_option("server.allowedHosts") or ())}
    return not addresses <= LOCAL


def environment() -> dict[str, str]:
    """Address and key of environment and secrets; a shared app lends its key only if its operator says so."""
    found = {name: text for name in (KEY, URL) if (text := _secret(name) or os.environ.get(name, ""))}
    if is_shared() and os.environ.get("WINNOW_JUDGE_KEY") != "shared":
        found.pop(KEY, None)
    return found


def first_address() -> str:
    """Where the environment says to ask."""
    return environment().get(URL) or DEFAULT_URL


def has_own(url: str) -> bool:
    """Whether the environment has a key for that address; raises as ``where`` does."""
    return bool(endpoint(url, shared=is_shared(), environment=environment()).key)


def where(url: str) -> Endpoint:
    """The server with its key: the environment's where it belongs there, else what was typed.

    Raises:
        ParameterError: the address cannot be used, or would carry a key in the open.
    """
    typed = "" if has_own(url) else str(state.widget(field_of(url)) or "").strip()
    return endpoint(url, key=typed or None, shared=is_shared(), environment=environment())


def field_of(url: str) -> str:
    """The name of the field for the key of an address."""
    return f"{TYPED} {normal(url)}"


def ask(url: str) -> None:
    """The field for a key, or which one is used without it."""
    if has_own(url):
        st.caption("With the key of OPENAI\\_API\\_KEY, which goes to this address alone.")
        return
    st.text_input(
        "Key", type="password", key=field_of(url), autocomplete="off", persist_state="session",
        help="Held by this session alone, never written anywhere. Servers on your own machine need none.",
    )  # fmt: skip


def _secret(name: str) -> str:
    """A value of secrets.toml, if there is one."""
    try:
        return str(st.secrets.get(name, ""))
    except FileNotFoundError:  # there is no such file
        return ""
