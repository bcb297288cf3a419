"""What is counted of the log, and purchases by what the checkout knows them by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    marketplace = "marketplaces.id"
    op.create_table(
        "shapes",
        sa.Column("id", Id, primary_key=True),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("trigger", sa.String(40)),
        sa.Column("action", sa.String(40)),
        sa.Column("integration_id", Id),
        sa.Column("rule_id", Id),
        sa.Column("product_id", Id),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], [marketplace], name="fk_shapes_marketplace_id", ondelete="CASCADE"),
        sa.UniqueConstraint("marketplace_id", "key", name="uq_shapes_marketplace_id_key"),
    )
    op.create_table(
        "tallies",
        sa.Column("shape_id", Id, nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_id", Id, nullable=False),
        sa.Column("last_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["shape_id"], ["shapes.id"], name="fk_tallies_shape_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shape_id", "quarter", name="pk_tallies"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tallies_marketplace_id_quarter", "tallies", ["marketplace_id", "quarter"])
    op.create_table(
        "quarters",
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("statuses", sa.JSON(), nullable=False),
        sa.Column("took", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], [marketplace], name="fk_quarters_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("marketplace_id", "quarter", name="pk_quarters"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "folds",
        sa.Column("marketplace_id", Id, nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.ForeignKeyConstraint(["marketplace_id"], [marketplace], name="fk_folds_marketplace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("marketplace_id", name="pk_folds"),
    )
    op.create_index("ix_purchases_order_ref", "purchases", ["order_ref"])
    named = sa.text("subscription_ref IS NOT NULL")
    op.create_index("ix_purchases_subscription_ref", "purchases", ["subscription_ref"], sqlite_where=named, postgresql_where=named)


def downgrade() -> None:
    op.drop_index("ix_purchases_subscription_ref", "purchases")
    op.drop_index("ix_purchases_order_ref", "purchases")
    for table in ("folds", "quarters", "tallies", "shapes"):
        op.drop_table(table)
