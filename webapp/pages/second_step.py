"""The second step of signing in: a code of the phone, or a recovery code, each once. Switching it on and off is in account.py."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.database import writing
from webapp.engine import sessions
from webapp.forms.account import Code
from webapp.forms.fields import text
from webapp.models import User
from webapp.pages import guard, limits
from webapp.pages.auth import own_page, page
from webapp.pages.toasts import toast
from webapp.parts import parts
from webapp.tokens import hash_token
from webapp.totp import as_recovery_code, step_of

WRONG_CODE = "This code is not good, or was used before. Your phone shows a new one every 30 seconds."

pages = Blueprint("second_step", __name__)


@pages.route("/sign-in/code", methods=["GET", "POST"])
@limits.guessable_code
def ask() -> ResponseReturnValue:
    """Who has proven their password proves that they have their phone."""
    wanted, user, form = own_page(request.values.get("next")), guard.held(), Code()
    if user is None:
        return redirect(url_for("auth.sign_in", next=wanted), 303)
    if form.sent():
        left = prove(user, text(form.code))
        if left is not None:
            limits.forgive()
            guard.sign_in(user)
            if left >= 0:
                toast(f"That was a recovery code. {left} are left; you can make new ones in your account.")
            return redirect(wanted, 303)
        form.code.errors = [WRONG_CODE]
    return page("auth/code.html", 422 if request.method == "POST" else 200, form=form, wanted=wanted, email=user.email)


def prove(user: User, typed: str) -> int | None:
    """Use a code up. None where it is not good; -1 for one of the phone, else how many recovery codes are left."""
    here = parts()
    now = here.now()
    step = step_of(here.vault.open(user.totp), typed, now) if user.totp else None
    with writing() as session:
        if step is not None:
            return -1 if sessions.use_step(session, user.id, step) else None
        if sessions.use_code(session, user.id, hash_token(as_recovery_code(typed)), now):
            return sessions.codes_left(session, user.id)
    return None
