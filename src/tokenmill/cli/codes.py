"""`tokenmill codes`: makes redeem codes, lists them and takes them out of use."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenmill.cli.acts import note
from tokenmill.cli.options import (
    DEFAULT_DATA,
    AsJson,
    Config,
    Data,
    open_settings,
    open_store,
    parse_amount,
    parse_moment,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from tokenmill.billing.codes import CodeView

app = typer.Typer(no_args_is_help=True, help="Make, list and disable codes that put money into a wallet.")


@app.command()
def create(
    amount: Annotated[int, typer.Option(parser=parse_amount, metavar="AMOUNT", help="Like 10.00, of each.")],
    currency: Annotated[str, typer.Option(help="USD or CNY.")] = "USD",
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    expires_at: Annotated[
        datetime | None,
        typer.Option(parser=parse_moment, metavar="TIME", help="When they end, like 2027-01-31T00:00:00Z."),
    ] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Make a batch of codes; they are shown whole this once."""
    batch, codes = asyncio.run(_create(data, config, amount, currency.upper(), count, expires_at))
    if json:
        print_json({"batch": batch, "codes": codes})
        return
    for code in codes:
        typer.echo(code)
    typer.echo(f"Batch {batch}. The codes are shown this once.", err=True)


@app.command("list")
def list_(
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Only this batch.")] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """List codes; they are shown shortened."""
    from tokenmill.kit.money import show

    codes = asyncio.run(_list(data, config, batch))
    if json:
        print_json({"codes": [_written(code) for code in codes]})
        return
    print_table(
        ("ID", "CODE", "AMOUNT", "BATCH", "STATE"),
        *(
            (each.id, each.shown, f"{show(each.amount)} {each.currency}", each.batch, _state(each))
            for each in codes
        ),
    )


@app.command()
def disable(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A batch's id, or a single code's.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Take a batch, or one code, out of use; what was redeemed stays redeemed."""
    disabled = asyncio.run(_disable(data, config, id_))
    if json:
        print_json({"id": id_, "disabled": disabled})
    else:
        typer.echo(f"{disabled} codes are out of use.")


def _state(code: CodeView) -> str:
    if code.redeemed_at is not None:
        return f"redeemed {code.redeemed_at:%Y-%m-%d}"
    if code.disabled_at is not None:
        return "disabled"
    if code.expires_at is not None:
        return f"until {code.expires_at:%Y-%m-%d %H:%M} UTC"
    return "good"


def _written(code: CodeView) -> dict[str, object]:
    import msgspec

    from tokenmill.kit.money import show

    return {**msgspec.structs.asdict(code), "amount": show(code.amount)}


async def _create(
    data: Path, config: Path | None, amount: int, currency: str, count: int, expires_at: datetime | None
) -> tuple[str, list[str]]:
    from tokenmill.billing.codes import create_codes
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.money import Nano
    from tokenmill.settings import read_secret

    async with open_store(data, config) as database:
        secret = read_secret(open_settings(data, config).security.secret, os.environ)
        async with database.write() as work:
            batch, codes = await create_codes(
                work,
                SystemClock(),
                secret,
                amount=Nano(amount),
                currency=currency,
                count=count,
                expires_at=expires_at,
            )
            await note(work, "codes.create", batch, amount=amount, currency=currency, count=count)
            return batch, codes


async def _list(data: Path, config: Path | None, batch: str | None) -> list[CodeView]:
    from tokenmill.billing.codes import list_codes

    listed: list[CodeView] = []
    async with open_store(data, config) as database, database.read() as work:
        while page := await list_codes(work, batch=batch, after=listed[-1].id if listed else ""):
            listed += page
    return listed


async def _disable(data: Path, config: Path | None, batch_or_id: str) -> int:
    from tokenmill.billing.codes import disable_codes
    from tokenmill.kit.clock import SystemClock

    async with open_store(data, config) as database, database.write() as work:
        stopped = await disable_codes(work, SystemClock(), batch_or_id)
        await note(work, "codes.disable", batch_or_id, stopped=stopped)
        return stopped
