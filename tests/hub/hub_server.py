"""A stand-in for the hub: repositories in memory, the requests of a push, and faults on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LFS_FROM = 2_000  # bytes from which a file goes by way of LFS, as Parquet files do on the hub


@dataclass
class Repo:
    """One dataset repository."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def head(self) -> str:
        return hashlib.sha1(str(len(self.commits)).encode() + b"x").hexdigest()


class Hub:
    """The server. ``faults``: (method and path pattern) -> a status, or "cut"; used up one by one."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.faults: list[tuple[str, int | str]] = []
        self.seen: list[str] = []
        self.unauthorised: list[str] = []
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_hub: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one packet, or each waits for an acknowledgement

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        hub = self.server_hub
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = f"{method} {self.path}"
        hub.seen.append(said)
        for place, (pattern, fault) in enumerate(hub.faults):
            if re.match(pattern, said):
                del hub.faults[place]
                if fault == "cut":
                    self.close_connection = True
                    self.connection.close()
                else:
                    self._send(int(fault), {"error": "a fault on demand"})
                return
        if not self.path.startswith("/blobs/") and self.headers.get("Authorization") != f"Bearer {hub.token}":
            hub.unauthorised.append(said)
            self._send(401, {"error": "Invalid username or password."})
            return
        self._route(body)

    def _route(self, body: bytes) -> None:  # noqa: PLR0911
        hub, path = self.server_hub, self.path.partition("?")[0]
        if path == "/api/whoami-v2":
            return self._send(200, {"name": "ada", "type": "user", "auth": {}})
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'ada'}/{asked['name']}"
            if not name.startswith("ada/"):
                return self._send(403, {"error": "You don't have the rights to create a dataset there"})
            if name in hub.repos:
                return self._send(409, {"error": "You already created this dataset repo"})
            hub.repos[name] = Repo(bool(asked.get("private") or asked.get("visibility") == "private"))
            return self._send(200, {"url": f"{hub.url}/datasets/{name}"})
        if found := re.fullmatch(r"/blobs/(\w+)", path):
            hub.blobs[found[1]] = body
            return self._send(200, {})
        if found := re.fullmatch(r"/(?:api/)?datasets/([^/]+/[^/.]+)(?:\.git)?(/.*)?", path):
            repo = hub.repos.get(found[1])
            if repo is None:
                return self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return self._of_repo(found[1], repo, found[2] or "", body)
        return self._send(404, {"error": "Not found"})

    def _of_repo(self, name: str, repo: Repo, rest: str, body: bytes) -> None:
        hub = self.server_hub
        if not rest:
            siblings = [{"rfilename": each} for each in repo.files]
            told = {"id": name, "sha": repo.head, "private": repo.private, "siblings": siblings}
            return self._send(200, told | {"tags": [], "downloads": 0, "likes": 0})
        if rest.startswith("/preupload/"):
            files = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["size"] > LFS_FROM else "regular",
                    "shouldIgnore": False,
                }
                for each in json.loads(body)["files"]
            ]
            return self._send(200, {"files": files})
        if rest == "/info/lfs/objects/batch":
            objects = [
                {**each, "actions": {"upload": {"href": f"{hub.url}/blobs/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            return self._send(200, {"objects": objects, "transfer": "basic"})
        if rest.startswith("/commit/"):
            return self._commit(name, repo, body)
        if found := re.fullmatch(r"/resolve/\w+/(.+)", rest):
            return self._send(200, repo.files[found[1]])
        return self._send(404, {"error": "Not found"})

    def _commit(self, name: str, repo: Repo, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        header, *operations = ((each["key"], each["value"]) for each in lines)
        if header[1].get("parentCommit") not in (None, repo.head):
            return self._send(412, {"error": "A commit has happened since. Please refresh and try again."})
        for key, value in operations:
            if key == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                repo.files[value["path"]] = self.server_hub.blobs[value["oid"]]
            else:
                del repo.files[value["path"]]
        repo.commits.append(header[1])
        url = f"{self.server_hub.url}/datasets/{name}/commit/{repo.head}"
        return self._send(200, {"commitUrl": url, "commitOid": repo.head})

    def _send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
