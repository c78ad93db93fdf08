"""A hub on this machine: datasets in memory, served as the real one serves them, with its failures on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class StandIn:
    """Datasets: name -> revision -> path -> content; what was asked; how it fails.

    gated, private: names that need the token. cut: bytes after which a download breaks off, once or always.
    """

    address: str = ""
    datasets: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    token: str = "hf_right_token"
    cut: int | None = None
    cut_once: bool = True
    altered: bool = False
    slow: threading.Event | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    status: int | None = None

    def commit(self, name: str, revision: str) -> str:
        """The commit of a revision: 40 digits that depend on what is in it."""
        return hashlib.sha1(
            repr((name, revision, sorted(self.datasets[name][revision]))).encode()
        ).hexdigest()

    def resolve(self, name: str, revision: str) -> str | None:
        """The revision that a name or a commit of it means."""
        known = self.datasets[name]
        if revision in known:
            return revision
        return next((each for each in known if self.commit(name, each) == revision), None)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serve until the block ends."""
    hub = StandIn()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: StandIn

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: PLR0911
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.asked.append((path, {name.lower(): value for name, value in self.headers.items()}))
        given = self.headers.get("Authorization")
        if hub.status is not None:
            return self._refuse(hub.status, "")
        if given not in (None, f"Bearer {hub.token}"):
            return self._refuse(401, "", "Invalid credentials in Authorization header")
        parts = path.strip("/").split("/")
        is_api = parts[0] == "api"
        name = "/".join(parts[2:4] if is_api else parts[1:3])
        if name not in hub.datasets or (name in hub.private and given is None):
            return self._refuse(404 if given else 401, "RepoNotFound")
        if is_api:
            return self._info(name, "/".join(parts[5:]) or "main")
        rest = "/".join(parts[4:])
        revision = next((r for r in [*hub.datasets[name], parts[4]] if rest.startswith(f"{r}/")), parts[4])
        known = hub.resolve(name, revision)
        content = hub.datasets[name].get(known or "", {}).get(rest[len(revision) + 1 :])
        if name in hub.gated and given is None:
            return self._refuse(401, "GatedRepo")
        if content is None:
            return self._refuse(404, "EntryNotFound" if known else "RevisionNotFound")
        return self._send(content)

    def _info(self, name: str, revision: str) -> None:
        hub = self.hub
        known = hub.resolve(name, revision)
        if known is None:
            return self._refuse(404, "RevisionNotFound")
        siblings = []
        for path, content in hub.datasets[name][known].items():
            each: dict[str, Any] = {"rfilename": path, "size": len(content)}
            if path.endswith(".parquet"):
                each["lfs"] = {
                    "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130
                }  # fmt: skip
                each["blobId"] = "0" * 40
            else:
                each["blobId"] = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            siblings.append(each)
        info = {"_id": "1", "id": name, "sha": hub.commit(name, known), "siblings": siblings}
        more = {"private": False, "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0}
        return self._send(json.dumps(info | more).encode(), plain=True)

    def _send(self, content: bytes, *, plain: bool = False) -> None:
        hub = self.hub
        begun = 0 if plain else int((self.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        body = content[begun:]
        self.send_response(206 if begun else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not plain and hub.altered:
            body = bytes(reversed(body))
        if not plain and hub.slow is not None:
            self.wfile.write(body[:10])
            self.wfile.flush()
            hub.slow.wait(300)  # until the test has seen what it is slow for
            body = body[10:]
        if not plain and hub.cut is not None and len(body) > hub.cut:
            body = body[: hub.cut]
            if hub.cut_once:
                hub.cut = None
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if message:
            self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()
