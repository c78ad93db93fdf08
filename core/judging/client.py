"""One request to an OpenAI-compatible server: what came back, or which kind of failure it was."""

from __future__ import annotations

import asyncio
import email.utils
import ssl
import time
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpcore2
import httpx2
import openai
import orjson

from core.errors import WinnowError
from core.judging.endpoint import Endpoint, is_public
from core.judging.judgement import LlmJudge, Task
from core.judging.request import (
    FEW_LIKELY,
    Answer,
    Asked,
    Capabilities,
    Malformed,
    answer_of,
    asked,
)

MOST_BYTES = 8 << 20  # of an answer
MOST_CONNECTIONS = 256
MOST_FORMS = 6  # of one request: fewer odds, none, JSON without a schema, no JSON, the other limit of a reply
LONGEST_WAIT = 600.0  # seconds that a server may ask to be left alone
TOLD = 200  # characters of a server's own words
OURS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)


class Refused(WinnowError):  # noqa: N818 - what a server did
    """The run cannot go on: the key, the account, the model or the address is refused."""


class Again(Exception):  # noqa: N818 - a reason to ask again, not an error of ours
    """A failure that may pass. after: seconds the server asks for; limited: it said too many requests."""

    def __init__(self, why: str, *, after: float | None = None, limited: bool = False) -> None:
        super().__init__(why)
        self.why, self.after, self.limited = why, after, limited


class Failed(Exception):  # noqa: N818 - the row's own outcome
    """The server will not answer about this row."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Answered(NamedTuple):
    """A request, its answer, and the seconds from one to the other."""

    sent: Asked
    answer: Answer
    seconds: float


class Client:
    """Asks one server; used inside ``async with``. Never retries, never follows a redirect.

    taken: what the server takes, as far as is known; falls back once where it refuses and remembers it.
    """

    def __init__(self, where: Endpoint, *, timeout: float = 60.0, taken: Capabilities | None = None) -> None:
        self.where, self.taken = where, taken or Capabilities()
        self._seconds, self._has_odds = timeout, False
        http = httpx2.AsyncClient(
            transport=_transport(where), follow_redirects=False, timeout=timeout, trust_env=False,
            event_hooks={"request": [self._only_ours]},
        )  # fmt: skip
        self.api = openai.AsyncOpenAI(
            api_key=where.key.reveal() or "none",
            base_url=where.url,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.api.close()

    async def ask(self, judge: LlmJudge, task: Task) -> Answered:
        """Ask about one row, and once more in another form for each thing that the server does not take.

        Raises:
            Again: it may be asked again later.
            Failed: this row gets no answer.
            Refused: no row would.
        """
        for _ in range(MOST_FORMS):
            taken = self.taken
            sent = asked(judge, task, taken)
            start = time.perf_counter()
            try:
                response = await self._post(sent.body)
            except NotTaken as refusal:
                self._refuse_temperature(judge, refusal.why)
                fewer = _without(taken, sent, refusal.why)
                if fewer is None:
                    raise Failed(refusal.why) from None
                self.taken = fewer
                continue
            try:
                answer = answer_of(orjson.loads(response.content))
            except (Malformed, orjson.JSONDecodeError):
                raise Again("the answer is not in the form of a chat completion") from None
            self._note_odds(sent, answer)
            return Answered(sent, self._hidden(answer), time.perf_counter() - start)
        raise Failed("the server takes none of the forms of a request")

    def _refuse_temperature(self, judge: LlmJudge, why: str) -> None:
        """A temperature is a decision of the judge's, so it is not left out unasked.

        Raises:
            Refused: the model takes none.
        """
        if judge.temperature is not None and "temperature" in why.lower():
            raise Refused(
                f"{judge.model} takes no temperature of {judge.temperature:g}.",
                "Leave the temperature empty (--temperature -1), which makes it a judge of its own.",
            ) from None

    def _note_odds(self, sent: Asked, answer: Answer) -> None:
        """A server that passes over the wish for odds offers none."""
        self._has_odds = self._has_odds or bool(answer.tokens)
        if "logprobs" in sent.body and answer.text and not self._has_odds:
            self.taken = replace(self.taken, odds=False)

    async def _post(self, body: dict[str, Any]) -> httpx2.Response:
        try:
            async with asyncio.timeout(self._seconds):
                return await self.api.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            raise self.told(error) from None
        except (TimeoutError, openai.APITimeoutError):
            raise Again(f"no answer within {self._seconds:g} seconds") from None
        except openai.APIConnectionError as error:
            raise self.unreached(error) from None
        except (_TooLarge, httpx2.HTTPError):
            raise Again("the answer broke off or was too large") from None

    def told(self, error: openai.APIStatusError) -> Exception:
        """What a status of the server means for the row and for the run."""
        status, words = error.status_code, self._words(error)
        why = f" ({words})" if words else ""
        if status == 429 and "insufficient_quota" not in f"{error.code} {error.type}":
            return Again(f"too many requests{why}", after=_after(error.response), limited=True)
        if status in (408, 409, 425) or status >= 500:
            return Again(f"status {status} of the server", after=_after(error.response))
        if status in (400, 422):
            return NotTaken(f"the server refused the request{why}")
        return self._refused(status, why) or Failed(f"status {status} of the server{why}")

    def _refused(self, status: int, why: str) -> Refused | None:
        """What ends the run: nothing that is asked would be answered."""
        host = self.where.host
        if status in (402, 429):
            return Refused(
                f"The account at {host} has no credit left.", "Top it up and start again; nothing is lost."
            )
        if status in (401, 403):
            problem = f"{host} refused the key{why}." if self.where.key else f"{host} wants a key."
            return Refused(problem, "Set OPENAI_API_KEY for its own host, or type a key in the app.")
        if 300 <= status < 400:
            return Refused(
                f"{host} sends requests on to another address.",
                "Give that address itself; keys are not sent on.",
            )
        if status == 404:
            return Refused(
                f"{host} has no such model or address{why}.",
                "Check the model, and the end of the address, which is usually /v1.",
            )
        return None

    def unreached(self, error: openai.APIConnectionError) -> Exception:
        """Why there was no answer or no end of it; an address inside is refused for good."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, Refused):
                return cause
            if isinstance(cause, _TooLarge):
                return Again("the answer was larger than any verdict could be")
            cause = cause.__cause__ or cause.__context__
        return Again("the connection failed or was dropped")

    def _words(self, error: openai.APIStatusError) -> str:
        """The server's own words, short and without the key."""
        body = error.body
        said = body.get("message") if isinstance(body, dict) else None
        text = said if isinstance(said, str) else ""
        return self.where.key.hidden_in(" ".join(text.split()))[:TOLD].rstrip(".")

    def _hidden(self, answer: Answer) -> Answer:
        """The answer without the key, should the server have put it there."""
        key = self.where.key
        return answer._replace(
            text=None if answer.text is None else key.hidden_in(answer.text),
            refusal=None if answer.refusal is None else key.hidden_in(answer.refusal),
        )

    async def _only_ours(self, request: httpx2.Request) -> None:
        """No header that the environment adds goes to an address that is not the environment's own."""
        if self.where.typed:
            for name in list(request.headers):
                if name.lower() not in OURS and not name.lower().startswith("x-stainless"):
                    del request.headers[name]
        if self.where.key:
            request.headers["Authorization"] = f"Bearer {self.where.key.reveal()}"
        elif "authorization" in request.headers:
            del request.headers["Authorization"]


class NotTaken(Exception):  # noqa: N818 - a reason to ask in another form
    """The server refused the request as it was put."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _without(taken: Capabilities, sent: Asked, why: str) -> Capabilities | None:
    """What to leave out after a refusal; None where the request itself is at fault."""
    said, body = why.lower(), sent.body
    if "max_tokens" in body and "max_completion_tokens" in said:
        return replace(taken, newer=True)
    if "max_completion_tokens" in body and "max_completion_tokens" in said:
        return replace(taken, newer=False)
    if "logprobs" in body and ("logprob" in said or "response_format" not in body):
        fewer = taken.likely > FEW_LIKELY and "logprob" in said
        return replace(taken, likely=FEW_LIKELY) if fewer else replace(taken, odds=False)
    if "response_format" in body and not any(
        word in said for word in ("context", "too long", "maximum", "tokens")
    ):
        by_schema = body["response_format"]["type"] == "json_schema"
        return replace(taken, schema=False) if by_schema else replace(taken, structured=False)
    return None


def _after(response: httpx2.Response) -> float | None:
    """Seconds that the server asks to be left alone, as a number or a date."""
    text = response.headers.get("retry-after-ms", "")
    try:
        if text:
            return min(max(float(text) / 1_000, 0.0), LONGEST_WAIT)
        text = response.headers.get("retry-after", "")
        if not text:
            return None
        if text.replace(".", "", 1).isdigit():
            return min(float(text), LONGEST_WAIT)
        wait = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        return min(max(wait, 0.0), LONGEST_WAIT)
    except ValueError:
        return None


class _TooLarge(httpx2.TransportError):
    pass


class _Bounded(httpx2.AsyncByteStream):
    """An answer that ends in an error when it is larger than any verdict could be."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream, self._most = stream, most

    async def __aiter__(self) -> Any:  # noqa: ANN401 - an asynchronous generator
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > self._most:
                raise _TooLarge("The answer is too large.")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        most = MOST_BYTES if request.url.path.endswith("/chat/completions") else 64 * MOST_BYTES
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream, most)
        return response


def _transport(where: Endpoint) -> httpx2.AsyncHTTPTransport:
    limits = httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS)
    transport = _Transport(limits=limits, trust_env=False)
    if where.shared:
        transport._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(), max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS, network_backend=Outside(),
        )  # fmt: skip
    return transport


class Outside(httpcore2.AsyncNetworkBackend):
    """Connects to addresses of the internet only: a name is resolved once, each of its addresses is looked
    at, and the connection goes to the one that was looked at.
    """

    def __init__(self) -> None:
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises ``Refused`` where any address of the name lies inside."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
        except OSError as cause:
            raise httpcore2.ConnectError(str(cause)) from cause
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(is_public(address) for address in addresses):
            raise Refused(
                f"{host} is an address inside this network, and the app is shared.",
                "Use a server on the internet, or run Winnow for yourself.",
            )
        return await self._backend.connect_tcp(
            addresses[0], port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )

    async def sleep(self, seconds: float) -> None:
        """As the interface has it."""
        await asyncio.sleep(seconds)
