"""Policies, lists and verdicts are kept alike on both kinds of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from tests.moderation import ScriptedModerator
from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Request, Turn
from tokenmill.exchange.moderating import Moderators
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import Category
from tokenmill.moderation.keeping import delete_policy, load_lists, load_policies, put_list, put_policy
from tokenmill.moderation.live import Moderation
from tokenmill.moderation.policies import ANY, Policy
from tokenmill.moderation.review import Unjudged
from tokenmill.moderation.verdicts import DAYS_KEPT, Verdict, Verdicts, Whose, mark
from tokenmill.ports import Opinion, Source
from tokenmill.search.web_search import Found
from tokenmill.store.database import Database, open_database
from tokenmill.store.moderation_tables import ModerationVerdict
from tokenmill.testing import FixedClock

STRICT = Policy(
    input="block", output="flag", categories={Category.HATE: "flag"}, thresholds={Category.HATE: 0.8}
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


def verdict(clock: FixedClock, rule: str = "make * bomb") -> Verdict:
    return Verdict(
        whose=Whose(account_id="acc_1", model="m"),
        at=clock.now(),
        direction="input",
        place="messages[0].content",
        outcome="blocked",
        category="weapons",
        source="builtin:en",
        rule=rule,
        score=0.875,
    )


async def kept(database: Database) -> list[ModerationVerdict]:
    async with database.read() as view:
        return list(await view.session.scalars(select(ModerationVerdict).order_by(ModerationVerdict.id)))


async def test_a_policy_is_kept_whole_once_for_each_scope(database: Database) -> None:
    clock = FixedClock()
    async with database.write() as work:
        await put_policy(work, clock, ANY, "m", Policy(input="flag"))
        await put_policy(work, clock, "acc_1", ANY, Policy(output="block"))
    async with database.write() as work:
        row = await put_policy(work, clock, ANY, "m", STRICT)
    async with database.read() as view:
        found = await load_policies(view)
    assert [(each.account_id, each.model, each.policy) for each in found] == [
        ("", "m", STRICT),
        ("acc_1", "", Policy(output="block")),
    ]
    async with database.write() as work:
        await delete_policy(work, row.id)
    async with database.read() as view:
        assert [each.account_id for each in await load_policies(view)] == ["acc_1"]


async def test_a_list_is_kept_with_its_category_and_counts_while_it_is_enabled(database: Database) -> None:
    clock = FixedClock()
    async with database.write() as work:
        await put_list(work, clock, "ours", "blue * moon\n蓝月亮", category=Category.CUSTOM, enabled=True)
        await put_list(work, clock, "not yet", "red moon", category=Category.HATE, enabled=False)
    async with database.read() as view:
        (found,) = await load_lists(view)
    assert (found.name, len(found.phrases)) == ("ours", 2)


async def test_a_list_with_a_sign_that_no_database_keeps_is_refused(database: Database) -> None:
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await put_list(work, FixedClock(), "ours", "blue\0moon", category=Category.CUSTOM, enabled=True)
    assert caught.value.code is Code.BAD_VALUE


async def test_verdicts_are_written_marked_and_swept(database: Database) -> None:
    """Of a classifier's word what every database keeps, so that it keeps no other from being written."""
    clock = FixedClock()
    verdicts = Verdicts(database, clock)
    verdicts.add(verdict(clock, "a\0word"))
    verdicts.add(verdict(clock, "x" * 10_000))
    await verdicts.write()
    first, second = sorted(await kept(database), key=lambda row: len(row.rule))
    assert (first.rule, len(second.rule), first.permille) == ("aword", 500, 875)
    async with database.write() as work:
        assert (await mark(work, first.id, false_positive=True)).false_positive
    clock.advance(timedelta(days=DAYS_KEPT, seconds=1).total_seconds())
    verdicts.add(verdict(clock))
    await verdicts.write()
    await verdicts.sweep()
    (left,) = await kept(database)
    assert left.rule == "make * bomb"


class Tiring(ScriptedModerator):
    """A classifier that is away from its second question on."""

    async def judge(self, text: str, question: str | None) -> tuple[Opinion, ...]:
        if self.shown:
            raise Fault(Code.UPSTREAM_AWAY, "The classifier is away.")
        return await super().judge(text, question)


@pytest.mark.parametrize("on_failure", ["open", "closed"])
async def test_results_of_a_search_that_nobody_can_judge_pass_only_where_failure_is_open(
    database: Database, on_failure: str
) -> None:
    """A search is no hole in a policy that is closed; that it was not judged is written down."""
    clock = FixedClock()
    verdicts = Verdicts(database, clock)
    policy = msgspec.convert({"input": "block", "on_failure": on_failure}, Policy)
    moderation = Moderation(database, clock, verdicts, default=policy, moderator=Tiring())
    moderating = Moderators(moderation).of(Whose(account_id="a", model="m"))
    assert moderating is not None
    await moderating.check(Request(model="m", turns=(Turn("user", (Text("Zephyr?"),)),)))
    found = Found(query="zephyr", sources=(Source(url="https://a.example", title="Zephyr"),))
    if on_failure == "closed":
        with pytest.raises(Unjudged):
            await moderating.of_search(found)
    else:
        assert await moderating.of_search(found) == found
    await verdicts.write()
    assert [(each.place, each.outcome) for each in await kept(database)] == [("search results", "failed")]
