"""The forms of a customer's page."""

from __future__ import annotations

from webapp.forms.base import Form
from webapp.forms.fields import email_field


class EmailThere(Form):
    """Under which address somebody is in an app."""

    email = email_field()
