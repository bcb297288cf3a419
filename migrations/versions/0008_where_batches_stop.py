"""The share of its month's quota at which batches of an integration are held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("integrations", sa.Column("batch_share", sa.Integer(), nullable=False, server_default="80"))


def downgrade() -> None:
    op.drop_column("integrations", "batch_share")
