"""The forms of a customer's page."""

from __future__ import annotations

from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from webapp.engine.granting import MOST_DAYS
from webapp.forms.base import Form
from webapp.forms.fields import email_field


class EmailThere(Form):
    """Under which address somebody is in an app."""

    email = email_field()


class ForDays(Form):
    """How long something is granted by hand."""

    days = IntegerField(
        "Days",
        description="Leave it empty for good.",
        validators=[Optional(), NumberRange(1, MOST_DAYS, f"From 1 to {MOST_DAYS:,} days, or empty for good.")],
    )
