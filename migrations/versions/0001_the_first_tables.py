"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "marketplaces",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("allowance", sa.Integer(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_marketplaces"),
        sa.UniqueConstraint("name", name="uq_marketplaces_name"),
    )
    op.create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "batches",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("cursor", Id, nullable=False),
        sa.Column("sentence", sa.String(length=500), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("finished_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_batches_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_marketplace_id_id", "batches", ["marketplace_id", "id"])
    op.create_index("ix_batches_state", "batches", ["state"])

    op.create_table(
        "customers",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.Column("seen_at", Time, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_customers_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("marketplace_id", "email", name="uq_customers_marketplace_id_email"),
    )
    op.create_table(
        "integrations",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("app", sa.String(length=32), nullable=False),
        sa.Column("credentials", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.JSON(), nullable=False),
        sa.Column("key_tail", sa.String(length=8), nullable=False),
        sa.Column("community", sa.String(length=300), nullable=False),
        sa.Column("community_id", sa.String(length=64), nullable=False),
        sa.Column("attention", sa.String(length=32), nullable=True),
        sa.Column("attention_at", Time, nullable=True),
        sa.Column("paused_at", Time, nullable=True),
        sa.Column("watch_only", sa.Boolean(), nullable=False),
        sa.Column("send_invitation", sa.Boolean(), nullable=False),
        sa.Column("hold_until", Time, nullable=True),
        sa.Column("hold_reason", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Time, nullable=True),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("catalog", sa.JSON(), nullable=False),
        sa.Column("catalog_at", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("deleted_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_integrations_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_integrations"),
        sa.UniqueConstraint("marketplace_id", "name", name="uq_integrations_marketplace_id_name"),
    )
    op.create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("invited_by", Id, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("used_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["invited_by"], ["users.id"], name="fk_invitations_invited_by", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_invitations_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
    )
    op.create_index("ix_invitations_marketplace_id", "invitations", ["marketplace_id"])

    op.create_table(
        "log_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=True),
        sa.Column("happening_id", Id, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("product_id", Id, nullable=True),
        sa.Column("rule_id", Id, nullable=True),
        sa.Column("integration_id", Id, nullable=True),
        sa.Column("target_id", Id, nullable=True),
        sa.Column("lane_id", Id, nullable=True),
        sa.Column("open_lane_id", Id, nullable=True),
        sa.Column("trigger", sa.String(length=40), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("todo", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("due_at", Time, nullable=True),
        sa.Column("changed_at", Time, nullable=False),
        sa.Column("finished_at", Time, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("replays_id", Id, nullable=True),
        sa.Column("batch_id", Id, nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_log_entries_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_log_entries"),
    )
    op.create_index("ix_log_entries_customer_id_id", "log_entries", ["customer_id", "id"])
    op.create_index("ix_log_entries_event_id", "log_entries", ["event_id"])
    op.create_index("ix_log_entries_marketplace_id_changed_at", "log_entries", ["marketplace_id", "changed_at"])
    op.create_index("ix_log_entries_marketplace_id_id", "log_entries", ["marketplace_id", "id"])
    op.create_index("ix_log_entries_marketplace_id_status_id", "log_entries", ["marketplace_id", "status", "id"])
    op.create_index(
        "ix_log_entries_open",
        "log_entries",
        ["open_lane_id", "due_at"],
        sqlite_where=sa.text("open_lane_id IS NOT NULL"),
        postgresql_where=sa.text("open_lane_id IS NOT NULL"),
    )

    op.create_table(
        "one_time_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("used_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_one_time_links_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_one_time_links"),
    )
    op.create_table(
        "products",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("archived_at", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_products_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.UniqueConstraint("marketplace_id", "external_id", name="uq_products_marketplace_id_external_id"),
    )
    op.create_table(
        "roles",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_roles_marketplace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_roles_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "marketplace_id", name="pk_roles"),
    )
    op.create_index("ix_roles_marketplace_id", "roles", ["marketplace_id"])

    op.create_table(
        "sources",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_sources_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("address", name="uq_sources_address"),
        sa.UniqueConstraint("marketplace_id", "kind", name="uq_sources_marketplace_id_kind"),
    )
    op.create_table(
        "events",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=True),
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_events_marketplace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_events_source_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("source_id", "key", name="uq_events_source_id_key"),
    )
    op.create_index("ix_events_marketplace_id_id", "events", ["marketplace_id", "id"])

    op.create_table(
        "lanes",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("integration_id", Id, nullable=False),
        sa.Column("due_at", Time, nullable=True),
        sa.Column("claim", sa.String(length=40), nullable=True),
        sa.Column("claimed_until", Time, nullable=True),
        sa.Column("retry_at", Time, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.String(length=64), nullable=True),
        sa.Column("alias", sa.String(length=320), nullable=True),
        sa.Column("alias_by", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_lanes_customer_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name="fk_lanes_integration_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_lanes_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_lanes"),
        sa.UniqueConstraint("customer_id", "integration_id", name="uq_lanes_customer_id_integration_id"),
    )
    op.create_index("ix_lanes_due", "lanes", ["integration_id", "due_at"])

    op.create_table(
        "purchases",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=True),
        sa.Column("ground", sa.String(length=300), nullable=False),
        sa.Column("order_ref", sa.String(length=200), nullable=True),
        sa.Column("subscription_ref", sa.String(length=200), nullable=True),
        sa.Column("on_record", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_at", Time, nullable=False),
        sa.Column("bought_at", Time, nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_purchases_customer_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_purchases_marketplace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_purchases_product_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint("customer_id", "product_id", "ground", name="uq_purchases_customer_id_product_id_ground"),
    )
    op.create_index("ix_purchases_marketplace_id_product_id", "purchases", ["marketplace_id", "product_id"])

    op.create_table(
        "receipts",
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_receipts_source_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
    )
    op.create_index("ix_receipts_source_id_id", "receipts", ["source_id", "id"])

    op.create_table(
        "targets",
        sa.Column("id", Id, nullable=False),
        sa.Column("integration_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("group", sa.String(length=64), nullable=True),
        sa.Column("gone_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name="fk_targets_integration_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_targets"),
        sa.UniqueConstraint("integration_id", "kind", "remote_id", name="uq_targets_integration_id_kind_remote_id"),
    )
    op.create_table(
        "usage",
        sa.Column("integration_id", Id, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("metered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name="fk_usage_integration_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("integration_id", "month", name="pk_usage"),
    )
    op.create_index("ix_usage_month", "usage", ["month"])

    op.create_table(
        "calls",
        sa.Column("id", Id, nullable=False),
        sa.Column("lane_id", Id, nullable=False),
        sa.Column("integration_id", Id, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name="fk_calls_lane_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_lane_id_id", "calls", ["lane_id", "id"])

    op.create_table(
        "grants",
        sa.Column("id", Id, nullable=False),
        sa.Column("lane_id", Id, nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("happening_id", Id, nullable=True),
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("op", sa.String(length=8), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("tie", sa.String(length=256), nullable=False),
        sa.Column("until", Time, nullable=True),
        sa.Column("asked_at", Time, nullable=True),
        sa.Column("recoverable", sa.Boolean(), nullable=False),
        sa.Column("void", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name="fk_grants_lane_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_grants_purchase_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_happening_id", "grants", ["happening_id"])
    op.create_index("ix_grants_lane_id", "grants", ["lane_id"])
    op.create_index("ix_grants_purchase_id", "grants", ["purchase_id"])

    op.create_table(
        "happenings",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("step_id", Id, nullable=True),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("tie", sa.String(length=256), nullable=False),
        sa.Column("key", sa.String(length=600), nullable=False),
        sa.Column("access_until", Time, nullable=True),
        sa.Column("refuted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_happenings_customer_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_happenings_marketplace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_happenings_product_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_happenings_purchase_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_happenings"),
        sa.UniqueConstraint("marketplace_id", "key", name="uq_happenings_marketplace_id_key"),
    )
    op.create_index("ix_happenings_customer_id", "happenings", ["customer_id"])
    op.create_index("ix_happenings_marketplace_id_trigger_product_id", "happenings", ["marketplace_id", "trigger", "product_id"])
    op.create_index("ix_happenings_purchase_id", "happenings", ["purchase_id"])

    op.create_table(
        "holdings",
        sa.Column("lane_id", Id, nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("held", sa.String(length=8), nullable=False),
        sa.Column("since", Time, nullable=False),
        sa.Column("heard_at", Time, nullable=False),
        sa.Column("word", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name="fk_holdings_lane_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lane_id", "target_id", name="pk_holdings"),
    )
    op.create_table(
        "rules",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=True),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("integration_id", Id, nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("removal", sa.String(length=8), nullable=True),
        sa.Column("for_days", sa.Integer(), nullable=True),
        sa.Column("after_days", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=200), nullable=True),
        sa.Column("off_at", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("deleted_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name="fk_rules_integration_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_rules_marketplace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_rules_product_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_rules_target_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
        sa.UniqueConstraint("identity", name="uq_rules_identity"),
    )
    op.create_index("ix_rules_integration_id", "rules", ["integration_id"])
    op.create_index("ix_rules_marketplace_id_product_id", "rules", ["marketplace_id", "product_id"])

    op.create_table(
        "steps",
        sa.Column("id", Id, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("tie", sa.String(length=256), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("access_until", Time, nullable=True),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_steps_purchase_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
    )
    op.create_index("ix_steps_purchase_id", "steps", ["purchase_id"])

    op.create_table(
        "call_entries",
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("call_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_call_entries_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entry_id", "call_id", name="pk_call_entries"),
    )


def downgrade() -> None:
    for table in (
        "call_entries",
        "steps",
        "rules",
        "holdings",
        "happenings",
        "grants",
        "calls",
        "usage",
        "targets",
        "receipts",
        "purchases",
        "lanes",
        "events",
        "sources",
        "roles",
        "products",
        "one_time_links",
        "log_entries",
        "invitations",
        "integrations",
        "customers",
        "batches",
        "users",
        "marketplaces",
        "leases",
    ):
        op.drop_table(table)
