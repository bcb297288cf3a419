"""The forms of one's own account: the password, the second step of signing in, the keyboard."""

from __future__ import annotations

from wtforms import BooleanField

from webapp.forms.base import Form
from webapp.forms.fields import new_password_field, password_field, text_field


class ChangePassword(Form):
    """A new password, proven by the present one."""

    present = password_field("Present password")
    password = new_password_field("New password")


class Code(Form):
    """The second step: what the phone shows, or a recovery code."""

    code = text_field("Code", "Type the code that your phone shows.")


class Prove(Code):
    """Both steps once more."""

    password = password_field()


class Keyboard(Form):
    """Whether single keys do something."""

    shortcuts = BooleanField("Single keys do something: / searches, ? lists them all")
