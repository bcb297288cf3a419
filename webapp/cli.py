"""The flask commands. Each reads its arguments, calls the engine and prints; decisions live there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from webapp import demo
from webapp.database import db, writing
from webapp.engine import accounts, log_query, logs
from webapp.engine.holdings import Held, find_customer, holdings
from webapp.engine.log_rows import Row
from webapp.market.applying import Applied, apply
from webapp.market.exporting import export
from webapp.market.nodes import Wrong
from webapp.market.reading import read
from webapp.models import Marketplace
from webapp.parts import parts
from webapp.tokens import hash_token, new_token

SET_UP_DAYS, SIGN_IN_HOURS, RESET_HOURS = 7, 24, 24
BELL_SECONDS = 2.0

marketplace_option = click.option("--marketplace", "name", help="Which marketplace, where there is more than one.")
json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
user = AppGroup("user", help="Accounts.")


def register(app: Flask) -> None:
    """Give the app its commands."""
    for command in (apply_file, export_file, show_logs, show_holds, setup_link, make_demo, user):
        app.cli.add_command(command)


@click.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_appcontext
def apply_file(file: Path) -> None:
    """Make a marketplace as FILE says. The last line printed is one JSON object; what went before it goes to standard error."""
    try:
        applied = brought_about(file.read_text(encoding="utf-8"), str(file), dict(os.environ))
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is no text in UTF-8.") from None
    except Wrong as wrong:
        raise click.ClickException(str(wrong)) from None
    click.echo(json.dumps(applied.as_json(), ensure_ascii=False))


def brought_about(text: str, file: str, environ: dict[str, str]) -> Applied:
    """Apply a file's text, and call a worker for what waits. Raises Wrong."""
    market, complaints = read(text, file, environ)
    applied = apply(market, complaints, parts(), lambda line: click.echo(line, err=True))
    parts().bell.ring()
    parts().bell.flush(BELL_SECONDS)
    return applied


@click.command("export")
@marketplace_option
@with_appcontext
def export_file(name: str | None) -> None:
    """Print a marketplace as the file that `apply` takes, without its secrets."""
    click.echo(export(db.session(), _marketplace(name)), nl=False)


@click.command("logs")
@click.argument("query", required=False, default="")
@json_option
@marketplace_option
@with_appcontext
def show_logs(query: str, as_json: bool, name: str | None) -> None:
    """Print the log, the newest entries first. QUERY is a part of an e-mail address, a product or a sentence."""
    marketplace = _marketplace(name)
    session = db.session()
    wanted = log_query.settle(session, marketplace.id, log_query.Query(text=query.strip()))
    rows = logs.every(session, marketplace.id, wanted, parts().now())
    if as_json:
        _print_each(json.dumps(_entry(row), ensure_ascii=False) for row in rows)
    else:
        _print_each(f"{_time(row.at)}  {row.status:14} {row.email or '-':32} {row.says}" for row in rows)


@click.command("holds")
@click.argument("email")
@json_option
@click.option("--at", "at", help="As it was at this time (ISO 8601).")
@marketplace_option
@with_appcontext
def show_holds(email: str, as_json: bool, at: str | None, name: str | None) -> None:
    """Print what a customer should hold, because of what, and what is believed."""
    marketplace, moment = _marketplace(name), _moment(at)
    customer = find_customer(db.session(), marketplace.id, email)
    found = holdings(db.session(), customer.id, parts().now(), moment) if customer else []
    if as_json:
        click.echo(json.dumps([_held(one) for one in found], ensure_ascii=False))
    elif customer is None:
        click.echo(f"{marketplace.name} has no customer {email}.")
    else:
        _print_each(_line(one) for one in found)


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print how to sign in: on a fresh deployment the address that makes the first account; for the demo one that signs in, once."""
    here, now = parts(), parts().now()
    with writing() as session:
        fresh = not accounts.any_user(session)
        owner = demo.owner(session) if here.settings.demo and not fresh else None
        if not fresh and owner is None:
            click.echo(f"Sign in at {here.settings.address}/sign-in")
            return
        token = new_token()
        purpose, length = (accounts.SET_UP, timedelta(days=SET_UP_DAYS)) if fresh else (accounts.SIGN_IN, timedelta(hours=SIGN_IN_HOURS))
        accounts.make_link(session, purpose, owner, hash_token(token), now + length)
    words = "Set it up at" if fresh else "Open this to be signed in (it works once):"
    click.echo(f"{words} {here.settings.address}/link/{token}")


@click.command("demo")
@with_appcontext
def make_demo() -> None:
    """Make or mend the demo marketplace, connected to the sandbox that `make run` brings."""
    if not parts().settings.demo:
        raise click.ClickException("DEMO=0: there is no demo here.")
    try:
        applied = brought_about(demo.FILE.read_text(encoding="utf-8"), demo.FILE.name, demo.environ(dict(os.environ)))
    except Wrong as wrong:
        raise click.ClickException(str(wrong)) from None
    with writing() as session:
        demo.tell_sandbox(session, parts(), applied.path)
    click.echo("The demo marketplace is ready.")


@user.command("reset-link")
@click.argument("email")
def reset_link(email: str) -> None:
    """Print an address at which somebody can choose a new password, once."""
    here = parts()
    with writing() as session:
        found = accounts.find_user(session, email)
        if found is None:
            raise click.ClickException(f"Nobody has an account as {email}.")
        token = new_token()
        accounts.make_link(session, accounts.RESET, found.id, hash_token(token), here.now() + timedelta(hours=RESET_HOURS))
    click.echo(f"{here.settings.address}/link/{token}")


def _marketplace(name: str | None) -> Marketplace:
    """The one that is named, or the only one there is."""
    found = db.session.scalars(select(Marketplace).order_by(Marketplace.name)).all()
    if name is not None:
        found = [one for one in found if one.name == name]
        if not found:
            raise click.ClickException(f"There is no marketplace {name}.")
    if not found:
        raise click.ClickException("There is no marketplace yet.")
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise click.ClickException(f"There is more than one marketplace: choose with --marketplace. They are: {names}.")
    return found[0]


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(f"--at must be a time such as 2026-11-24T08:00:00Z, not {text}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _entry(row: Row) -> dict[str, Any]:
    """An entry as `logs --json` gives it."""
    return {
        "id": str(row.id), "at": _time(row.at), "email": row.email or None, "product": row.product_ref or None, "trigger": row.trigger,
        "integration": row.integration or None, "action": row.action, "target": row.target or None, "status": row.status,
        "sentence": row.says, "event": str(row.event_id) if row.event_id else None,
    }  # fmt: skip


def _held(one: Held) -> dict[str, Any]:
    """A target as `holds --json` gives it."""
    because = [{"product": b.product, "ground": b.ground, "since": _time(b.since)} for b in one.because]
    return {
        "integration": one.integration, "kind": one.kind, "target": one.target, "held": one.held, "because": because,
        "believed": one.believed,
    }  # fmt: skip


def _line(one: Held) -> str:
    what = one.target or "the membership"
    why = ", ".join(f"{b.product or 'by hand'} ({b.ground}) since {_time(b.since)}" for b in one.because) or "-"
    return f"{'holds' if one.held else 'not':6} {one.integration}: {one.kind} {what}; because of {why}; believed: {one.believed}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _print_each(lines: Iterable[str]) -> None:
    """Line by line, as they come; whoever reads may stop reading."""
    try:
        for line in lines:
            click.echo(line)
    except BrokenPipeError:
        sys.stderr.close()
