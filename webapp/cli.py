"""The flask commands. Each reads its arguments, calls the engine and prints; decisions live there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ParamSpec, cast
from zoneinfo import ZoneInfo

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError

from webapp import config, console, demo, forgetting
from webapp.database import db, writing
from webapp.engine import accounts, entries, holdings, log_query, logs, rekeying, sessions
from webapp.models import Marketplace
from webapp.parts import parts
from webapp.tokens import hash_token, new_token
from webapp.vault import Sealed

if TYPE_CHECKING:
    from webapp.market.applied import Applied
    from webapp.market.applying import Agree

LASTS = {accounts.SET_UP: timedelta(days=7), accounts.SIGN_IN: timedelta(hours=24), accounts.RESET: timedelta(hours=24)}
"""How long the links work that are printed here, by their purpose."""

BELL_SECONDS = 2.0
"""How long this process waits for Redis to hear that there is work; without it the workers' clock finds out."""

marketplace_option = click.option("--marketplace", "name", metavar="NAME", help="Which marketplace, where there is more than one.")
json_option = click.option("--json", "as_json", is_flag=True, help="For scripts.")
user = AppGroup("user", help="Accounts.")
people = AppGroup("customers", help="Who buys.")
P = ParamSpec("P")


class Refused(click.ClickException):
    """A file that was not applied. Its complaints are printed one a line, each beginning with the file and the line."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print them to standard error."""
        click.echo(self.message, file=file, err=True)


def on_database(command: Callable[P, None]) -> Callable[P, None]:
    """A command inside the app, which says in a sentence where the database can't be used."""

    @with_appcontext
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (OperationalError, ProgrammingError) as wrong:
            what = str(wrong.orig).partition("\n")[0]
            raise click.ClickException(
                f"The database can't be used: {what}. `flask --app wsgi db upgrade` brings it up to date."
            ) from wrong

    return cast(Callable[P, None], run)


def register(app: Flask) -> None:
    """Give the app its commands."""
    for command in (apply_file, export_file, show_logs, show_holds, show_case, setup_link, make_demo, rotate_keys, user, people):
        app.cli.add_command(command)
    if click.get_current_context(silent=True) or "flask_migrate" in sys.modules:  # web and worker start sooner without it, and smaller
        from flask_migrate import Migrate  # noqa: PLC0415

        Migrate(app, db, directory=str(config.ROOT / "migrations"), render_as_batch=True)


@click.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prune", "pruned", is_flag=True, help="Delete what the file does not name, after saying what. The log stays.")
@click.option("--yes", "agreed", is_flag=True, help="Ask nothing: for scripts.")
@on_database
def apply_file(file: Path, pruned: bool, agreed: bool) -> None:
    """Make a marketplace as FILE says, or make it agree: all of it, or nothing.

    What it does goes to standard error. The last line on standard output is one JSON object.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as wrong:
        line = wrong.object.count(b"\n", 0, wrong.start) + 1
        raise Refused(f"{file}, line {line}: This is no text in UTF-8.") from None
    except OSError as wrong:
        raise click.ClickException(f"{file} can't be read: {wrong.strerror}.") from None
    applied = bring_about(text, str(file), dict(os.environ), (lambda says: _agree(says, agreed=agreed)) if pruned else None)
    deleted = "" if applied.deleted is None else f", {applied.deleted} deleted"
    _say(f"{applied.created} created, {applied.changed} changed, {applied.unchanged} unchanged{deleted}.")
    click.echo(json.dumps(applied.as_json(), ensure_ascii=False))


def _agree(says: Sequence[str], *, agreed: bool) -> bool:
    """Say what would be deleted, and ask for a yes, unless it was given beforehand. A script that gave none is refused."""
    _say("The file does not name these:")
    for sentence in says:
        _say(f"- {sentence}")
    if agreed:
        return True
    if not on_terminal():
        raise click.ClickException("Nothing was changed. With --yes they are deleted without being asked for.")
    return click.confirm(f"Delete {'it' if len(says) == 1 else f'these {len(says)}'}?", err=True)


def on_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def bring_about(text: str, file: str, environ: dict[str, str], agree: Agree | None = None) -> Applied:
    """Apply a file's text, and call a worker for what can go on now. Raises Refused."""
    from webapp.market import applying, nodes, reading  # noqa: PLC0415  a web process has the commands, too, and runs none: 2 MB less there

    try:
        market, complaints = reading.read(text, file, environ)
        applied = applying.apply(market, complaints, parts(), _say, agree)
    except applying.Declined:
        raise click.ClickException("Nothing was changed.") from None
    except nodes.Wrong as wrong:
        raise Refused(str(wrong)) from None
    if applied.woken:
        parts().bell.ring((applied.id,))
        parts().bell.flush(BELL_SECONDS)
    return applied


@click.command("export")
@marketplace_option
@on_database
def export_file(name: str | None) -> None:
    """Print a marketplace as the file that `apply` takes.

    Secrets are not in it: variables of the environment stand in their places.
    """
    from webapp.market.exporting import export  # noqa: PLC0415  as in bring_about

    click.echo(export(db.session(), _marketplace(name)), nl=False)


@click.command("logs")
@click.argument("query", required=False, default="")
@json_option
@marketplace_option
@on_database
def show_logs(query: str, as_json: bool, name: str | None) -> None:
    """Print the log, the newest entries first.

    QUERY is what one would type on the page: a customer's e-mail address or a part of one, a product, an order id, a word of what entries
    say, status:failed, after:yesterday ... (docs/search.md). With --json each entry is one object on a line.
    """
    marketplace = _marketplace(name)
    session = db.session()
    wanted = log_query.parse(session, marketplace.id, query, ZoneInfo(marketplace.time_zone), parts().now())
    if wanted.wrong:
        raise click.ClickException(" ".join(wanted.wrong))
    rows = logs.every(session, marketplace.id, wanted, parts().now())
    _print_each((_json(console.entry(row)) for row in rows) if as_json else console.log(rows, marketplace.time_zone))


@click.command("holds")
@click.argument("email", metavar="E-MAIL")
@json_option
@click.option("--at", "at", metavar="TIME", help="As it was at this time, such as 2026-11-24T08:00:00Z. Without an offset it is UTC.")
@marketplace_option
@on_database
def show_holds(email: str, as_json: bool, at: str | None, name: str | None) -> None:
    """Print what a customer should hold, because of what, and what is believed.

    With --json it is one array.
    """
    marketplace, moment = _marketplace(name), _moment(at)
    customer = holdings.find_customer(db.session(), marketplace.id, email)
    found = holdings.holdings(db.session(), customer.id, parts().now(), moment) if customer else []
    if as_json:
        click.echo(_json([console.holding(one) for one in found]))
    elif customer is None:
        raise click.ClickException(f"{marketplace.name} has no customer {email}.")
    else:
        _print_each(console.held(found, marketplace.time_zone))


@click.command("case")
@click.argument("email", metavar="E-MAIL")
@marketplace_option
@on_database
def show_case(email: str, name: str | None) -> None:
    """Print everything that decided about one customer, without saying who it is: for support.

    `make replay CASE=FILE` plays it on another machine and holds its calls against those that were made.
    """
    from webapp.support.gathering import gather  # noqa: PLC0415  as in bring_about

    marketplace = _marketplace(name)
    customer = holdings.find_customer(db.session(), marketplace.id, email)
    if customer is None:
        raise click.ClickException(f"{marketplace.name} has no customer {email}.")
    if customer.erased_at is not None:
        raise click.ClickException("This customer was erased: nothing is known any more that decided about them.")
    trust = timedelta(hours=parts().settings.belief_hours)
    click.echo(json.dumps(gather(db.session(), customer, trust, parts().now()), ensure_ascii=False, indent=1))


@click.command("setup-link")
@on_database
def setup_link() -> None:
    """Print how to sign in.

    On a fresh deployment that is the address at which the first account is made; for the demo one that signs in, once.
    """
    here = parts()
    fresh = not accounts.any_user(db.session())
    owner = demo.owner(db.session()) if here.settings.demo and not fresh else None
    if fresh:
        click.echo(f"Set it up at {_link(accounts.SET_UP, None)}")
    elif owner is not None:
        click.echo(f"Open this to be signed in (it works once): {_link(accounts.SIGN_IN, owner)}")
    else:
        click.echo(f"Sign in at {here.settings.address}/sign-in")


@click.command("demo")
@on_database
def make_demo() -> None:
    """Make the demo marketplace, if it was never made, and tell the sandbox's checkout where to post."""
    here = parts()
    wrong = demo.why_not(here.settings)
    if wrong:
        raise click.ClickException(wrong)
    if demo.owner(db.session()) is None:
        bring_about(demo.FILE.read_text(encoding="utf-8"), demo.FILE.name, demo.environ(here.settings))
    db.session.rollback()
    demo.tell_sandbox(db.session(), here)
    click.echo("The demo marketplace is ready.")


@click.command("rotate-keys")
@on_database
def rotate_keys() -> None:
    """Encrypt every stored secret anew with the first of ENCRYPTION_KEYS.

    Everything goes on meanwhile: the other keys still open what is not done yet. Afterwards they can be taken out.
    """
    came = rekeying.rekey(writing, _rotated)
    click.echo(f"{came.done} secrets are encrypted with the newest key.")
    if came.lost:
        raise click.ClickException(f"{came.lost} could not be opened by any of ENCRYPTION_KEYS and are as they were. Keep the old keys.")
    click.echo("The other keys are not needed any longer, once every process runs with this one.")


def _rotated(sealed: bytes) -> bytes | None:
    try:
        return parts().vault.rotate(sealed)
    except Sealed:
        return None


@user.command("reset-link")
@click.argument("email", metavar="E-MAIL")
@on_database
def reset_link(email: str) -> None:
    """Print an address at which somebody can choose a new password, once."""
    found = accounts.find_user(db.session(), email)
    if found is None:
        raise click.ClickException(f"Nobody has an account as {email}.")
    address, user_id = found.email, found.id
    click.echo(_link(accounts.RESET, user_id))
    _say(f"It works once, within {LASTS[accounts.RESET] / timedelta(hours=1):.0f} hours. Give it to nobody but {address}.")


@user.command("second-step-off")
@click.argument("email", metavar="E-MAIL")
@on_database
def second_step_off(email: str) -> None:
    """Let somebody sign in by their password alone, who has lost their phone and their recovery codes."""
    found = accounts.find_user(db.session(), email)
    if found is None:
        raise click.ClickException(f"Nobody has an account as {email}.")
    address, user_id, has = found.email, found.id, found.totp is not None
    with writing() as session:
        sessions.switch_off(session, user_id)
    _say(f"A password is enough for {address} now." if has else f"A password was enough for {address} already.")


@people.command("erase")
@click.argument("email", metavar="E-MAIL")
@click.option("--yes", "agreed", is_flag=True, help="Ask nothing: for scripts.")
@marketplace_option
@on_database
def erase_customer(email: str, agreed: bool, name: str | None) -> None:
    """Erase whatever says who a customer is, and call off what waits for them.

    It can't be undone. The log keeps that something happened, so that counts stay right; in the communities nothing changes.
    """
    marketplace = _marketplace(name)
    customer = holdings.find_customer(db.session(), marketplace.id, email)
    if customer is None or customer.erased_at is not None:
        raise click.ClickException(f"{marketplace.name} has no customer {email}.")
    if not agreed and not on_terminal():
        raise click.ClickException("Nothing was changed. With --yes they are erased without being asked for.")
    if not agreed and not click.confirm(f"Erase {customer.email} for good?", err=True):
        raise click.ClickException("Nothing was changed.")
    try:
        called = forgetting.erase(customer)
    except entries.Refused as refused:
        raise click.ClickException(refused.sentence) from None
    click.echo(f"Erased. In the log they are {called} now.")


def _link(purpose: str, user_id: int | None) -> str:
    """A link that works once."""
    here, token = parts(), new_token()
    with writing() as session:
        accounts.make_link(session, purpose, user_id, hash_token(token), here.now() + LASTS[purpose])
    return f"{here.settings.address}/link/{token}"


def _marketplace(name: str | None) -> Marketplace:
    """The one that is named, or the only one there is."""
    found = db.session.scalars(select(Marketplace).order_by(Marketplace.name)).all()
    if not found:
        raise click.ClickException("There is no marketplace yet.")
    named = [one for one in found if name in {None, one.name}]
    if len(named) == 1:
        return named[0]
    wrong = (
        f"There is no marketplace {name}." if name is not None else "There is more than one marketplace: choose with --marketplace NAME."
    )
    raise click.ClickException(f"{wrong} They are: {', '.join(one.name for one in found)}.")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text} is no time such as 2026-11-24T08:00:00Z.", param_hint="--at") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _print_each(lines: Iterable[str]) -> None:
    """Line by line, as they come; click ends it where the reader has gone."""
    for line in lines:
        click.echo(line)
