"""Batches: what each has yet to take care of, what its entries came to, and which rule a mark is the doing of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_BATCHES = sa.text("batch_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "batch_items",
        sa.Column("batch_id", Id, nullable=False),
        sa.Column("number", Id, nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_items_batch_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("batch_id", "number", name="pk_batch_items"),
    )
    op.create_index(
        "ix_log_entries_batch", "log_entries", ["batch_id", "status", "due_at"], sqlite_where=OF_BATCHES, postgresql_where=OF_BATCHES
    )
    op.add_column("grants", sa.Column("rule_id", Id, nullable=True))
    op.execute("UPDATE grants SET rule_id = (SELECT rule_id FROM log_entries WHERE log_entries.id = grants.entry_id)")
    op.create_index("ix_grants_rule_id_lane_id", "grants", ["rule_id", "lane_id"])


def downgrade() -> None:
    op.drop_index("ix_grants_rule_id_lane_id", "grants")
    op.drop_column("grants", "rule_id")
    op.drop_index("ix_log_entries_batch", "log_entries")
    op.drop_table("batch_items")
