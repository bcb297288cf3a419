"""Where a customer's page is. No page lives here."""

from __future__ import annotations

from typing import Any

from flask import url_for

from webapp.models import Customer


def of(customer: Customer, **query: Any) -> str:
    """The address of a customer's page."""
    return url_for("customers.show", email=customer.email, **query)
