"""The forms of a team: an invitation, a role, and the account that an invitation makes."""

from __future__ import annotations

from markupsafe import Markup
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its types

from webapp.forms.base import Form
from webapp.forms.fields import email_field, new_password_field


def _says(role: str, may: str) -> Markup:
    return Markup("<strong>{}</strong>: {}").format(role, may)


ROLES = [
    SelectChoice("owner", _says("Owner", "everything, people and the marketplace itself too")),
    SelectChoice("admin", _says("Admin", "everything but people and the marketplace itself")),
    SelectChoice("viewer", _says("Viewer", "sees everything and changes nothing")),
]


class Invite(Form):
    """Whom to invite, and as what."""

    email = email_field()
    role = RadioField("Role", choices=ROLES, default="admin")


class ChangeRole(Form):
    """What a person may do."""

    role = RadioField("Role", choices=ROLES)


class Accept(Form):
    """The password of an account that an invitation makes."""

    password = new_password_field("Choose a password")
