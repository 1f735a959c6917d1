"""Keeps what one exchange has done so far, and becomes its usage row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Protocol

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.billing.pricing import encode_tariff
from tokenmill.billing.terms import Terms
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartOpened,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.parts import ToolCall, Value, Vendor
from tokenmill.conversation.request import Drop, Request
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.estimate import Calibration, Gauge
from tokenmill.exchange.harvest import Harvest
from tokenmill.exchange.media.shares import shares_of_request, with_shares
from tokenmill.exchange.media.tokens import Shares
from tokenmill.exchange.moderating import Moderating
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import ExchangeId, ModelId, TargetId
from tokenmill.limits.limiter import Standing
from tokenmill.moderation.verdicts import Whose
from tokenmill.ports import Route
from tokenmill.store.rows import Quality, RunningCount, Status, UsageRow

ABSURD = 20_000_000
"""Tokens that no prompt and no reply has: twice the largest context there is."""

CLIENT_GONE = 499
"""nginx's status for a caller who hung up before the reply began; it never goes over the wire."""


DROPS_KEPT = 20
"""A caller decides how many members it sends that a target does not take."""


class Line(Protocol):
    """The connection to the caller, as the face sees it."""

    @property
    def answered(self) -> bool:
        """Has the status line gone out?"""
        ...

    @property
    def gone(self) -> bool:
        """Has the caller hung up?"""
        ...

    def stay(self) -> None:
        """The exchange is to be led to its end even when the caller hangs up."""
        ...

    def stand(self, standing: Standing) -> None:
        """Tells the caller how much its rate limits leave."""
        ...


class Asked(Value, frozen=True, kw_only=True):
    """What the face knows of an exchange beside the request itself.

    `status_of` is the HTTP status with which the face would report a fault.
    """

    id: ExchangeId
    caller: Caller
    protocol: Vendor
    client: str
    request_id: str
    line: Line
    status_of: Callable[[Fault], int]

    def whose(self, model: str) -> Whose:
        """By what verdicts on it name it."""
        return Whose(
            exchange_id=self.id,
            request_id=self.request_id,
            account_id=self.caller.account_id,
            key_id=self.caller.key_id,
            model=model,
            protocol=self.protocol,
        )


class Ticket:
    """One exchange, from its admission to its settlement."""

    def __init__(
        self, asked: Asked, request: Request, model: ModelId, clock: Clock, calibration: Calibration
    ) -> None:
        self.drops: list[Drop] = []
        self.harvest: Harvest | None = None  # Hears the reply, where something of it is to be remembered.
        self.moderating: Moderating | None = None  # Judges what is asked and said, where a policy wants it.
        self._calibration = calibration
        self._taught = f"{asked.caller.account_id}/{model}"
        self._asked = asked
        self._request = request
        self._model = model
        self._clock = clock
        self._started_at: datetime = clock.now()
        self._began = clock.monotonic()
        self._first: float | None = None
        self._route: Route | None = None
        self._reported: Usage | None = None
        self._gauge = Gauge()
        self._prompt_counted = False
        self._absurd = False
        self._terms: Terms | None = None
        self._said_since = False  # Since the upstream last reported what it has used.
        self._finished: Finished | None = None
        self._cut = False
        self._failed: Fault | None = None
        self._before: Usage | None = None  # What upstream turns and searches before this turn have taken.
        self._output_before = 0

    @property
    def id(self) -> ExchangeId:
        """The exchange."""
        return self._asked.id

    @property
    def protocol(self) -> Vendor:
        """Whose words the caller speaks."""
        return self._asked.protocol

    def placed(self, standing: Standing) -> None:
        """The rate limits have let the exchange in."""
        self._asked.line.stand(standing)

    def send_by(self, route: Route) -> None:
        """The exchange goes on by this route."""
        self._route = route
        if route.on_disconnect == "drain":
            self._asked.line.stay()

    def completed(self, usage: Usage) -> Usage:
        """`usage` with what is counted here in place of what the upstream cannot mean.

        Some Messages servers tell of words and never of a prompt. One that reports nothing at all is
        believed, and one that reports more than there can be is not, in anything.
        """
        self._absurd = max(usage.input, usage.output) >= ABSURD
        if self._absurd:
            return Usage(input_fresh=self.prompt_estimate, output=self._gauge.tokens)
        self._prompt_counted = bool(usage.output) and not usage.input
        if self._prompt_counted:
            usage = msgspec.structs.replace(usage, input_fresh=self.prompt_estimate)
        return usage if self._asked.protocol != "openai_chat" else with_shares(usage, self._shares)

    @property
    def target(self) -> str:
        """Who is being asked."""
        return self._route.target if self._route else ""

    def start_over(self) -> None:
        """What was said so far has reached nobody, and another target is asked."""
        self._gauge = Gauge()
        self._reported = None
        self._failed = None
        if self.harvest is not None:
            self.harvest.start_over()

    def next_turn(self, request: Request) -> None:
        """The upstream's reply was for us, who have searched since: `request` is asked now."""
        self._before = self.usage
        self._output_before = self.output
        self._gauge = Gauge()
        self._reported = self._finished = None
        self._said_since = self._cut = False
        self._request = request
        self.__dict__.pop("prompt_estimate", None)
        if self.harvest is not None:
            self.harvest.start_over()

    def searched(self, searches: int, pages: int) -> None:
        """So many searches have been answered for the reply, and so many pages read."""
        self._before = (self._before or Usage()).plus(Usage(searches=searches, pages=pages))

    @property
    def alone(self) -> bool:
        """Is it one upstream turn without anything else?"""
        return self._before is None

    def watch(self, event: Event) -> None:
        """Notes what the reply has reported."""
        if self.harvest is not None:
            self.harvest.watch(event)
        match event:
            case TextDelta(text=text) | ArgumentsDelta(text=text):
                if self._first is None:
                    self._first = self._clock.monotonic()
                self._gauge.add(text)
                self._said_since = True
            case PartOpened(part=ToolCall(name=name)):
                self._gauge.add(name)
            case UsageSeen(usage=usage):
                self._reported = usage
                self._said_since = False
            case Finished():
                self._finished = self._finished or event
            case Failed(fault=fault):
                self.failed(fault)
            case _:
                pass

    def cut_short(self) -> None:
        """The reply ends here and not upstream: what that would have reported at its end is counted."""
        self._cut = True

    def failed(self, fault: Fault) -> None:
        """The exchange ends with a fault; the first one counts."""
        self._failed = self._failed or fault

    def cancelled(self) -> None:
        """The exchange was cut short: by the caller who left, or else by us, who are stopping."""
        if not self._asked.line.gone:
            self.failed(Fault(Code.STOPPING, "The server is stopping."))

    @property
    def usage(self) -> Usage:
        """What the upstream reported, else what is counted from the text that passed; of all turns."""
        return self._turn if self._before is None else self._before.plus(self._turn)

    @property
    def _turn(self) -> Usage:
        if self._reported is not None:
            if self._outgrown:
                return msgspec.structs.replace(self._reported, output=self._gauge.tokens)
            return self._reported
        if not self._gauge.used and self._finished is None:
            return Usage()
        return Usage(input_fresh=self.prompt_estimate, output=self._gauge.tokens)

    @property
    def _outgrown(self) -> bool:
        """Did it break off with more said than reported? Messages servers report a word when they begin."""
        if self._reported is None or (self._finished is not None and not self._cut):
            return False
        return self._said_since and self._gauge.tokens > self._reported.output

    @property
    def output(self) -> int:
        """About how many tokens the reply has by now."""
        return self._output_before + self._gauge.tokens

    @property
    def delivered(self) -> bool:
        """Has anything of the reply passed? Before that, an exchange costs nothing."""
        return self._gauge.used or self._finished is not None or self._output_before > 0

    def count(self) -> RunningCount:
        """What has been used so far, for whoever must settle the exchange if this node dies."""
        usage = self.usage if self.delivered else Usage()
        output = max(usage.output, self.output)
        kinds = (usage.input_fresh, usage.input_cached, usage.input_written)
        return RunningCount(self.id, *kinds, output, usage.output_reasoning, usage.searches)

    @cached_property
    def prompt_estimate(self) -> int:
        """About how many tokens the prompt is."""
        return self._calibration.input_tokens(self._taught, self._request)

    @cached_property
    def _shares(self) -> Shares:
        return shares_of_request(self._request)

    def learn(self) -> None:
        """Lets the next estimate for this model profit from what this exchange was told."""
        if self._reported is not None and self._finished is not None:
            self._calibration.learn(self._taught, self._request, self._reported.input)

    @property
    def reported(self) -> bool:
        """Has the upstream said what the reply took?"""
        return self._reported is not None

    def draft(self, terms: Terms) -> UsageRow:
        """The exchange, on these terms, as it will be kept if this node dies over it."""
        self._terms = terms
        lost = Fault(Code.NODE_LOST, "The node that served this request died.")
        return msgspec.structs.replace(
            self.row(),
            status="failed",
            http_status=self._asked.status_of(lost),
            fault=lost.code.value,
            quality="recovered",
        )

    @property
    def _refused(self) -> bool:
        """Is its caller told of an error only, even if the reply was complete?"""
        return self._failed is not None and not self._asked.line.answered

    @property
    def cost(self) -> int:
        """What the exchange costs by now, in the unit of its terms."""
        terms = self._terms
        if terms is None or not terms.purses or not self.delivered or (self._route and self._route.free):
            return 0
        if self._refused:
            return 0  # The caller got an error, and not a word of what the upstream may have said.
        usage = self.usage
        return terms.tariff.cost(usage, usage.searches)

    def row(self) -> UsageRow:
        """The exchange as it will be kept."""
        asked, route, terms = self._asked, self._route, self._terms
        usage = Usage() if self._refused else self.usage  # What was not delivered is on nobody's receipt.
        status, http_status, fault = self._outcome()
        return UsageRow(
            id=asked.id,
            account_id=asked.caller.account_id,
            key_id=asked.caller.key_id,
            subscription_id=terms.subscription_id if terms else "",
            model=self._model,
            target=TargetId(route.target) if route else "",
            upstream_model=route.upstream_model if route else "",
            protocol=asked.protocol,
            stream=self._request.stream,
            started_at=self._started_at,
            unit=terms.unit if terms and terms.purses else "",
            cost=self.cost,
            tariff=encode_tariff(terms.tariff) if terms and terms.purses else "",
            duration_ms=self._milliseconds(self._clock.monotonic()),
            first_ms=None if self._first is None else self._milliseconds(self._first),
            status=status,
            http_status=http_status,
            stop=self._finished.stop.value if self._finished else None,
            fault=fault,
            searches=usage.searches,
            input_fresh=usage.input_fresh,
            input_cached=usage.input_cached,
            input_written=usage.input_written,
            output=usage.output,
            output_reasoning=usage.output_reasoning,
            quality=self._quality(),
            client=asked.client,
            request_id=asked.request_id,
            drops=msgspec.json.encode(self.drops[:DROPS_KEPT]).decode(),
        )

    def _outcome(self) -> tuple[Status, int, str | None]:
        if self._finished is not None and not self._refused:
            return "answered", 200, None
        answered = self._asked.line.answered
        if self._failed is not None:
            status = 200 if answered else self._asked.status_of(self._failed)
            return "failed", status, self._failed.code.value
        return "cancelled", 200 if answered else CLIENT_GONE, None

    def _quality(self) -> Quality:
        if self._refused:
            return "none"
        if self._absurd:
            return "suspect"
        if self._reported is None:
            return "counted" if self.delivered else "none"
        if self._prompt_counted or self._outgrown:
            return "counted"
        return "suspect" if self._gauge.used and not self._reported.output else "reported"

    def _milliseconds(self, moment: float) -> int:
        return round((moment - self._began) * 1000)
