"""The official Python SDKs raise the class that they have for each fault, and repeat what may be repeated."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anthropic
import openai
import pytest

from tests.clients.conftest import CATALOGUE, MODEL, Served, in_thread
from tests.clients.matches import assert_matches
from tests.clients.stories import COUNTED
from tokenmill.conversation.events import Finished, PartClosed, PartOpened, Started, Stop, TextDelta
from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Request
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import OpenReply, Route, ServedBy
from tokenmill.testing import ScriptedEngine, open_test_platform

HELLO = (Started("r", "m", 0), PartOpened(0, Text()), TextDelta(0, "Hi"), PartClosed(0), Finished(Stop.END))

CODES = {code.value: code for code in Code}
WAIT = {"rate_limited": 1.0}


class FaultyEngine:
    """Fails with the code that the last words name; `once` as first word: the next request is answered."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        (said,) = request.turns[-1].parts
        assert isinstance(said, Text)
        how, code, mark = said.text.split()
        if how == "always" or mark not in self._failed:
            self._failed.add(mark)
            raise Fault(
                CODES[code], "It failed, as it was told.", field="messages", retry_after=WAIT.get(code)
            )
        async with ScriptedEngine(HELLO).open(request, route) as reply:
            yield reply

    async def count(self, request: Request, route: Route) -> int | None:
        return None

    def served_by(self, route: Route) -> ServedBy | None:
        return None


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A platform whose engine fails as it is told."""
    directory = tmp_path_factory.mktemp("faulty")

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Served]:
        text = CATALOGUE.format(engine="openai", url="http://127.0.0.1:9/v1")
        async with open_test_platform(
            directory, {"openai": FaultyEngine()}, catalogue=text, waits=()
        ) as platform:
            yield Served(platform.url, platform.key, "scripted")

    with contextmanager(in_thread)(open_one) as running:
        yield running


OPENAI: dict[int, type[Exception]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    402: openai.APIStatusError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    405: openai.APIStatusError,
    408: openai.APIStatusError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    426: openai.APIStatusError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}
ANTHROPIC: dict[int, type[Exception]] = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    402: anthropic.PaymentRequiredError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    405: anthropic.APIStatusError,
    408: anthropic.RequestTimeoutError,
    409: anthropic.ConflictError,
    413: anthropic.ContentTooLargeError,
    426: anthropic.APIStatusError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
    529: anthropic.OverloadedError,
}
"""The class that each SDK has for a status, or the nearest one above it."""

STATUS: dict[int, str] = {
    400: "bad_json bad_value unsupported context_exceeded upstream_refused content_blocked",
    401: "no_key bad_key key_ended",
    402: "no_funds",
    403: "forbidden model_not_sold",
    404: "unknown_model not_found",
    405: "wrong_method",
    408: "slow_body",
    409: "conflict",
    413: "too_large",
    426: "http_only",
    429: "plan_used_up rate_limited",
    500: "misconfigured internal",
    503: "upstream_away upstream_busy upstream_timeout upstream_broke engine_loading no_target stopping "
    "node_lost unavailable",
}
"""The faults that are told with each status, by their codes; every code of the house has its place here."""
STATUS_OF = {
    CODES[code]: status for status, codes in STATUS.items() for code in codes.split() if code in CODES
}
REPEATED = [
    Code.RATE_LIMITED,
    Code.UPSTREAM_AWAY,
    Code.UPSTREAM_BUSY,
    Code.UPSTREAM_TIMEOUT,
    Code.UPSTREAM_BROKE,
    Code.ENGINE_LOADING,
    Code.STOPPING,
    Code.UNAVAILABLE,
]
"""What may pass; the rest is not asked again, though the SDKs repeat 408, 409, 429 and 5xx by themselves."""
UNSAID = [Code.INTERNAL, Code.NODE_LOST]
"""Left to the SDK: nobody knows whether it strikes again."""


class Line:
    """Counts what an SDK really sends."""

    def __init__(self) -> None:
        self.sent = 0

    def hook(self, _: Any) -> None:
        self.sent += 1


@contextmanager
def openai_client(served: Served, line: Line, retries: int = 0) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(verify=False, event_hooks={"request": [line.hook]})
    with openai.OpenAI(
        base_url=f"{served.url}/v1", api_key=served.key, max_retries=retries, http_client=http
    ) as sdk:
        yield sdk


@contextmanager
def anthropic_client(served: Served, line: Line, retries: int = 0) -> Iterator[anthropic.Anthropic]:
    http = anthropic.DefaultHttpxClient(verify=False, event_hooks={"request": [line.hook]})
    with anthropic.Anthropic(
        base_url=f"{served.url}/anthropic", api_key=served.key, max_retries=retries, http_client=http
    ) as sdk:
        yield sdk


def chat(sdk: openai.OpenAI, words: str, **members: Any) -> Any:
    return sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": words}], **members)


def respond(sdk: openai.OpenAI, words: str, **members: Any) -> Any:
    return sdk.responses.create(model=MODEL, input=words, **members)


def message(sdk: anthropic.Anthropic, words: str, **members: Any) -> Any:
    return sdk.messages.create(
        model=MODEL, max_tokens=99, messages=[{"role": "user", "content": words}], **members
    )


def test_every_fault_has_a_status() -> None:
    assert set(STATUS_OF) == set(Code)


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_openais_client_raises_its_own_class(faulty: Served, code: Code, stream: bool) -> None:
    with openai_client(faulty, Line()) as sdk:
        for ask in (chat, respond):
            with pytest.raises(OPENAI[STATUS_OF[code]]) as caught:
                ask(sdk, f"always {code.value} x", stream=stream)
            error = caught.value
            assert isinstance(error, openai.APIStatusError)
            assert error.status_code == STATUS_OF[code]
            assert error.request_id
            assert (error.param, error.body is not None) == ("messages", True)
            assert error.code
            assert error.type
            assert "It failed, as it was told." in error.message


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_anthropics_client_raises_its_own_class(faulty: Served, code: Code, stream: bool) -> None:
    status = STATUS_OF[code] if STATUS_OF[code] != 503 else 529
    with anthropic_client(faulty, Line()) as sdk, pytest.raises(ANTHROPIC[status]) as caught:
        message(sdk, f"always {code.value} x", stream=stream)
    error = caught.value
    assert isinstance(error, anthropic.APIStatusError)
    assert error.status_code == status
    assert error.request_id
    assert error.type
    assert error.api_message == "It failed, as it was told."


@pytest.mark.parametrize("code", sorted(set(Code) - {*REPEATED, *UNSAID}))
def test_what_cannot_pass_is_not_repeated(faulty: Served, code: Code) -> None:
    """`x-should-retry: false` holds both SDKs back, whatever the status."""
    line, words = Line(), f"always {code.value} x"
    with openai_client(faulty, line, 1) as one, anthropic_client(faulty, line, 1) as two:
        with pytest.raises(openai.APIStatusError) as first:
            chat(one, words)
        with pytest.raises(anthropic.APIStatusError) as second:
            message(two, words)
    for headers in (first.value.response.headers, second.value.response.headers):
        assert headers["x-should-retry"] == "false"
        assert "retry-after" not in headers
    assert line.sent == 2


@pytest.mark.parametrize("code", REPEATED)
def test_what_may_pass_says_when(faulty: Served, code: Code) -> None:
    with openai_client(faulty, Line()) as sdk, pytest.raises(openai.APIStatusError) as caught:
        chat(sdk, f"always {code.value} x")
    assert caught.value.response.headers["x-should-retry"] == "true"
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60


def test_the_sdks_wait_and_are_answered(faulty: Served) -> None:
    """A rate limit that names one second is over for both after it."""
    line = Line()
    with openai_client(faulty, line, 1) as one, anthropic_client(faulty, line, 1) as two:
        assert chat(one, "once rate_limited chat").choices[0].message.content == "Hi"
        assert respond(one, "once rate_limited responses").output_text == "Hi"
        assert message(two, "once rate_limited messages").content[0].text == "Hi"
    assert line.sent == 6


@pytest.mark.parametrize(
    ("upstream", "status"),
    [(400, 400), (401, 500), (404, 500), (413, 413), (429, 503), (503, 503), (529, 503)],
)
def test_what_an_upstream_says_reaches_the_sdks(served: Served, upstream: int, status: int) -> None:
    """Its overload is 503, 529 to Anthropic's clients; its trouble with our key is not the caller's."""
    words = f"Answer with status {upstream}."
    with openai_client(served, Line()) as one, anthropic_client(served, Line()) as two:
        for ask in (chat, respond):
            with pytest.raises(OPENAI[status]) as caught:
                ask(one, words)
            assert isinstance(caught.value, openai.APIStatusError)
            assert caught.value.status_code == status
        told = 529 if status == 503 else status
        with pytest.raises(ANTHROPIC[told]) as raised:
            message(two, words)
        assert isinstance(raised.value, anthropic.APIStatusError)
        assert raised.value.status_code == told


def test_the_edge_answers_in_each_dialect(served: Served) -> None:
    """No key, a wrong key, an unknown model, a bad value, an address that is none."""
    with openai_client(served, Line()) as one, anthropic_client(served, Line()) as two:
        wrong = "sk-" + "0" * 40
        with pytest.raises(openai.AuthenticationError):
            chat(one.with_options(api_key=wrong), "Hi")
        with pytest.raises(anthropic.AuthenticationError):
            message(two.with_options(api_key=wrong), "Hi")
        with pytest.raises(openai.NotFoundError) as unknown:
            one.chat.completions.create(model="none", messages=[{"role": "user", "content": "Hi"}])
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.NotFoundError):
            one.models.retrieve("none")
        with pytest.raises(anthropic.NotFoundError):
            two.models.retrieve("none")
        with pytest.raises(openai.NotFoundError):
            one.responses.retrieve("resp_none")
        with pytest.raises(openai.NotFoundError):
            one.responses.compact(model=MODEL, input="Hi")
        with pytest.raises(openai.BadRequestError) as bad:
            chat(one, "Hi", temperature=9)
        assert bad.value.param == "temperature"
        with pytest.raises(anthropic.BadRequestError, match="temperature"):
            message(two, "Hi", extra_body={"temperature": 9})
        with pytest.raises(openai.NotFoundError):
            one.embeddings.create(model=MODEL, input="Hi")
        with pytest.raises(anthropic.NotFoundError):
            two.messages.batches.list()


ENDINGS = ["Count, and break off.", "Count, and grow tired."]


@pytest.mark.parametrize("words", ENDINGS)
def test_a_reply_that_breaks_off_is_raised_in_the_middle(served: Served, words: str) -> None:
    """After the words that came, and not as an end of the reply."""
    with openai_client(served, Line(), 2) as one, anthropic_client(served, Line(), 2) as two:
        chunks: list[Any] = []
        with pytest.raises(openai.APIError) as broken:
            iter_all(chat(one, words, stream=True), chunks)
        assert broken.value.type == "server_error"
        assert not any(choice.finish_reason for chunk in chunks for choice in chunk.choices)
        heard = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert heard
        assert COUNTED.startswith(heard)

        events: list[Any] = []
        with pytest.raises(anthropic.APIStatusError) as raised:
            iter_all(message(two, words, stream=True), events)
        assert raised.value.type in ("api_error", "overloaded_error")
        assert not any(event.type in ("message_delta", "message_stop") for event in events)
        assert any(event.type == "content_block_delta" for event in events)


@pytest.mark.parametrize("words", ENDINGS)
def test_a_response_that_breaks_off_says_so_in_its_last_event(served: Served, words: str) -> None:
    """`response.failed` is of its declared type, and no stored response remains."""
    with openai_client(served, Line()) as sdk:
        events: list[Any] = []
        iter_all(respond(sdk, words, stream=True), events)
        last = events[-1]
        assert_matches(openai.types.responses.ResponseStreamEvent, last)
        assert (last.type, last.response.status) == ("response.failed", "failed")
        assert last.response.error.code in ("server_error", "rate_limit_exceeded")
        with pytest.raises(openai.NotFoundError):
            sdk.responses.retrieve(last.response.id)


def test_a_whole_reply_that_breaks_off_is_an_error(served: Served) -> None:
    """Nothing has gone out yet, so it is an HTTP error with a time to wait."""
    with openai_client(served, Line()) as one, anthropic_client(served, Line()) as two:
        for ask in (chat, respond):
            with pytest.raises(openai.InternalServerError) as caught:
                ask(one, ENDINGS[0])
            assert re.fullmatch(r"\d+", caught.value.response.headers["retry-after"])
        with pytest.raises(anthropic.InternalServerError):
            message(two, ENDINGS[0])


def iter_all(stream: Any, into: list[Any]) -> None:
    """Reads the stream into a list that keeps what came before an error."""
    for item in stream:
        into.append(item)
