"""Which removals act at the end of a paid period, as their rule said when they were asked for: rules change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PAID_PERIOD = -1


def upgrade() -> None:
    op.add_column("grants", sa.Column("paid_period", sa.Boolean(), nullable=False, server_default=sa.false()))
    grants = sa.table("grants", sa.column("paid_period", sa.Boolean), sa.column("op", sa.String), sa.column("rule_id", sa.BigInteger))
    rules = sa.table("rules", sa.column("id", sa.BigInteger), sa.column("after_days", sa.Integer))
    waits = sa.select(rules.c.id).where(rules.c.after_days == PAID_PERIOD)
    op.execute(sa.update(grants).where(grants.c.op != "open", grants.c.rule_id.in_(waits)).values(paid_period=True))


def downgrade() -> None:
    op.drop_column("grants", "paid_period")
