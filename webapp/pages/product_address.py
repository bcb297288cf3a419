"""Where a product's page is. No page lives here."""

from __future__ import annotations

from flask import url_for

from webapp.models import Product
from webapp.pages import whole


def of(product: Product, tab: str | None = None) -> str:
    """The address of a product's page."""
    return by_key(product.external_id, product.id, tab)


def by_key(external_id: str, product_id: int, tab: str | None = None) -> str:
    """The same for who knows its ids: by the checkout's, and where a browser would not leave that as it is, by ours."""
    if whole.can_stand(external_id):
        return url_for("products.show", key=external_id, tab=tab)
    return url_for("products.by_number", number=product_id, tab=tab)
