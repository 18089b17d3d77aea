"""Contact policy: what customers state and do through the day, and the verdicts of the policy on tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_contact_policy"
down_revision: str | None = "0010_desk_figures"
branch_labels = None
depends_on = None

_VERDICTS = (
    ("policy", "Policy packs under which it was planned or judged last, joined by +."),
    ("policy_rule", "Rule of the policy that decided on it last; NULL: none had anything against it."),
    ("policy_source", "Source of that rule: pack, title and publisher."),
    ("policy_flags", "All that the policy remarked, as verdict:rule (warn, rebut, wait), comma separated."),
)
_APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.{table}
FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()
"""


def upgrade() -> None:
    for name, comment in _VERDICTS:
        op.add_column("contact_task", sa.Column(name, sa.Text(), nullable=True, comment=comment), schema="ops")
    op.create_table(
        "customer_consent",
        sa.Column(
            "consent_id",
            sa.Text(),
            nullable=False,
            comment="Key of the statement; who tells it twice gives the same key.",
        ),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer."),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel that it is about, or all."),
        sa.Column("allowed", sa.Boolean(), nullable=False, comment="True: allowed; false: refused."),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="opt_out, cease, attorney, dispute, bankruptcy, deceased, agreed, inconvenient, …",
        ),
        sa.Column(
            "valid_from", sa.TIMESTAMP(timezone=True), nullable=False, comment="First instant at which it holds."
        ),
        sa.Column(
            "valid_to",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="First instant at which it no longer holds; NULL: open.",
        ),
        sa.Column(
            "local_from",
            sa.Text(),
            nullable=True,
            comment="HH:MM of the customer's day from which it holds; NULL: the whole day.",
        ),
        sa.Column(
            "local_to",
            sa.Text(),
            nullable=True,
            comment="HH:MM at which it no longer holds; before local_from: on the next day.",
        ),
        sa.Column(
            "place",
            sa.Text(),
            nullable=True,
            comment="Place that it is about, as contact.yaml names those of channels; NULL: any.",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Where it came from: a receipt, a page, a command."),
        sa.Column(
            "recorded_by",
            sa.Text(),
            nullable=False,
            comment="Login or token of who recorded it; arrears: nobody.",
        ),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was recorded."),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_customer_consent_valid_to")),
        sa.CheckConstraint("(local_from IS NULL) = (local_to IS NULL)", name=op.f("ck_customer_consent_local_hours")),
        sa.CheckConstraint(
            "local_from ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name=op.f("ck_customer_consent_local_from")
        ),
        sa.CheckConstraint("local_to ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name=op.f("ck_customer_consent_local_to")),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_customer_consent")),
        schema="ops",
        comment="What customers allowed or refused since the ledger was pulled: channels, hours, places, and notices "
        "to cease or of an attorney; append-only. Grain: statement.",
    )
    op.create_index(
        op.f("ix_customer_consent_customer_id"), "customer_consent", ["customer_id"], unique=False, schema="ops"
    )
    op.create_table(
        "customer_notice",
        sa.Column(
            "notice_id", sa.Text(), nullable=False, comment="Key of the notice; who tells it twice gives the same key."
        ),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer."),
        sa.Column("contract_id", sa.Text(), nullable=True, comment="Contract that was paid; NULL: not known."),
        sa.Column("kind", sa.Text(), nullable=False, comment="payment or reply."),
        sa.Column("channel", sa.Text(), nullable=True, comment="Channel of an answer; NULL: not known."),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True, comment="Amount paid; NULL: not known."),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it happened."),
        sa.Column("source", sa.Text(), nullable=False, comment="Where it came from."),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was recorded."),
        sa.CheckConstraint("kind IN ('payment', 'reply')", name=op.f("ck_customer_notice_kind")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_customer_notice_amount")),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_customer_notice")),
        schema="ops",
        comment="Payments and answers of customers since the ledger was pulled: they stop what is still planned; "
        "append-only. Grain: notice.",
    )
    op.create_index(
        op.f("ix_customer_notice_customer_id_at"), "customer_notice", ["customer_id", "at"], unique=False, schema="ops"
    )
    op.create_table(
        "contact_verdict_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later "
            "ledger.",
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel; joins dim_channel."),
        sa.Column("verdict", sa.Text(), nullable=False, comment="blocked, cut, or remarked: planned all the same."),
        sa.Column("rule", sa.Text(), nullable=False, comment="Rule of a policy pack (pack.rule) or of contact.yaml."),
        sa.Column("reason", sa.Text(), nullable=True, comment="The rule in words."),
        sa.Column("contacts", sa.BigInteger(), nullable=False, comment="Contacts of the plan."),
        sa.Column("customers", sa.BigInteger(), nullable=False, comment="Customers of these."),
        sa.PrimaryKeyConstraint("as_of", "basis", "channel", "verdict", "rule", name=op.f("pk_contact_verdict_day")),
        schema="mart",
        comment="What the plan of the opening blocked, cut or remarked, per rule. Grain: day x basis x channel x "
        "verdict x rule. Source: contact_plan.",
    )
    for table in ("customer_consent", "customer_notice"):
        op.execute(_APPEND_ONLY.format(table=table))


def downgrade() -> None:
    op.drop_table("contact_verdict_day", schema="mart")
    op.drop_table("customer_notice", schema="ops")
    op.drop_table("customer_consent", schema="ops")
    for name, _ in reversed(_VERDICTS):
        op.drop_column("contact_task", name, schema="ops")
