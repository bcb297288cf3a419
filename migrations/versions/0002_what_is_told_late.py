"""What is told late: when a lane is looked at though nothing waits, and the further orders of a subscription."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("lanes", sa.Column("look_at", Time, nullable=True))
    op.add_column("purchases", sa.Column("more_orders", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("purchases", "more_orders")
    op.drop_column("lanes", "look_at")
