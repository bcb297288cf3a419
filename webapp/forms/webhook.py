"""The forms of the webhook settings: a test event."""

from __future__ import annotations

from webapp.forms.base import Form
from webapp.forms.fields import email_field, text_field


class TestEvent(Form):
    """Which product is bought, and by whom."""

    __test__ = False  # none of pytest's

    product = text_field("Product ID", "Which product? Type its id.")
    email = email_field("Customer's e-mail")
