"""Adds the reasoning vault."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_turns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_vault_turns_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_turns")),
    )
    op.create_index(op.f("ix_vault_turns_account_id_id"), "vault_turns", ["account_id", "id"])
    op.create_index(op.f("ix_vault_turns_expires_at"), "vault_turns", ["expires_at"])
    op.create_table(
        "vault_calls",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("turn_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["turn_id"],
            ["vault_turns.id"],
            name=op.f("fk_vault_calls_turn_id_vault_turns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", "turn_id", name=op.f("pk_vault_calls")),
    )
    op.create_index(op.f("ix_vault_calls_turn_id"), "vault_calls", ["turn_id"])
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("vault", sa.Boolean(), server_default=sa.true(), nullable=False))
