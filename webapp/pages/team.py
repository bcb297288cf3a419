"""Marketplace Settings → Team: who is in, as what, and who is invited. How an invitation is accepted is in invitations.py."""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.database import db, writing
from webapp.doorbell import DELIVER
from webapp.engine import letters, outbox, team
from webapp.forms.fields import text
from webapp.forms.team import ChangeRole, Invite
from webapp.pages import guard, limits
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts
from webapp.tokens import hash_token, new_token

LAST_OWNER = "Somebody has to be the owner. Make another person one first."
IN_THE_TEAM = "This person is in the team already."

pages = Blueprint("team", __name__)


@pages.get("/settings/team")
@guard.signed_in
def show() -> ResponseReturnValue:
    """The people and the open invitations; only owners change them."""
    session, here = db.session(), guard.here()
    return render_template(
        "team/show.html", members=team.members(session, here), invitations=team.invitations(session, here, parts().now())
    )


@pages.route("/settings/team/invite", methods=["GET", "POST"])
@guard.owner_only
@limits.mails_invitation
def invite() -> ResponseReturnValue:
    """Invite an address, by mail where mails are sent; the link is shown once, on the answer."""
    form, mails = Invite(), parts().settings.can_mail
    if form.sent():
        token = new_token()
        link = _address(token)
        try:
            _invite(form, token, link)
        except team.InTheTeam:
            form.email.errors = [IN_THE_TEAM]
        else:
            email = text(form.email)
            return _private(render_dialog("team/_link.html", "Invitation", link=link, email=email, mails=mails, nav="team"))
    status = 422 if request.method == "POST" else 200
    return render_dialog("team/_invite.html", "Invite somebody", status, form=form, mails=mails, nav="team")


@pages.route("/settings/team/<int:number>", methods=["GET", "POST"])
@guard.owner_only
def edit(number: int) -> ResponseReturnValue:
    """Change what a person may do."""
    member = _member(number)
    form = ChangeRole(role=member.role)
    if form.sent():
        try:
            with writing() as session:
                team.change_role(session, guard.here(), number, text(form.role))
        except team.LastOwner:
            form.role.errors = [LAST_OWNER]
        else:
            toast(f"{member.email} is {_called(text(form.role))} now.")
            return leave(url_for("team.show"))
    return render_dialog("team/_edit.html", "Change role", 422 if request.method == "POST" else 200, form=form, member=member, nav="team")


@pages.route("/settings/team/<int:number>/remove", methods=["GET", "POST"])
@guard.owner_only
def remove(number: int) -> ResponseReturnValue:
    """Ask, then take a person's role away."""
    member = _member(number)
    refused = None
    if request.method == "POST":
        try:
            with writing() as session:
                team.remove(session, guard.here(), number)
        except team.LastOwner:
            refused = LAST_OWNER
        else:
            toast(f"{member.email} is no longer in the team.")
            return leave(url_for("team.show"))
    return render_dialog("team/_remove.html", "Remove from team", 422 if refused else 200, member=member, refused=refused, nav="team")


@pages.post("/settings/team/invitations/<int:number>/withdraw")
@guard.owner_only
def withdraw(number: int) -> ResponseReturnValue:
    """Take an invitation back."""
    with writing() as session:
        if not team.withdraw(session, guard.here(), number):
            abort(404)
    toast("The invitation is taken back: its link no longer works.")
    return leave(url_for("team.show"))


def _invite(form: Invite, token: str, link: str) -> None:
    made, here, me = parts(), guard.here(), guard.me()
    letter = letters.invitation(link, g.marketplace.name, text(form.role), me.email)
    with writing() as session:
        team.invite(session, here, text(form.email), text(form.role), hash_token(token), me.id, made.new_id, made.now())
        if made.settings.can_mail:
            outbox.mail(session, text(form.email), letter, made.vault.seal, made.new_id, made.now(), here)
    made.bell.chore(DELIVER)


def _address(token: str) -> str:
    """The public address of an invitation."""
    path = url_for("invitations.accept", token=token)
    base = parts().settings.base_url
    return base.rstrip("/") + path if base else url_for("invitations.accept", token=token, _external=True)


def _member(number: int) -> team.Member:
    found = team.member(db.session(), guard.here(), number)
    if found is None:
        abort(404)
    return found


def _called(role: str) -> str:
    return f"an {role}" if role[0] in "ao" else f"a {role}"


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
