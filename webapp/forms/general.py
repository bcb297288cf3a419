"""The forms of one's own account: the password and the keyboard."""

from __future__ import annotations

from wtforms import BooleanField

from webapp.forms.base import Form
from webapp.forms.fields import new_password_field, password_field


class ChangePassword(Form):
    """A new password, proven by the present one."""

    present = password_field("Present password")
    password = new_password_field("New password")


class Keyboard(Form):
    """Whether single keys do something."""

    shortcuts = BooleanField("Single keys do something: / searches, ? lists them all")
