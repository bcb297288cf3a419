"""Signing in and out, links that work once, and the set-up of a fresh deployment. Teams are in team.py and invitations.py."""

from __future__ import annotations

import secrets
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.database import db, writing
from webapp.doorbell import DELIVER
from webapp.engine import accounts, audit, outbox
from webapp.forms.auth import Forgot, NewPassword, SetUp, SignIn
from webapp.forms.fields import text
from webapp.models import OneTimeLink, User
from webapp.pages import guard, limits
from webapp.parts import parts
from webapp.passwords import Busy, check_password, hash_password
from webapp.tokens import hash_token

WRONG = "No account has this e-mail address and this password."
NAME_TAKEN = "Another marketplace here has this name. Choose another one."
HOME = "/logs"

pages = Blueprint("auth", __name__)


@pages.get("/")
def home() -> ResponseReturnValue:
    """Logs is the overview; a fresh deployment says how it is set up."""
    return redirect(HOME if guard.person() or accounts.any_user(db.session()) else url_for("auth.set_up_hint"))


@pages.route("/sign-in", methods=["GET", "POST"])
@limits.guessable
def sign_in() -> ResponseReturnValue:
    """E-mail and password; then the page that was asked for."""
    form, wanted = SignIn(), own_page(request.values.get("next"))
    if request.method == "GET" and guard.person():
        return redirect(wanted)
    if request.method == "GET" and not accounts.any_user(db.session()):
        return redirect(url_for("auth.set_up_hint"))
    if form.sent():
        user = _authenticated(text(form.email), text(form.password))
        if user is not None:
            limits.forgive()
            return entered(user, wanted)
        form.form_errors.append(WRONG)
    return page("auth/sign_in.html", 422 if request.method == "POST" else 200, form=form, wanted=wanted)


@pages.route("/forgot-password", methods=["GET", "POST"])
@limits.mails_password
def forgot() -> ResponseReturnValue:
    """A mail with a way to a new password. The answer, and the time that it takes, are the same whether the address has an account."""
    form, here = Forgot(), parts()
    if not here.settings.can_mail:
        return page("auth/no_mail.html")
    if not form.sent():
        return page("auth/forgot.html", 422 if request.method == "POST" else 200, form=form)
    with writing() as session:
        content, soon = {"email": text(form.email)}, accounts.RESET_LASTS
        outbox.put(session, outbox.RESET, content, here.vault.seal, here.new_id, here.now(), good_for=soon)
    here.bell.chore(DELIVER)
    return page("auth/forgot_sent.html", email=text(form.email))


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session on this browser; others go on."""
    guard.sign_out()
    return redirect(url_for("auth.sign_in"), 303)


@pages.get("/set-up")
def set_up_hint() -> ResponseReturnValue:
    """How a fresh deployment is set up. Without its link nobody can take it over."""
    if accounts.any_user(db.session()):
        return redirect(url_for("auth.sign_in"))
    return page("auth/set_up_hint.html")


@pages.route("/link/<token>", methods=["GET", "POST"])
def link(token: str) -> ResponseReturnValue:
    """A link that works once: signs in at once, or asks for what its purpose needs and is used up by sending that."""
    found = accounts.find_link(db.session(), hash_token(token), parts().now())
    if found is None:
        return gone()
    db.session.expunge(found)
    if found.purpose == accounts.SET_UP:
        return _set_up(found.token_hash)
    return _sign_in_once(found) if found.purpose == accounts.SIGN_IN else _reset(found)


@pages.app_errorhandler(Busy)
def busy(_: Busy) -> ResponseReturnValue:
    """Many passwords are being checked: an attack, or everybody at nine o'clock. Webhooks go on meanwhile."""
    answer = page("auth/busy.html", 503)
    answer.headers["Retry-After"] = "5"
    return answer


def own_page(asked: str | None) -> str:
    """Where to go on: a path of ours, else the logs. What could lead to another host is none of ours."""
    if not asked or not asked.startswith("/") or asked.startswith(("//", "/\\")) or not asked.isprintable():
        return HOME
    parsed = urlsplit(asked)
    return HOME if parsed.scheme or parsed.netloc else asked


def entered(user: User, wanted: str = HOME) -> Response:
    """The first step of signing in is proven: go on to the second where this person has one, else in."""
    if user.totp:
        guard.hold(user)
        answer = redirect(url_for("second_step.ask", next=wanted), 303)
    else:
        guard.sign_in(user)
        answer = redirect(wanted, 303)
    answer.headers["Cache-Control"] = "no-store"
    return cast(Response, answer)


def new_address() -> str:
    """An unguessable address for a checkout."""
    return secrets.token_urlsafe(24)


def gone() -> ResponseReturnValue:
    """The answer for a link that was used, has run out or never was. Who is in already goes on."""
    return redirect(HOME, 303) if guard.person() and request.method == "GET" else page("auth/gone.html", 410)


def page(template: str, status: int = 200, **names: object) -> Response:
    """A page that no cache keeps: its address may let somebody in."""
    answer = make_response(render_template(template, **names), status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _authenticated(email: str, password: str) -> User | None:
    user = accounts.find_user(db.session(), email)
    stored = user.password_hash if user else None
    db.session.expunge_all()
    db.session.rollback()  # Argon2 takes its time: no transaction waits for it
    checked = check_password(stored, password)
    if checked.better_hash and stored and user:
        with writing() as session:
            accounts.improve_hash(session, user.id, stored, checked.better_hash)
    return user if checked.right else None


def _sign_in_once(found: OneTimeLink) -> ResponseReturnValue:
    """Opening it is enough. What only looks at an address, a preview or a prefetch, gets a page with a button."""
    looks = request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    if looks:
        return page("auth/link.html")
    with writing() as session:
        used = accounts.use_link(session, found.token_hash, accounts.SIGN_IN, parts().now())
        user = session.get(User, found.user_id) if used else None
    if user is None:
        return gone()
    return entered(user)


def _set_up(token_hash: str) -> ResponseReturnValue:
    """The first account with its marketplace. Closed as soon as there is any account."""
    form = SetUp()
    if accounts.any_user(db.session()):
        return gone()
    if form.sent():
        try:
            user = _first_account(form, token_hash)
        except accounts.Taken:
            form.marketplace.errors = [NAME_TAKEN]
        else:
            if user is None:
                return gone()
            guard.sign_in(user)
            return redirect(HOME, 303)
    return page("auth/set_up.html", 422 if request.method == "POST" else 200, form=form)


def _first_account(form: SetUp, token_hash: str) -> User | None:
    db.session.rollback()
    password_hash, now, new_id = hash_password(text(form.password)), parts().now(), parts().new_id
    with writing() as session:
        if accounts.any_user(session) or not accounts.use_link(session, token_hash, accounts.SET_UP, now):
            return None
        user = accounts.create_user(session, text(form.email), password_hash, new_id, now)
        audit.act_as(session, user.id, user.email)
        accounts.found_marketplace(session, text(form.marketplace), text(form.time_zone), user.id, new_address(), new_id, now)
    return user


def _reset(found: OneTimeLink) -> ResponseReturnValue:
    """A new password, for who has lost the old one. It ends every session of the account and begins one here."""
    form = NewPassword()
    if not form.sent():
        return page("auth/reset.html", 422 if request.method == "POST" else 200, form=form)
    user_id, token_hash = found.user_id, found.token_hash
    password_hash = hash_password(text(form.password))
    with writing() as session:
        used = user_id is not None and accounts.use_link(session, token_hash, accounts.RESET, parts().now())
        user = accounts.change_password(session, user_id, password_hash) if used and user_id is not None else None
    return entered(user) if user is not None else gone()
