"""The form of a marketplace: its name and its clock."""

from __future__ import annotations

from webapp.forms.base import Form
from webapp.forms.fields import name_field, zone_field


class MarketplaceForm(Form):
    """What a marketplace is called, and in which zone its times are shown."""

    name = name_field("Name", "Give the marketplace a name.", description="Your shop's name, for you and your team.")
    time_zone = zone_field()
