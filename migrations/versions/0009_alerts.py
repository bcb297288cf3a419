"""Alerts, who is told of them, and the hours in which checkouts have spoken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("people", sa.JSON(), nullable=True),
        sa.Column("muted", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("chat", sa.LargeBinary(), nullable=True),
        sa.Column("chat_host", sa.String(255), nullable=False),
        sa.Column("looked_at", Time, nullable=True),
        sa.Column("digest_day", sa.String(10), nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_watches_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("marketplace_id", name="pk_watches"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", Id, nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("open_key", sa.String(200), nullable=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("todo", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", Time, nullable=False),
        sa.Column("last_at", Time, nullable=False),
        sa.Column("opened_at", Time, nullable=False),
        sa.Column("told_at", Time, nullable=True),
        sa.Column("acknowledged_at", Time, nullable=True),
        sa.Column("acknowledged_by", Id, nullable=True),
        sa.Column("snoozed_until", Time, nullable=True),
        sa.Column("recovered_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["marketplace_id"], ["marketplaces.id"], name="fk_alerts_marketplace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["users.id"], name="fk_alerts_acknowledged_by", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("open_key", name="uq_alerts_open_key"),
    )
    op.create_index("ix_alerts_marketplace_id_id", "alerts", ["marketplace_id", "id"])
    op.create_table(
        "heard",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_heard_source_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source_id", "day", name="pk_heard"),
    )


def downgrade() -> None:
    op.drop_table("heard")
    op.drop_table("alerts")
    op.drop_table("watches")
