"""Finds what an operator should look at now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import func, literal, select

from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Moment, Shown
from tokenmill.admin.target_states import Doing
from tokenmill.search.standing import standing_of
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Purse
from tokenmill.store.moderation_tables import ModerationVerdict
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Account
from tokenmill.store.work_tables import Node, SignInFailure, Task

Kind = Literal[
    "target_down",
    "model_unserved",
    "node_silent",
    "search_failing",
    "moderation_failing",
    "target_degraded",
    "sign_ins_blocked",
    "task_given_up",
    "model_retires",
    "plans_used_up",
    "wallets_empty",
]

_SILENT: Final = timedelta(seconds=20)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_RETIRES: Final = timedelta(days=14)


class Alarm(Shown):
    """Something to look at; `subject` is the id of what it is about, `about` what is known of it, in English.

    `count`: of how many things it speaks. `since` null: nobody knows.
    """

    kind: Kind
    severity: Literal["error", "warning", "info"]
    subject: str = ""
    about: str = ""
    count: int = 1
    since: Moment | None = None


async def alarms(work: ReadWork, desk: Services, now: datetime, known: Mapping[str, Doing]) -> list[Alarm]:
    """The worst first."""
    found = [*_of_targets(desk, known), *_of_models(desk, now)]
    for looks in (_of_nodes(work, now), _of_services(work, desk, now), _of_people(work, now)):
        found += [alarm async for alarm in looks]
    order = ("error", "warning", "info")
    return sorted(found, key=lambda alarm: order.index(alarm.severity))


def _of_targets(desk: Services, known: Mapping[str, Doing]) -> Iterator[Alarm]:
    for target in desk.catalogue().targets():
        doing = known.get(target.id, Doing())
        state = doing.state(target)
        if state == "down" or state == "degraded":
            last = doing.last_error
            yield Alarm(
                kind="target_down" if state == "down" else "target_degraded",
                severity="error" if state == "down" else "warning",
                subject=target.id,
                about="" if last is None else last.fault,
                count=doing.failed,
                since=doing.broke_at,
            )


def _of_models(desk: Services, now: datetime) -> Iterator[Alarm]:
    catalogue = desk.catalogue()
    for model in catalogue.models(now):
        if not any(target.engine in desk.engines for target, _ in catalogue.targets_of(model)):
            yield Alarm(kind="model_unserved", severity="error", subject=model.id)
        if model.retires_at is not None and model.retires_at - _RETIRES <= now:
            yield Alarm(kind="model_retires", severity="info", subject=model.id, since=model.retires_at)


async def _of_nodes(work: ReadWork, now: datetime) -> AsyncIterator[Alarm]:
    silent = select(Node).where(
        Node.ended_at.is_(None), Node.renewed_at > now - _DAY, Node.renewed_at < now - _SILENT
    )
    for node in await work.session.scalars(silent):
        yield Alarm(kind="node_silent", severity="error", subject=node.name, since=node.renewed_at)


async def _of_services(work: ReadWork, desk: Services, now: datetime) -> AsyncIterator[Alarm]:
    if desk.search is not None:
        standing = await standing_of(work, desk.search.provider)
        if standing.state == "failing":
            yield Alarm(
                kind="search_failing",
                severity="error",
                subject=desk.search.provider,
                about=standing.failure or "",
                since=standing.failing_since,
            )
    unjudged = select(func.count(), func.max(ModerationVerdict.at), func.max(ModerationVerdict.rule))
    failed = ModerationVerdict.outcome == "failed"
    row = await work.session.execute(unjudged.where(failed, ModerationVerdict.at >= now - _HOUR))
    count, last, rule = row.one()
    if count:
        yield Alarm(kind="moderation_failing", severity="error", about=rule or "", count=count, since=last)
    given_up = select(func.count(), func.max(Task.failed_at), func.max(Task.last_error))
    row = await work.session.execute(given_up.where(Task.failed_at >= now - _DAY))
    count, last, rule = row.one()
    if count:
        yield Alarm(kind="task_given_up", severity="warning", about=rule or "", count=count, since=last)


async def _of_people(work: ReadWork, now: datetime) -> AsyncIterator[Alarm]:
    blocked = await work.session.scalar(
        select(func.count()).select_from(SignInFailure).where(SignInFailure.blocked_until > now)
    )
    if blocked:
        yield Alarm(kind="sign_ins_blocked", severity="warning", count=blocked)
    active = (Account.disabled_at.is_(None), Account.deleted_at.is_(None))
    used_up = (
        select(func.count())
        .select_from(Subscription)
        .join(Purse, Purse.id == literal("credits/") + Subscription.id)
        .join(Account, Account.id == Subscription.account_id)
        .where(Subscription.state == "active", Subscription.ends_at > now)
        .where(Purse.balance <= Subscription.credits / 1000, *active)
    )
    if count := await work.session.scalar(used_up):
        yield Alarm(kind="plans_used_up", severity="info", count=count)
    empty = (
        select(func.count())
        .select_from(Account)
        .join(Purse, Purse.id == literal("wallet/") + Account.id)
        .where(Account.low_balance.is_not(None), Purse.balance <= 0, *active)
    )
    if count := await work.session.scalar(empty):
        yield Alarm(kind="wallets_empty", severity="info", count=count)
