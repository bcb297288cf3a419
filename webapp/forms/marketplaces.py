"""The forms of a marketplace: its name and its clock, and how long its log is kept."""

from __future__ import annotations

from wtforms import IntegerField
from wtforms.validators import NumberRange

from webapp.forms.base import Form
from webapp.forms.fields import name_field, zone_field


class MarketplaceForm(Form):
    """What a marketplace is called, and in which zone its times are shown."""

    name = name_field("Name", "Give the marketplace a name.", description="Your shop's name, for you and your team.")
    time_zone = zone_field()


class RetentionForm(Form):
    """How long the log is kept."""

    days = IntegerField(
        "Keep the log for days",
        validators=[NumberRange(1, 3650, "From 1 to 3,650 days.")],
        description="Older entries go, with their messages and calls; the last 1,000 always stay. What customers hold, and why, is not touched.",
    )
