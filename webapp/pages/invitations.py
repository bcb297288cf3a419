"""Accepting an invitation: with the account one has, or a new one. The link works once."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.database import db, writing
from webapp.engine import accounts, audit, team
from webapp.forms.fields import text
from webapp.forms.team import Accept
from webapp.models import User
from webapp.pages import guard
from webapp.pages.auth import HOME, gone, page
from webapp.pages.toasts import toast
from webapp.parts import parts
from webapp.passwords import hash_password
from webapp.tokens import hash_token

pages = Blueprint("invitations", __name__)


@pages.route("/invitations/<token>", methods=["GET", "POST"])
def accept(token: str) -> ResponseReturnValue:
    """What one is invited to. Who is signed in joins by a button, who has an account signs in first, others choose a password."""
    session = db.session()
    found = team.find_invitation(session, hash_token(token), parts().now())
    if found is None:
        return gone()
    known = guard.person() is not None
    has_account = accounts.find_user(session, found.email) is not None
    form = Accept()
    if request.method == "POST" and known:
        return _join(hash_token(token), guard.me().id)
    if request.method == "POST" and not has_account and form.sent():
        return _begin(form, found.email, hash_token(token))
    status = 422 if request.method == "POST" else 200
    back = url_for("auth.sign_in", next=request.path)
    return page("auth/invitation.html", status, invited=found, form=form, has_account=has_account, sign_in=back)


def _join(token_hash: str, user_id: int) -> ResponseReturnValue:
    with writing() as session:
        found = team.accept(session, token_hash, user_id, parts().now())
    if found is None:
        return gone()
    guard.enter(found.marketplace_id)
    toast(f"You are in {found.marketplace} now.")
    return redirect(HOME, 303)


def _begin(form: Accept, email: str, token_hash: str) -> ResponseReturnValue:
    """A new account for the address that was invited, signed in at once."""
    db.session.rollback()
    password_hash, made = hash_password(text(form.password)), parts()
    try:
        with writing() as session:
            user: User = accounts.create_user(session, email, password_hash, made.new_id, made.now())
            audit.act_as(session, user.id, user.email)
            found = team.accept(session, token_hash, user.id, made.now())
            if found is None:
                raise accounts.Taken
    except accounts.Taken:  # the invitation was used meanwhile, or the address has got an account
        return gone()
    guard.sign_in(user)
    guard.enter(found.marketplace_id)
    toast(f"Welcome. You are in {found.marketplace} now.")
    return redirect(HOME, 303)
