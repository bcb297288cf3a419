"""The pages, one blueprint each, and what is the same on all of them.

Views read the request, call the engine, render.
"""

from __future__ import annotations

from flask import Flask

from webapp.config import Settings
from webapp.pages import (
    account,
    alerts,
    audit,
    auth,
    backlogs,
    batches,
    connecting,
    customer_alias,
    customer_check,
    customer_erase,
    customer_hand,
    customer_why,
    customers,
    general,
    guard,
    health,
    integrations,
    invitations,
    keys,
    limits,
    log_causes,
    log_entry,
    log_export,
    log_replay,
    logs,
    marketplaces,
    product_import,
    products,
    purchase_import,
    rule_back,
    rule_dialog,
    rule_parts,
    rule_trial,
    rules,
    second_step,
    source_settings,
    team,
    ui,
    webhook_settings,
    webhooks,
)

BLUEPRINTS = (
    auth.pages,
    second_step.pages,
    account.pages,
    marketplaces.pages,
    team.pages,
    audit.pages,
    invitations.pages,
    general.pages,
    alerts.pages,
    keys.pages,
    integrations.pages,
    connecting.pages,
    products.pages,
    product_import.pages,
    purchase_import.pages,
    rules.pages,
    rule_back.pages,
    rule_dialog.pages,
    rule_parts.pages,
    rule_trial.pages,
    customers.pages,
    customer_alias.pages,
    customer_check.pages,
    customer_erase.pages,
    customer_hand.pages,
    customer_why.pages,
    logs.pages,
    log_causes.pages,
    log_entry.pages,
    log_export.pages,
    log_replay.pages,
    batches.pages,
    backlogs.pages,
    health.pages,
    webhooks.pages,
    webhook_settings.pages,
    source_settings.pages,
)
"""One a page. Each module has its blueprint under the name `pages`."""


def register(app: Flask, settings: Settings) -> None:
    """Give the app its pages."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    guard.register(app, settings)
    limits.register(app, settings)
    ui.register(app, settings.root / "static")
    webhooks.register(app)
