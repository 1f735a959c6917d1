"""Keeps policies and operators' lists in the database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import sortable
from tokenmill.moderation.categories import Category
from tokenmill.moderation.phrases import PhraseList, read_list
from tokenmill.moderation.policies import Policy, Scoped, decode_policy, encode_policy
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.moderation_tables import ModerationList, ModerationPolicy

CHANGE: Final = "moderation"
"""The kind of the changes by which nodes learn of new policies and lists."""
MOST_LISTS: Final = 100


async def put_policy(
    work: UnitOfWork, clock: Clock, account_id: str, model: str, policy: Policy
) -> ModerationPolicy:
    """Makes `policy` that of this account and model (`ANY`: all), in place of an earlier one."""
    scope = (ModerationPolicy.account_id == account_id, ModerationPolicy.model == model)
    row = await work.session.scalar(select(ModerationPolicy).where(*scope))
    if row is None:
        row = ModerationPolicy(id=sortable("mp"), account_id=account_id, model=model)
        work.session.add(row)
    row.spec = encode_policy(policy)
    row.updated_at = clock.now()
    await work.changed(CHANGE, "policies")
    return row


async def delete_policy(work: UnitOfWork, policy_id: str) -> ModerationPolicy:
    """Takes a policy away; the next wider one counts. Raises Fault(NOT_FOUND)."""
    row = await work.session.get(ModerationPolicy, policy_id)
    if row is None:
        raise Fault(Code.NOT_FOUND, "There is no moderation policy with this id.")
    await work.session.delete(row)
    await work.changed(CHANGE, "policies")
    return row


async def policies_of(work: ReadWork | UnitOfWork) -> list[ModerationPolicy]:
    """All policies, in the order of their accounts and models."""
    ordered = select(ModerationPolicy).order_by(ModerationPolicy.account_id, ModerationPolicy.model)
    return list(await work.session.scalars(ordered))


async def load_policies(work: ReadWork) -> list[Scoped]:
    """All policies, as they are applied."""
    return [
        Scoped(id=row.id, account_id=row.account_id, model=row.model, policy=decode_policy(row.spec))
        for row in await policies_of(work)
    ]


async def put_list(
    work: UnitOfWork, clock: Clock, name: str, text: str, *, category: Category, enabled: bool
) -> ModerationList:
    """Makes `text` the list of this name, in place of an earlier one.

    Raises Fault(BAD_VALUE) for a text that is no list, CONFLICT where there are too many.
    """
    phrases = len(read_list(name, text, origin="own", category=category).phrases)
    row = await work.session.get(ModerationList, name)
    if row is None:
        if len(await own_lists(work)) >= MOST_LISTS:
            raise Fault(Code.CONFLICT, f"There are {MOST_LISTS} lists already. Put phrases into one of them.")
        row = ModerationList(name=name)
        work.session.add(row)
    row.category = category.value
    row.text = text
    row.phrases = phrases
    row.enabled = enabled
    row.updated_at = clock.now()
    await work.changed(CHANGE, "lists")
    return row


async def delete_list(work: UnitOfWork, name: str) -> None:
    """Takes a list away. Raises Fault(NOT_FOUND)."""
    row = await work.session.get(ModerationList, name)
    if row is None:
        raise Fault(Code.NOT_FOUND, "There is no list of your own with this name.")
    await work.session.delete(row)
    await work.changed(CHANGE, "lists")


async def own_lists(work: ReadWork | UnitOfWork) -> list[ModerationList]:
    """All lists of the operators' own, by name."""
    return list(await work.session.scalars(select(ModerationList).order_by(ModerationList.name)))


async def load_lists(work: ReadWork) -> list[PhraseList]:
    """The same, read."""
    return [
        read_list(row.name, row.text, origin="own", category=Category(row.category))
        for row in await own_lists(work)
        if row.enabled
    ]
