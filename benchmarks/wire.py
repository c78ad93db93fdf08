"""What passes between a server and a browser, counted on the way: compressed, with the frames' heads."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any


class Wire:
    """A port that passes everything on to another one, and counts the bytes that come back."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("localhost", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = 0

    def __enter__(self) -> Wire:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:  # noqa: ANN401
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                browser, _ = self._listener.accept()
                app = socket.create_connection(("localhost", self._to))
                for ends in ((browser, app), (app, browser)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        is_answer = source.getpeername()[1] == self._to
        with suppress(OSError), source, target:
            while data := source.recv(65_536):
                self.received += len(data) if is_answer else 0
                target.sendall(data)
