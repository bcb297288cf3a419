"""Who goes first where many lanes are due: joins before leaves, live events before batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lanes", sa.Column("rank", sa.SmallInteger(), nullable=False, server_default="0"))
    waits = sa.text("due_at IS NOT NULL")
    op.create_index("ix_lanes_waiting", "lanes", ["integration_id", "rank", "due_at"], sqlite_where=waits, postgresql_where=waits)
    op.drop_index("ix_lanes_due", "lanes")


def downgrade() -> None:
    op.create_index("ix_lanes_due", "lanes", ["integration_id", "due_at"])
    op.drop_index("ix_lanes_waiting", "lanes")
    op.drop_column("lanes", "rank")
