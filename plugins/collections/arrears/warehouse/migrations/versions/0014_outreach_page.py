"""How far a channel's attempts came after they were sent: answered, promised, paid."""
# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arrears.warehouse.roles import ensure_bi_role

revision = "0014_outreach_page"
down_revision: str | None = "0013_serious_steps"
branch_labels = None
depends_on = None

_ADDED = {
    "answered_attempts": "Attempts by which somebody was reached, or to which somebody wrote back.",
    "promised_attempts": "Attempts of which a promise to pay came; 0 for the ledger's, which does not tell.",
    "paid_attempts": "Attempts that the provider took, and whose customer paid with value of that day.",
}
_RATES = {
    "answer_rate": (
        "answered_attempts",
        "attempts",
        "Attempts by which somebody was reached or that were answered / attempts.",
    ),
    "promise_rate": (
        "promised_attempts",
        "answered_attempts",
        "Attempts of which a promise came / answered attempts.",
    ),
    "paid_rate": (
        "paid_attempts",
        "sent_attempts",
        "Attempts whose customer paid on the day / attempts that the provider took.",
    ),
}
_VIEW = """
SELECT
  mart.channel_day.as_of,
  mart.channel_day.basis,
  mart.channel_day.channel,
  mart.channel_day.source,
  mart.channel_day.tasks,
  CAST(CAST(mart.channel_day.blocked_tasks AS DECIMAL) / CAST(NULLIF(mart.channel_day.tasks, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS blocked_rate,
  mart.channel_day.attempts,
  CAST(CAST(mart.channel_day.sent_attempts AS DECIMAL) / CAST(NULLIF(mart.channel_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS sent_rate,
  CAST(CAST(mart.channel_day.delivered_attempts AS DECIMAL) / CAST(NULLIF(mart.channel_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS delivery_rate,
  CAST(CAST(mart.channel_day.connected_attempts AS DECIMAL) / CAST(NULLIF(mart.channel_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_dial,
  CAST(CAST(mart.channel_day.connected_customers AS DECIMAL) / CAST(NULLIF(mart.channel_day.tried_customers, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_case,
  CAST(CAST(mart.channel_day.right_party_attempts AS DECIMAL) / CAST(NULLIF(mart.channel_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS right_party_rate,
  CAST(CAST(mart.channel_day.failed_attempts AS DECIMAL) / CAST(NULLIF(mart.channel_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS failure_rate
  {more}
FROM mart.channel_day
"""
_COMMENT = "Rates of a channel's finished day. Grain: day x basis x channel x source. Source: channel_day."
_COLUMNS = {
    "as_of": "Business day that the figures are about; joins dim_date.",
    "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
    "channel": "Channel; joins dim_channel.",
    "source": "arrears: sent by Arrears; ledger: reported by the lender's other systems.",
    "tasks": "Contacts that the strategy wanted.",
    "blocked_rate": "Compliance: blocked contacts / contacts that the strategy wanted.",
    "attempts": "Contact attempts.",
    "sent_rate": "Attempts that the provider took / attempts.",
    "delivery_rate": "Attempts that are known to have arrived / attempts.",
    "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
    "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
    "right_party_rate": "Right-party contacts (RPC) / attempts.",
    "failure_rate": "Failed attempts / attempts.",
}


def upgrade() -> None:
    """Adds the columns, empty for days that were computed before, and their rates."""
    for name, comment in _ADDED.items():
        op.add_column("channel_day", sa.Column(name, sa.BigInteger(), nullable=True, comment=comment), schema="mart")
    more = "".join(
        f", CAST(CAST(mart.channel_day.{part} AS DECIMAL) / CAST(NULLIF(mart.channel_day.{whole}, 0) AS DECIMAL)"
        f" AS DECIMAL(18, 6)) AS {name}"
        for name, (part, whole, _) in _RATES.items()
    )
    # new columns at the end, so that what others made of the view stays
    op.execute(_text(f"CREATE OR REPLACE VIEW mart.v_channel_rate AS {_VIEW.format(more=more)}"))
    _say({name: comment for name, (_, _, comment) in _RATES.items()})


def downgrade() -> None:
    """Takes them away."""
    op.execute(sa.schema.DropView(sa.Table("v_channel_rate", sa.MetaData(), schema="mart")))
    op.execute(_text(f"CREATE VIEW mart.v_channel_rate AS {_VIEW.format(more='')}"))
    quoted = _COMMENT.replace("'", "''")
    op.execute(_text(f"COMMENT ON VIEW mart.v_channel_rate IS '{quoted}'"))
    _say(_COLUMNS)
    ensure_bi_role(op.get_bind())
    for name in reversed(_ADDED):
        op.drop_column("channel_day", name, schema="mart")


def _say(columns: dict[str, str]) -> None:
    view = sa.Table("v_channel_rate", sa.MetaData(), schema="mart")
    for column, text in columns.items():
        view.append_column(sa.Column(column, sa.Text, comment=text))
        op.execute(sa.schema.SetColumnComment(view.columns[column]))


def _text(statement: str) -> sa.TextClause:
    # no colon of these statements is a parameter's
    return sa.text(statement.replace(":", "\\:"))
