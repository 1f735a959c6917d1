"""Moderation: policies, lists, a box to try text in, verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.moderation_shapes import (
    DirectionName,
    FindingShown,
    ListAsked,
    ListName,
    ListShown,
    ListWhole,
    MarkAsked,
    PoliciesShown,
    PolicyAsked,
    PolicyShown,
    PolicyValues,
    TestAsked,
    Tested,
    VerdictShown,
)
from tokenmill.admin.shapes import Cursor, Done, Everything, Limit, Page, page_of, read_cursor
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import Category
from tokenmill.moderation.keeping import (
    delete_list,
    delete_policy,
    own_lists,
    policies_of,
    put_list,
    put_policy,
)
from tokenmill.moderation.phrases import PhraseList
from tokenmill.moderation.policies import ANY, decode_policy
from tokenmill.moderation.trying import try_text
from tokenmill.moderation.verdicts import mark
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.moderation_tables import ModerationList, ModerationPolicy, ModerationVerdict
from tokenmill.store.tables import Account

router = APIRouter(prefix="/operator/moderation", tags=["operator: moderation"])


@router.get("/policies")
async def policies(_: Operator, desk: Desk) -> PoliciesShown:
    """Every policy, and the default of the settings."""
    async with desk.database.read() as work:
        rows = await policies_of(work)
        emails = await _emails(work, (row.account_id for row in rows))
    moderator = desk.moderation.moderator
    return PoliciesShown(
        data=[_policy(row, emails) for row in rows],
        default=PolicyValues.of(desk.moderation.policies.default),
        classifier=None if moderator is None else moderator.name,
        categories=list(Category),
    )


@router.put("/policies")
async def write_policy(asked: PolicyAsked, caller: ConfirmedOperator, desk: Desk) -> PolicyShown:
    """Make this the policy of an account, a model or both, in place of an earlier one."""
    async with acting(desk, caller, "moderation.policy.write") as act:
        if asked.account_id is not None and await act.work.session.get(Account, asked.account_id) is None:
            raise Fault(Code.NOT_FOUND, "There is no account with this id.", field="account_id")
        account_id, model = asked.account_id or ANY, asked.model or ANY
        row = await put_policy(act.work, desk.clock, account_id, model, asked.policy())
        emails = await _emails(act.work, [row.account_id])
        act.on(row.id, account=account_id, model=model, input=asked.input, output=asked.output)
    return _policy(row, emails)


@router.delete("/policies/{policy_id}")
async def remove_policy(policy_id: str, caller: ConfirmedOperator, desk: Desk) -> Done:
    """Take a policy away; the next wider one counts from then on."""
    async with acting(desk, caller, "moderation.policy.delete") as act:
        row = await delete_policy(act.work, policy_id)
        act.on(policy_id, account=row.account_id, model=row.model)
    return Done()


@router.get("/lists")
async def lists(_: Operator, desk: Desk) -> Everything[ListShown]:
    """Every list: those of the settings, then the operators' own."""
    async with desk.database.read() as work:
        own = await own_lists(work)
    return Everything(data=[*map(_settled, desk.moderation.settled_lists), *map(_own, own)])


@router.get("/lists/{name}")
async def whole_list(name: str, _: Operator, desk: Desk) -> ListWhole:
    """One list with its text."""
    for each in desk.moderation.settled_lists:
        if each.name == name:
            return ListWhole(**dict(_settled(each)), text=each.text)
    async with desk.database.read() as work:
        row = await work.session.get(ModerationList, name)
    if row is None:
        raise Fault(Code.NOT_FOUND, "There is no list with this name.")
    return ListWhole(**dict(_own(row)), text=row.text)


@router.put("/lists/{name}")
async def write_list(name: ListName, asked: ListAsked, caller: ConfirmedOperator, desk: Desk) -> ListShown:
    """Add a list, or put it in place of the one of this name; every node goes by it within a second."""
    async with acting(desk, caller, "moderation.list.write") as act:
        row = await put_list(
            act.work, desk.clock, name, asked.text, category=asked.category, enabled=asked.enabled
        )
        act.on(name, phrases=row.phrases, enabled=asked.enabled)
    return _own(row)


@router.delete("/lists/{name}")
async def remove_list(name: str, caller: ConfirmedOperator, desk: Desk) -> Done:
    """Take a list of one's own away."""
    async with acting(desk, caller, "moderation.list.delete") as act:
        await delete_list(act.work, name)
        act.on(name)
    return Done()


@router.post("/test")
async def test(asked: TestAsked, _: Operator, desk: Desk) -> Tested:
    """Try a text; nothing is written down, and nobody is charged."""
    tried = await try_text(
        desk.moderation,
        asked.text,
        asked.direction,
        account_id=asked.account_id or ANY,
        model=asked.model or ANY,
        classifier=asked.classifier,
    )
    return Tested(
        verdict=tried.verdict,
        policy_id=tried.policy_id,
        policy=PolicyValues.of(tried.policy),
        findings=[
            FindingShown(
                category=found.category,
                source=found.source,
                rule=found.rule,
                matched=tried.normalised[found.at : found.end],
                action=tried.policy.action(asked.direction, found.category),
                score=found.score,
                passed=found.passed,
            )
            for found in tried.findings
        ],
        normalised=tried.normalised,
        failed=tried.failed,
        lists_us=tried.lists_us,
        classifier_us=tried.classifier_us,
    )


@router.get("/verdicts")
async def verdicts(
    _: Operator,
    desk: Desk,
    outcome: Literal["blocked", "flagged", "failed"] | None = None,
    direction: DirectionName | None = None,
    category: Category | None = None,
    account_id: Annotated[str | None, Query(max_length=100)] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    exchange_id: Annotated[str | None, Query(max_length=100)] = None,
    false_positive: bool | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[VerdictShown]:
    """What was blocked, flagged or could not be judged, the newest first."""
    query = select(ModerationVerdict).order_by(ModerationVerdict.id.desc()).limit(limit + 1)
    if (after := read_cursor(cursor, str)) is not None:
        query = query.where(ModerationVerdict.id < after[0])
    for column, value in (
        (ModerationVerdict.outcome, outcome),
        (ModerationVerdict.direction, direction),
        (ModerationVerdict.category, None if category is None else category.value),
        (ModerationVerdict.account_id, account_id),
        (ModerationVerdict.model, model),
        (ModerationVerdict.exchange_id, exchange_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if false_positive is not None:
        query = query.where(ModerationVerdict.false_positive.is_(false_positive))
    async with desk.database.read() as work:
        rows = (await work.session.scalars(query)).all()
        emails = await _emails(work, (row.account_id for row in rows))
    return page_of(rows, limit, lambda row: _verdict(row, emails), lambda row: (row.id,))


@router.post("/verdicts/{verdict_id}/mark")
async def mark_verdict(verdict_id: str, asked: MarkAsked, caller: Operator, desk: Desk) -> VerdictShown:
    """Say that a verdict was wrong, or that it was right after all."""
    async with acting(desk, caller, "moderation.verdict.mark") as act:
        row = await mark(act.work, verdict_id, false_positive=asked.false_positive)
        emails = await _emails(act.work, [row.account_id])
        act.on(verdict_id, false_positive=asked.false_positive)
    return _verdict(row, emails)


async def _emails(work: ReadWork | UnitOfWork, account_ids: Iterable[str]) -> dict[str, str]:
    wanted = {each for each in account_ids if each}
    named = await work.session.execute(select(Account.id, Account.email).where(Account.id.in_(wanted)))
    return {row.id: row.email for row in named}


def _policy(row: ModerationPolicy, emails: dict[str, str]) -> PolicyShown:
    return PolicyShown(
        **dict(PolicyValues.of(decode_policy(row.spec))),
        id=row.id,
        account_id=row.account_id or None,
        account_email=emails.get(row.account_id),
        model=row.model or None,
        updated_at=row.updated_at,
    )


def _settled(found: PhraseList) -> ListShown:
    return ListShown(
        name=found.name,
        origin=found.origin,
        category=found.category,
        phrases=len(found.phrases),
        bytes=len(found.text.encode()),
        enabled=True,
        updated_at=None,
    )


def _own(row: ModerationList) -> ListShown:
    return ListShown(
        name=row.name,
        origin="own",
        category=Category(row.category),
        phrases=row.phrases,
        bytes=len(row.text.encode()),
        enabled=row.enabled,
        updated_at=row.updated_at,
    )


def _verdict(row: ModerationVerdict, emails: dict[str, str]) -> VerdictShown:
    worked_out = ("account_email", "score")
    values = {name: getattr(row, name) for name in VerdictShown.model_fields if name not in worked_out}
    return VerdictShown(**values, account_email=emails.get(row.account_id), score=row.permille / 1000)
