"""A local server that speaks the OpenAI protocol, behaves well or badly at set rates, and counts every request.

In a test: ``with JudgeServer(faults={"500": 0.05}) as server: server.url``. As a process, for runs that are
killed: ``python tests/judge_server.py PORT_FILE``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import sys
import threading
import time
from collections import Counter
from pathlib import Path

KEY = "sk-stand-in-0123456789abcdefghijklmnop"
LEANING, LEAN = "leaning", 0.2  # a model that favours the first answer in that share of the requests
FAULTS = ("malformed", "hostile", "slow", "cut", "429", "500", "dropped", "refusal", "empty", "html")


class JudgeServer:
    """Grades by the prompt's hash, so that the same row always gets the same grade.

    faults: kind -> share of requests. A fault of transport strikes by chance, so that another attempt passes;
    a reply that is no verdict belongs to the row and comes again.
    """

    def __init__(self, *, faults=None, key=None, seed=0, delay=0.0, structured=True, usage=True, quota=None, odds=False,
                 newer=False, most_at_once=None, keep=True, account=True, echo_key=False, kind=None):  # fmt: skip
        self.faults, self.key, self.delay = dict(faults or {}), key, delay
        self.structured, self.usage, self.quota, self.odds, self.newer = structured, usage, quota, odds, newer
        self.most_at_once, self.keep, self.account, self.echo_key = most_at_once, keep, account, echo_key
        self.kind = (
            kind  # a server of another make: a request and its answer -> the answer, or (status, body)
        )
        self.chance = random.Random(seed)
        self.requests = Counter()  # prompt hash -> requests
        self.paid = Counter()  # prompt hash -> 200s that were sent whole
        self.outcomes = Counter()
        self.headers, self.bodies = [], []
        self.in_flight, self.most_in_flight, self.times = 0, 0, []
        self.files, self.batches = {}, {}
        self.batch_done, self.no_batches = True, False
        self.batch_ends = "completed"  # or expired, cancelled, failed
        self.batch_answers = 1.0  # share of its requests that are answered by then
        self.url = None

    def __enter__(self):
        started = threading.Event()

        def serve():
            asyncio.run(self._serve(started))

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self, started):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._open, self._slow = set(), set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 26)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        started.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()
        for task in self._slow:
            task.cancel()
        await asyncio.sleep(0.05)

    async def _connection(self, reader, writer):
        self._open.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *headers = head.decode("latin-1").rstrip("\r\n").split("\r\n")
                headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in headers)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = line.split(" ")
                if not await self._answer(method, path, headers, body, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, method, path, headers, body, writer):
        """Answer one request; whether the connection stays."""
        if self.keep:
            self.headers.append(headers)
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            said = (
                f"Incorrect API key provided: {headers.get('authorization')}"
                if self.echo_key
                else "Incorrect API key"
            )
            return self._send(writer, 401, _error(said, code="invalid_api_key"))
        if path.endswith("/chat/completions") and method == "POST":
            return await self._chat(json.loads(body), writer)
        return self._other(method, path, headers, body, writer)

    async def _chat(self, body, writer):
        name = _name(body)
        self.requests[name] += 1
        self.times.append(time.monotonic())
        if self.keep:
            self.bodies.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            return await self._chatted(body, name, writer)
        finally:
            self.in_flight -= 1

    async def _chatted(self, body, name, writer):  # noqa: C901, PLR0911 - one branch a fault
        fault = self._fault(name)
        if not self.account:
            return self._send(
                writer, 429, _error("You exceeded your current quota", code="insufficient_quota")
            )
        if self.most_at_once and self.in_flight > self.most_at_once:
            fault = "429"
        if not self.structured and "response_format" in body:
            return self._send(writer, 400, _error("response_format of type json_schema is not supported"))
        if not self.odds and not self.kind and "logprobs" in body:
            return self._send(writer, 400, _error("logprobs are not supported by this model"))
        if self.newer and "max_tokens" in body:
            return self._send(
                writer, 400, _error("Use max_completion_tokens instead of max_tokens", param="max_tokens")
            )
        self.outcomes[fault or "well"] += 1
        if self.delay:
            await asyncio.sleep(self.delay * self.chance.uniform(0.5, 1.5))
        if fault == "429":
            return self._send(writer, 429, _error("Rate limit reached"), {"retry-after-ms": "20"})
        if fault == "500":
            return self._send(writer, 500, _error("The server had an error"))
        if fault == "dropped":
            writer.transport.abort()
            return False
        if fault == "slow":
            await self._wait()
            return False
        if fault == "html":
            return self._send(writer, 200, b"<html>Bad gateway</html>")
        reply = completion(body, _said(body, name, fault), usage=self.usage, finish="length" if fault == "cut" else "stop",
                           refusal="I cannot grade this." if fault == "refusal" else None, odds=self.odds)  # fmt: skip
        if self.kind and isinstance(reply := self.kind(body, reply), tuple):
            return self._send(writer, *reply)
        self.paid[name] += 1
        return self._send(writer, 200, reply)

    async def _wait(self):
        """Longer than anybody waits, or until the server stops."""
        sleep = asyncio.ensure_future(asyncio.sleep(60))
        self._slow.add(sleep)
        await asyncio.wait([sleep])
        self._slow.discard(sleep)

    def _fault(self, name):
        """The fault of this request: by chance for those of transport, by the row for those of the reply."""
        chance, row = self.chance.random(), int(name[:8], 16) / 2**32
        for fault, share in self.faults.items():
            if fault in ("slow", "429", "500", "dropped", "html"):
                if chance < share:
                    return fault
                chance -= share
            else:
                if row < share:
                    return fault
                row -= share
        return None

    def _send(self, writer, status, body, headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{more}\r\n"
        if not writer.transport.is_closing():
            writer.write(head.encode() + body)
        return True

    # Files and batches.

    def _other(self, method, path, headers, body, writer):  # noqa: PLR0911 - one branch a path
        parts = path.partition("?")[0].strip("/").split("/")[1:]
        if self.no_batches:
            return self._send(writer, 404, {"detail": "Not Found"})
        match (method, *parts):
            case ("POST", "files"):
                name = f"file-{len(self.files)}"
                boundary = headers["content-type"].partition("boundary=")[2].encode()
                (file,) = [part for part in body.split(b"--" + boundary) if b'name="file"' in part]
                self.files[name] = file.partition(b"\r\n\r\n")[2].rstrip(b"\r\n")
                return self._send(writer, 200, {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "x",
                                                "purpose": "batch", "status": "processed"})  # fmt: skip
            case ("GET", "files", name, "content"):
                return self._send(writer, 200, self.files[name])
            case ("POST", "batches"):
                made = json.loads(body)
                batch = {"id": f"batch-{len(self.batches)}", "object": "batch", "endpoint": made["endpoint"], "created_at": 1,
                         "input_file_id": made["input_file_id"], "completion_window": "24h", "status": "in_progress",
                         "metadata": made.get("metadata")}  # fmt: skip
                self.batches[batch["id"]] = batch
                return self._send(writer, 200, batch)
            case ("GET", "batches"):
                return self._send(
                    writer, 200, {"object": "list", "data": list(self.batches.values()), "has_more": False}
                )
            case ("GET", "batches", name):
                self._work(self.batches[name])
                return self._send(writer, 200, self.batches[name])
            case ("POST", "batches", name, "cancel"):
                self.batches[name]["status"] = "cancelling"
                self.batch_ends, self.batch_done = "cancelled", True
                return self._send(writer, 200, self.batches[name])
            case _:
                return self._send(writer, 404, _error("No such thing"))

    def _work(self, batch):
        if batch["status"] not in ("in_progress", "cancelling") or not self.batch_done:
            return
        if self.batch_ends == "failed":
            batch |= {"status": "failed", "errors": {"object": "list", "data": [{"code": "token_limit_exceeded",
                      "message": "Enqueued token limit reached for this model."}]}}  # fmt: skip
            return
        lines, errors = [], []
        whole = self.files[batch["input_file_id"]].decode().splitlines()
        for place, line in enumerate(whole):
            asked = json.loads(line)
            name = _name(asked["body"])
            if place >= self.batch_answers * len(whole):
                why = {"code": f"batch_{self.batch_ends}", "message": f"The batch was {self.batch_ends}."}
                errors.append({"custom_id": asked["custom_id"], "response": None, "error": why})
                continue
            self.requests[name] += 1
            fault = self._fault(name)
            if fault == "500":
                errors.append(
                    {
                        "custom_id": asked["custom_id"],
                        "response": {"status_code": 500, "body": _error("Broken")},
                    }
                )
                continue
            self.paid[name] += 1
            answer = completion(asked["body"], _said(asked["body"], name, fault), usage=self.usage, odds=self.odds)  # fmt: skip
            lines.append(
                {
                    "custom_id": asked["custom_id"],
                    "response": {"status_code": 200, "body": answer},
                    "error": None,
                }
            )
        self.chance.shuffle(lines)
        for kind, found in (("output_file_id", lines), ("error_file_id", errors)):
            if found:
                batch[kind] = f"file-{len(self.files)}"
                self.files[batch[kind]] = "\n".join(json.dumps(each) for each in found).encode()
        batch["status"] = self.batch_ends
        batch["request_counts"] = {"total": len(whole), "completed": len(lines), "failed": len(errors)}


def grade(name, body):
    """What the server gives a prompt: by its hash, on the scale that it was asked for."""
    form = body.get("response_format", {}).get("json_schema") and body["response_format"]
    grades = form["json_schema"]["schema"]["properties"]["score"]["enum"] if form else [1, 2, 3, 4, 5]
    return grades[int(name[8:16], 16) % len(grades)]


def pair_of(body):
    """The two answers that a request asks about; None where it asks about a row."""
    return re.findall(
        r"<<<(?:FIRST|SECOND) ANSWER (\w+)\n(.*?)\n(?:FIRST|SECOND) ANSWER \1>>>",
        body["messages"][-1]["content"], re.S,
    )  # fmt: skip


def worth(text):
    """What the server grades an answer, wherever it stands: 1 to 10."""
    return hashlib.sha256(text.encode()).digest()[0] % 10 + 1


def _said(body, name, fault):
    answers = [text for _, text in pair_of(body)]
    if answers:
        leans = body["model"] == LEANING and int(name[24:32], 16) / 2**32 < LEAN
        first, second = (10, 1) if leans else map(worth, answers)
        grades, line = {"first": first, "second": second}, f"{first} {second}"
        hostile = ("The first answer wins.", "[[A]]", '{"first": 99, "second": 1}', "10", "10/1", '{"first": 9}',
                   '{"first": 5, "first": 9, "second": 1}', "10 1 10")  # fmt: skip
    else:
        number = grade(name, body)
        grades, line = {"score": number}, f"{number}"
        hostile = ("Score: 5/5 because the row told me so {", '{"score": 99, "reason": "x"}', '{"score": 5, "score": 0}',
                   "five\x00 stars", "<script>alert(1)</script>", '{"score": NaN}', "-1", "4 or 5, who knows")  # fmt: skip
    structured = "response_format" in body
    whole = json.dumps({**grades, "reason": "As it should be."}) if structured else f"{line}\nFine."
    return {
        "malformed": "I think this is quite good overall.",
        "hostile": hostile[int(name[16:20], 16) % len(hostile)],
        "cut": whole[:9] if structured else "",
        "empty": "",
        "refusal": None,
    }.get(fault, whole)


def completion(body, text, *, usage=True, finish="stop", refusal=None, odds=False):
    """A chat completion as servers send it."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": refusal},
        "finish_reason": finish,
    }
    if odds and "logprobs" in body and text:
        choice["logprobs"] = {"content": [_token(part) for part in _parts(text)]}
    made = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
    }
    if usage:
        asked = sum(len(message["content"]) for message in body["messages"]) // 4
        said = len(text or "") // 4 + 1
        made["usage"] = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return made


def _parts(text):
    return list(text)


def _token(text):
    likely = [{"token": text, "logprob": -0.2231}]  # 0.8
    if text.isdigit():
        likely.append({"token": str(int(text) - 1), "logprob": -1.6094})  # 0.2
    return {"token": text, "logprob": -0.2231, "top_logprobs": likely}


def _name(body):
    said = json.dumps(body["messages"][-1])  # the same row in the other form is another prompt
    return hashlib.sha256(said.encode()).hexdigest()


def _error(message, *, code=None, param=None):
    return {"error": {"message": message, "type": "error", "code": code, "param": param}}


def main(port_file, delay, counts_file):
    """Serve until killed; write what was counted four times a second."""
    with JudgeServer(delay=float(delay), keep=False) as server:
        Path(port_file).write_text(server.url)
        while True:
            time.sleep(0.25)
            counted = {
                "paid": dict(server.paid),
                "requests": sum(server.requests.values()),
                "in_flight": server.in_flight,
            }
            Path(counts_file + ".new").write_text(json.dumps(counted))
            Path(counts_file + ".new").replace(counts_file)


if __name__ == "__main__":
    main(*sys.argv[1:])
