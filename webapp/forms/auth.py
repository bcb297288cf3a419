"""The forms of signing in, setting up, and choosing a password."""

from __future__ import annotations

from webapp.forms.base import Form
from webapp.forms.fields import email_field, name_field, new_password_field, password_field, zone_field


class SignIn(Form):
    """Who it is."""

    email = email_field()
    password = password_field()


class SetUp(Form):
    """The first account and its marketplace."""

    email = email_field()
    password = new_password_field()
    marketplace = name_field("Marketplace", "Give your marketplace a name.", description="Your shop's name. You can change it later.")
    time_zone = zone_field()


class NewPassword(Form):
    """A password alone: for an account that is known by a link."""

    password = new_password_field("New password")


class Forgot(Form):
    """Whose password is forgotten."""

    email = email_field()
