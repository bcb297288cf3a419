"""What a check of one customer at one integration came to; and from when to when an integration did nothing, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "checks",
        sa.Column("lane_id", Id, nullable=False),
        sa.Column("wanted_at", Time, nullable=True),
        sa.Column("run", sa.String(40), nullable=True),
        sa.Column("told_at", Time, nullable=True),
        sa.Column("ended_at", Time, nullable=True),
        sa.Column("metered", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("todo", sa.String(500), nullable=False),
        sa.Column("found", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("fk_checks_lane_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lane_id", name=op.f("pk_checks")),
    )
    op.create_index(op.f("ix_checks_wanted_at"), "checks", ["wanted_at"])

    op.create_table(
        "stops",
        sa.Column("integration_id", Id, nullable=False),
        sa.Column("since", Time, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("until", Time, nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_stops_integration_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("integration_id", "since", "reason", name=op.f("pk_stops")),
    )


def downgrade() -> None:
    op.drop_table("stops")
    op.drop_table("checks")
