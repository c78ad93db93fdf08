"""The Batch API: requests sent as a file, answered within a day, at another price."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import openai
import orjson

from core.errors import WinnowError
from core.judging.client import TOLD, Again, Client, Failed, NotTaken, Refused
from core.judging.endpoint import Endpoint, Secret
from core.judging.judgement import Judgement, LlmJudge, Price, Task
from core.judging.request import Capabilities, Malformed, answer_of, asked, error_of, judgement_of

MOST_LINES = 50_000  # of a batch
LARGEST = 190_000_000  # bytes of its file
MARK = "winnow"  # the field of a batch's metadata that says who sent it
NO_BATCHES = frozenset({404, 405, 501})  # statuses of a server that has no Batch API
OVER = frozenset({"completed", "failed", "expired", "cancelled"})


class Sent(NamedTuple):
    """A batch as the server tells of it. over: nothing more will come of it. answered, failed: requests."""

    name: str
    state: str
    over: bool
    files: tuple[str, ...]
    why: str = ""
    answered: int = 0
    failed: int = 0


class BatchClient:
    """Sends batches to one server and fetches what came of them; used inside ``async with``."""

    def __init__(self, where: Endpoint, *, timeout: float = 120.0) -> None:
        self._client = Client(where, timeout=timeout)

    async def __aenter__(self) -> BatchClient:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:  # noqa: ANN401 - as the protocol has it
        await self._client.__aexit__(*error)

    async def send(self, content: bytes, mark: str) -> str:
        """Upload the lines and start a batch of them; its name at the server."""
        async with self._said(sending=True):
            api = self._client.api
            file = await api.files.create(file=("requests.jsonl", content), purpose="batch")
            batch = await api.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h",
                metadata={MARK: mark},
            )  # fmt: skip
            return batch.id

    async def find(self, mark: str) -> str | None:
        """The batch with that mark, if one was started before the process ended."""
        async with self._said():
            async for batch in self._client.api.batches.list(limit=100):
                if (batch.metadata or {}).get(MARK) == mark:
                    return batch.id
        return None

    async def look(self, name: str) -> Sent:
        """How far a batch is."""
        async with self._said():
            batch = await self._client.api.batches.retrieve(name)
        counts = batch.request_counts
        files = tuple(each for each in (batch.output_file_id, batch.error_file_id) if each)
        told = [str(each.message or "") for each in (batch.errors and batch.errors.data) or ()]
        why = self._client.where.key.hidden_in(told[0])[:TOLD].rstrip(". ") if told else ""
        answered, failed = (counts.completed, counts.failed) if counts else (0, 0)
        return Sent(name, str(batch.status), batch.status in OVER, files, why, answered, failed)

    async def cancel(self, name: str) -> None:
        """Ask for its end; what was answered until then is still to be collected."""
        async with self._said():
            await self._client.api.batches.cancel(name)

    async def lines(self, file: str) -> bytes:
        """What a file of the server holds."""
        async with self._said():
            return (await self._client.api.files.content(file)).content

    @asynccontextmanager
    async def _said(self, *, sending: bool = False) -> AsyncIterator[None]:
        """Every failure in a sentence.

        Raises:
            WinnowError: the server did not do it.
        """
        try:
            yield
        except openai.APIStatusError as error:
            if sending and error.status_code in NO_BATCHES:
                raise Refused(
                    f"{self._client.where.host} takes no batches.",
                    "Ask at once: most local servers do that alone.",
                ) from None
            told = self._client.told(error)
        except openai.APIConnectionError as error:
            told = self._client.unreached(error)
        else:
            return
        if isinstance(told, Refused):
            raise told from None
        why = told.why if isinstance(told, Again | Failed | NotTaken) else str(told)
        raise WinnowError(
            f"The batch could not be handled: {why}.", "Start again; nothing is sent twice."
        ) from None


def files_of(
    judge: LlmJudge, tasks: Sequence[Task], taken: Capabilities
) -> Iterator[tuple[list[Task], bytes]]:
    """The tasks in parts that a batch may hold, each with its file."""
    part: list[Task] = []
    lines: list[bytes] = []
    size = 0
    for task in tasks:
        line = _line(judge, task, taken)
        if part and (len(part) >= MOST_LINES or size + len(line) > LARGEST):
            yield part, b"".join(lines)
            part, lines, size = [], [], 0
        part.append(task)
        lines.append(line)
        size += len(line)
    if part:
        yield part, b"".join(lines)


def _line(judge: LlmJudge, task: Task, taken: Capabilities) -> bytes:
    sent = asked(judge, task, taken)
    request = {"method": "POST", "url": "/v1/chat/completions", "body": sent.body}
    return orjson.dumps({"custom_id": custom_id(task), **request}) + b"\n"


def custom_id(task: Task) -> str:
    """What a line of a batch is called: content and sample."""
    return f"{task.content.hex()}-{task.sample}"


def judgements_of(
    judge: LlmJudge,
    content: bytes,
    tasks: Mapping[str, Task],
    taken: Capabilities,
    *,
    key: Secret,
    price: Price | None = None,
) -> list[Judgement]:
    """The verdicts in a file of answers or of errors; lines that name no task of ours are passed over.

    key: what is blotted out, should the server have put it into an answer.
    """
    found = []
    for line in content.splitlines():
        try:
            fields = orjson.loads(key.hidden_in(line.decode("utf-8", "replace")))
            task = tasks.get(str(fields["custom_id"]))
            response = fields.get("response") or {}
            status, body = response.get("status_code"), response.get("body")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            continue
        if task is None:
            continue
        try:
            if status != 200:
                raise Malformed(_why(status, body, fields.get("error")))
            sent = asked(judge, task, taken)
            found.append(judgement_of(judge, task, sent, answer_of(body), price=price, batch=True))
        except Malformed as odd:
            found.append(error_of(task, str(odd)))
    return found


def _why(status: object, body: object, error: object) -> str:
    """Why a line of a batch has no answer: in the server's words, where it says any."""
    if isinstance(body, Mapping):
        error = body.get("error") or error
    words = error.get("message") if isinstance(error, Mapping) else None
    told = f": {' '.join(words.split())[:TOLD]}" if isinstance(words, str) and words.strip() else ""
    return f"{'no answer' if status is None else f'status {status}'} in the batch{told}"
