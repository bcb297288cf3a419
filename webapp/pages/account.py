"""One's own account: the password, the second step of signing in, the sessions, the keyboard. It belongs to no marketplace."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp import totp
from webapp.database import db, writing
from webapp.engine import accounts, sessions
from webapp.forms.account import ChangePassword, Keyboard, Prove
from webapp.forms.fields import text
from webapp.models import User
from webapp.pages import devices, guard, limits
from webapp.pages.render import leave, render_dialog
from webapp.pages.second_step import WRONG_CODE, prove
from webapp.pages.toasts import toast
from webapp.parts import parts
from webapp.passwords import check_password, hash_password
from webapp.tokens import hash_token
from webapp.vault import Sealed

NOT_THE_PRESENT = "This is not your present password."
OFFERED = "totp"
"""The session's key for the secret, sealed, that is being tried."""

pages = Blueprint("account", __name__)


@pages.app_context_processor
def account_link() -> dict[str, object]:
    """For every page's frame: where one's own account is."""
    return {"account_url": url_for("account.show")} if guard.person() else {}


@pages.get("/account")
@guard.known
def show() -> ResponseReturnValue:
    """All of it."""
    return _page()


@pages.post("/account/password")
@guard.known
@limits.guessable
def change_password() -> ResponseReturnValue:
    """A new password. Every other session ends; this one goes on."""
    form = ChangePassword()
    if not form.sent():
        return _page(422, form)
    if not _is_password(text(form.present)):
        form.present.errors = [NOT_THE_PRESENT]
        return _page(422, form)
    password_hash, chosen = hash_password(text(form.password)), session.get(guard.CHOSEN)
    with writing() as write:
        user = accounts.change_password(write, guard.me().id, password_hash)
    if user is None:
        abort(404)
    limits.forgive()
    guard.sign_in(user)
    if chosen is not None:
        guard.enter(chosen)
    toast("Your password is changed. Everywhere else you are signed out.")
    return redirect(url_for("account.show"), 303)


@pages.post("/account/keyboard")
@guard.known
def change_keyboard() -> ResponseReturnValue:
    """Whether single keys do something (WCAG 2.1.4)."""
    on = bool(Keyboard().shortcuts.data)
    with writing() as write:
        accounts.set_preference(write, guard.me().id, "shortcuts", on)
    toast("Single keys are on." if on else "Single keys are off.")
    return redirect(url_for("account.show"), 303)


@pages.route("/account/second-step", methods=["GET", "POST"])
@guard.known
@limits.guessable
@limits.guessable_code
def switch_on() -> ResponseReturnValue:
    """Share a secret with a phone; it counts once the password and a code have proven that they belong together."""
    if _me().totp:
        return redirect(url_for("account.show"), 303)
    here, form, secret = parts(), Prove(), _offered()
    if form.sent():
        step = totp.step_of(secret, text(form.code), here.now())
        if not _is_password(text(form.password)):
            form.password.errors = [NOT_THE_PRESENT]
        elif step is None:
            form.code.errors = [WRONG_CODE]
        else:
            codes = totp.new_recovery_codes()
            with writing() as write:
                sessions.switch_on(write, guard.me().id, here.vault.seal(secret), step, map(hash_token, codes))
                sessions.end_others(write, guard.me().id, guard.token_hash())
            session.pop(OFFERED)
            limits.forgive()
            return _codes(codes)
    picture = Markup(totp.picture(totp.address(secret, guard.me().email)).decode())  # noqa: S704  an image that we have made
    status = 422 if request.method == "POST" else 200
    return _private(make_response(render_template("account/second_step.html", form=form, secret=secret, picture=picture), status))


@pages.route("/account/second-step/off", methods=["GET", "POST"])
@guard.known
@limits.guessable
@limits.guessable_code
def switch_off() -> ResponseReturnValue:
    """Only who proves both steps once more does without the second one from now on."""
    form = Prove()
    if form.sent() and _proven(form):
        with writing() as write:
            sessions.switch_off(write, guard.me().id)
        toast("A password is enough again.")
        return leave(url_for("account.show"))
    return render_dialog(
        "account/_off.html", "Switch the second step off", 422 if request.method == "POST" else 200, form=form, nav="account"
    )


@pages.route("/account/second-step/codes", methods=["GET", "POST"])
@guard.known
@limits.guessable
@limits.guessable_code
def renew_codes() -> ResponseReturnValue:
    """Other recovery codes, for who proves both steps once more."""
    form = Prove()
    if form.sent() and _proven(form):
        codes = totp.new_recovery_codes()
        with writing() as write:
            sessions.renew_codes(write, guard.me().id, map(hash_token, codes))
        return _codes(codes)
    return render_dialog("account/_renew.html", "New recovery codes", 422 if request.method == "POST" else 200, form=form, nav="account")


@pages.post("/account/sessions/<int:number>/end")
@guard.known
def end_session(number: int) -> ResponseReturnValue:
    """Sign a browser out from afar. Of sessions of others nothing is said, and nothing ended."""
    with writing() as write:
        sessions.end(write, guard.me().id, number)
    toast("That browser is signed out.")
    return redirect(url_for("account.show", _anchor="sessions"), 303)


@pages.post("/account/sessions/end-others")
@guard.known
def end_others() -> ResponseReturnValue:
    """Sign all other browsers out."""
    with writing() as write:
        sessions.end_others(write, guard.me().id, guard.token_hash())
    toast("Everywhere else you are signed out.")
    return redirect(url_for("account.show", _anchor="sessions"), 303)


def _me() -> User:
    """One's own account, apart from the database: a password takes its time, and no transaction waits for it."""
    user = db.session.get(User, guard.me().id) or abort(404)
    db.session.expunge(user)
    db.session.rollback()
    return user


def _is_password(typed: str) -> bool:
    return check_password(_me().password_hash, typed).right


def _proven(form: Prove) -> bool:
    """Whether both steps are; what is wrong stands at its field. A wrong password uses no code up."""
    user = _me()
    if not check_password(user.password_hash, text(form.password)).right:
        form.password.errors = [NOT_THE_PRESENT]
    elif prove(user, text(form.code)) is None:
        form.code.errors = [WRONG_CODE]
    else:
        limits.forgive()
        return True
    return False


def _offered() -> str:
    """The secret that is being tried: the same until it is proven. The session is signed and not secret, so it carries it sealed."""
    here, kept = parts(), session.get(OFFERED)
    try:
        if kept:
            return here.vault.open(kept.encode())
    except Sealed:
        pass  # the deployment's keys have changed since
    secret = totp.new_secret()
    session[OFFERED] = here.vault.seal(secret).decode()
    return secret


def _codes(codes: list[str]) -> Response:
    """The recovery codes, which are shown only now."""
    return _private(render_dialog("account/_codes.html", "Recovery codes", codes="\n".join(codes), nav="account"))


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _page(status: int = 200, password: ChangePassword | None = None) -> Response:
    here, me = parts(), guard.me()
    browsers = [(one, devices.called(one.agent)) for one in sessions.of(db.session(), me.id, here.now())]
    html = render_template(
        "account/show.html", password=password or ChangePassword(None), keyboard=Keyboard(None, shortcuts=me.shortcuts),
        browsers=browsers, present=guard.token_hash(), second_step=_me().totp is not None, codes_left=sessions.codes_left(db.session(), me.id),
    )  # fmt: skip
    return make_response(html, status)
