"""A page whose connection broke runs again when it is back.

A server that was started anew knows nothing of the page's fragments and would never answer them.
"""

from __future__ import annotations

import streamlit as st

SCRIPT = """
export default ({ parentElement, setTriggerValue }) => {
  const app = parentElement.closest("[data-testid='stApp']");
  const isConnected = () => app?.dataset.testConnectionState === "CONNECTED";
  let was = isConnected();
  parentElement.closest("[data-testid='stElementContainer']").style.display = "none";
  const watcher = new MutationObserver(() => {
    if (!was && isConnected()) setTriggerValue("again", Date.now());
    was = isConnected();
  });
  if (app) watcher.observe(app, { attributeFilter: ["data-test-connection-state"] });
  return () => watcher.disconnect();
};
"""

_component = st.components.v2.component("winnow_reconnect", js=SCRIPT, isolate_styles=False)


def watch() -> None:
    """Run the page again whenever its connection comes back; call once a page, outside of fragments."""
    _component(key="reconnect", on_again_change=_ignore)


def _ignore() -> None:
    """The run itself is what is wanted."""
