"""Mart: the star schema, its views, and the role that reads it."""
# ruff: noqa: E501

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op

from arrears.warehouse.roles import drop_bi_role, ensure_bi_role, missing_bi_role

revision = "0004_mart"
down_revision: str | None = "0003_contacts"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

# name, its statements, comments of the columns
_VIEWS: tuple[tuple[str, tuple[str, str], dict[str, str]], ...] = (
    (
        "v_bucket_distribution",
        (
            """
CREATE VIEW mart.v_bucket_distribution AS
SELECT
  mart.portfolio_day.as_of,
  mart.portfolio_day.basis,
  mart.portfolio_day.currency,
  mart.portfolio_day.bucket,
  mart.portfolio_day.class,
  CAST(SUM(mart.portfolio_day.contracts) AS BIGINT) AS contracts,
  CAST(CAST(CAST(SUM(mart.portfolio_day.contracts) AS BIGINT) AS DECIMAL) / CAST(NULLIF(
    SUM(CAST(SUM(mart.portfolio_day.contracts) AS BIGINT)) OVER (
      PARTITION BY mart.portfolio_day.as_of, mart.portfolio_day.basis, mart.portfolio_day.currency
    ),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS contract_share,
  CAST(SUM(mart.portfolio_day.outstanding_principal) AS DECIMAL(18, 2)) AS outstanding_principal,
  CAST(CAST(CAST(SUM(mart.portfolio_day.outstanding_principal) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(
    SUM(CAST(SUM(mart.portfolio_day.outstanding_principal) AS DECIMAL(18, 2))) OVER (
      PARTITION BY mart.portfolio_day.as_of, mart.portfolio_day.basis, mart.portfolio_day.currency
    ),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS principal_share,
  CAST(SUM(mart.portfolio_day.outstanding_amount) AS DECIMAL(18, 2)) AS outstanding_amount,
  CAST(CAST(CAST(SUM(mart.portfolio_day.outstanding_amount) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(
    SUM(CAST(SUM(mart.portfolio_day.outstanding_amount) AS DECIMAL(18, 2))) OVER (
      PARTITION BY mart.portfolio_day.as_of, mart.portfolio_day.basis, mart.portfolio_day.currency
    ),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS amount_share,
  CAST(SUM(mart.portfolio_day.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount
FROM mart.portfolio_day
GROUP BY
  mart.portfolio_day.as_of,
  mart.portfolio_day.basis,
  mart.portfolio_day.currency,
  mart.portfolio_day.bucket,
  mart.portfolio_day.class
""",
            "COMMENT ON VIEW mart.v_bucket_distribution IS 'Bucket distribution 逾期分布 of the whole book. Grain\\: day x basis x currency x bucket. Source\\: portfolio_day.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "bucket": "Bucket; joins dim_bucket.",
            "class": "current, low, mid or high.",
            "contracts": "Contracts in the bucket.",
            "contract_share": "Their share of all contracts, 0 to 1.",
            "outstanding_principal": "Their outstanding principal; NULL when the ledger gives no principal.",
            "principal_share": "Its share of all outstanding principal, 0 to 1.",
            "outstanding_amount": "All that they still have to pay.",
            "amount_share": "Its share of all outstanding amounts, 0 to 1.",
            "overdue_amount": "What is unpaid of all that fell due.",
        },
    ),
    (
        "v_bucket_month_end",
        (
            """
CREATE VIEW mart.v_bucket_month_end AS
SELECT
  later.as_of,
  later.basis,
  later.currency,
  later.bucket,
  CAST(SUM(later.contracts) AS BIGINT) AS contracts,
  CAST(CAST(CAST(SUM(later.contracts) AS BIGINT) AS DECIMAL) / CAST(NULLIF(
    SUM(CAST(SUM(later.contracts) AS BIGINT)) OVER (PARTITION BY later.as_of, later.basis, later.currency),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS contract_share,
  CAST(SUM(later.balance) AS DECIMAL(18, 2)) AS balance,
  CAST(CAST(CAST(SUM(later.balance) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(
    SUM(CAST(SUM(later.balance) AS DECIMAL(18, 2))) OVER (PARTITION BY later.as_of, later.basis, later.currency),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS balance_share
FROM (
  SELECT
    mart.roll_transition.as_of AS as_of,
    mart.roll_transition.basis AS basis,
    mart.roll_transition.currency AS currency,
    mart.roll_transition.to_bucket AS bucket,
    mart.roll_transition.contracts AS contracts,
    mart.roll_transition.to_balance AS balance
  FROM mart.roll_transition
  WHERE
    mart.roll_transition.to_bucket IN (
      SELECT
        mart.dim_bucket.bucket
      FROM mart.dim_bucket
    )
) AS later
GROUP BY
  later.as_of,
  later.basis,
  later.currency,
  later.bucket
""",
            "COMMENT ON VIEW mart.v_bucket_month_end IS 'Bucket distribution 逾期分布 at month ends. Grain\\: month end x basis x currency x bucket. Source\\: roll_transition.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "bucket": "Bucket; joins dim_bucket.",
            "contracts": "Contracts in the bucket.",
            "contract_share": "Their share of all contracts, 0 to 1.",
            "balance": "Their outstanding principal (all outstanding when the ledger gives no principal).",
            "balance_share": "Its share of the whole balance, 0 to 1.",
        },
    ),
    (
        "v_roll_rate",
        (
            """
CREATE VIEW mart.v_roll_rate AS
SELECT
  mart.roll_transition.as_of,
  mart.roll_transition.basis,
  mart.roll_transition.currency,
  mart.roll_transition.from_month_end,
  mart.roll_transition.from_bucket,
  mart.roll_transition.to_bucket,
  CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS contracts,
  CAST(SUM(CAST(SUM(mart.roll_transition.contracts) AS BIGINT)) OVER (
    PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.currency, mart.roll_transition.from_bucket
  ) AS BIGINT) AS start_contracts,
  CAST(CAST(CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS DECIMAL) / CAST(NULLIF(
    CAST(SUM(CAST(SUM(mart.roll_transition.contracts) AS BIGINT)) OVER (
      PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.currency, mart.roll_transition.from_bucket
    ) AS BIGINT),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS contract_rate,
  CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)) AS from_balance,
  CAST(SUM(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2))) OVER (
    PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.currency, mart.roll_transition.from_bucket
  ) AS DECIMAL(18, 2)) AS start_balance,
  CAST(CAST(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(
    CAST(SUM(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2))) OVER (
      PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.currency, mart.roll_transition.from_bucket
    ) AS DECIMAL(18, 2)),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS balance_rate
FROM mart.roll_transition
WHERE
  mart.roll_transition.from_bucket <> 'new'
GROUP BY
  mart.roll_transition.as_of,
  mart.roll_transition.basis,
  mart.roll_transition.currency,
  mart.roll_transition.from_month_end,
  mart.roll_transition.from_bucket,
  mart.roll_transition.to_bucket
""",
            "COMMENT ON VIEW mart.v_roll_rate IS 'Roll rate 迁徙率 of cohorts\\: of what was in a bucket at a month end, the share that is in each bucket at the next; those that left the book stay in the denominator. Grain\\: month end x basis x currency x from bucket x to bucket. Source\\: roll_transition.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "from_month_end": "The earlier month end.",
            "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
            "to_bucket": "Bucket at the later month end, or closed, written_off, left.",
            "contracts": "Contracts that went this way.",
            "start_contracts": "Contracts in from_bucket at the earlier month end.",
            "contract_rate": "contracts / start_contracts, 0 to 1.",
            "from_balance": "Balance, at the earlier month end, of the contracts that went this way.",
            "start_balance": "Balance in from_bucket at the earlier month end.",
            "balance_rate": "from_balance / start_balance, 0 to 1.",
        },
    ),
    (
        "v_product_roll_rate",
        (
            """
CREATE VIEW mart.v_product_roll_rate AS
SELECT
  mart.roll_transition.as_of,
  mart.roll_transition.basis,
  mart.roll_transition.product,
  mart.roll_transition.currency,
  mart.roll_transition.from_month_end,
  mart.roll_transition.from_bucket,
  mart.roll_transition.to_bucket,
  CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS contracts,
  CAST(SUM(CAST(SUM(mart.roll_transition.contracts) AS BIGINT)) OVER (
    PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.product, mart.roll_transition.currency, mart.roll_transition.from_bucket
  ) AS BIGINT) AS start_contracts,
  CAST(CAST(CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS DECIMAL) / CAST(NULLIF(
    CAST(SUM(CAST(SUM(mart.roll_transition.contracts) AS BIGINT)) OVER (
      PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.product, mart.roll_transition.currency, mart.roll_transition.from_bucket
    ) AS BIGINT),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS contract_rate,
  CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)) AS from_balance,
  CAST(SUM(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2))) OVER (
    PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.product, mart.roll_transition.currency, mart.roll_transition.from_bucket
  ) AS DECIMAL(18, 2)) AS start_balance,
  CAST(CAST(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(
    CAST(SUM(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2))) OVER (
      PARTITION BY mart.roll_transition.as_of, mart.roll_transition.basis, mart.roll_transition.product, mart.roll_transition.currency, mart.roll_transition.from_bucket
    ) AS DECIMAL(18, 2)),
    0
  ) AS DECIMAL) AS DECIMAL(18, 6)) AS balance_rate
FROM mart.roll_transition
WHERE
  mart.roll_transition.from_bucket <> 'new'
GROUP BY
  mart.roll_transition.as_of,
  mart.roll_transition.basis,
  mart.roll_transition.product,
  mart.roll_transition.currency,
  mart.roll_transition.from_month_end,
  mart.roll_transition.from_bucket,
  mart.roll_transition.to_bucket
""",
            "COMMENT ON VIEW mart.v_product_roll_rate IS 'Roll rate 迁徙率 of cohorts per product. Grain\\: month end x basis x product x currency x from bucket x to bucket. Source\\: roll_transition.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "product": "Product; joins dim_product.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "from_month_end": "The earlier month end.",
            "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
            "to_bucket": "Bucket at the later month end, or closed, written_off, left.",
            "contracts": "Contracts that went this way.",
            "start_contracts": "Contracts in from_bucket at the earlier month end.",
            "contract_rate": "contracts / start_contracts, 0 to 1.",
            "from_balance": "Balance, at the earlier month end, of the contracts that went this way.",
            "start_balance": "Balance in from_bucket at the earlier month end.",
            "balance_rate": "from_balance / start_balance, 0 to 1.",
        },
    ),
    (
        "v_net_flow_rate",
        (
            """
CREATE VIEW mart.v_net_flow_rate AS
SELECT
  starts.as_of,
  starts.basis,
  starts.currency,
  starts.from_month_end,
  starts.from_bucket,
  following.bucket AS to_bucket,
  starts.contracts AS start_contracts,
  CAST(COALESCE(ends.contracts, 0) AS BIGINT) AS end_contracts,
  CAST(CAST(COALESCE(ends.contracts, 0) AS DECIMAL) / CAST(NULLIF(starts.contracts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS contract_rate,
  starts.balance AS start_balance,
  CAST(COALESCE(ends.balance, 0) AS DECIMAL(18, 2)) AS end_balance,
  CAST(CAST(COALESCE(ends.balance, 0) AS DECIMAL) / CAST(NULLIF(starts.balance, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS balance_rate
FROM (
  SELECT
    mart.roll_transition.as_of AS as_of,
    mart.roll_transition.basis AS basis,
    mart.roll_transition.currency AS currency,
    mart.roll_transition.from_month_end AS from_month_end,
    mart.dim_bucket.bucket_no AS bucket_no,
    mart.roll_transition.from_bucket AS from_bucket,
    CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS contracts,
    CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)) AS balance
  FROM mart.roll_transition
  JOIN mart.dim_bucket
    ON mart.roll_transition.from_bucket = mart.dim_bucket.bucket
  GROUP BY
    mart.roll_transition.as_of,
    mart.roll_transition.basis,
    mart.roll_transition.currency,
    mart.roll_transition.from_month_end,
    mart.dim_bucket.bucket_no,
    mart.roll_transition.from_bucket
) AS starts
JOIN mart.dim_bucket AS following
  ON following.bucket_no = starts.bucket_no + 1
LEFT OUTER JOIN (
  SELECT
    mart.roll_transition.as_of AS as_of,
    mart.roll_transition.basis AS basis,
    mart.roll_transition.currency AS currency,
    mart.dim_bucket.bucket_no AS bucket_no,
    CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS contracts,
    CAST(SUM(mart.roll_transition.to_balance) AS DECIMAL(18, 2)) AS balance
  FROM mart.roll_transition
  JOIN mart.dim_bucket
    ON mart.roll_transition.to_bucket = mart.dim_bucket.bucket
  GROUP BY
    mart.roll_transition.as_of,
    mart.roll_transition.basis,
    mart.roll_transition.currency,
    mart.dim_bucket.bucket_no
) AS ends
  ON ends.as_of = starts.as_of
  AND ends.basis = starts.basis
  AND ends.currency = starts.currency
  AND ends.bucket_no = following.bucket_no
""",
            "COMMENT ON VIEW mart.v_net_flow_rate IS 'Net-flow rate 滚动率\\: what is in the next bucket a month later, from wherever it came, divided by what was in the bucket. Another quantity than the roll rate of v_roll_rate, which follows a cohort; it may exceed 1. Grain\\: month end x basis x currency x bucket. Source\\: roll_transition.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "from_month_end": "The earlier month end.",
            "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
            "to_bucket": "The next bucket, at the later month end.",
            "start_contracts": "Contracts in from_bucket at the earlier month end.",
            "end_contracts": "Contracts in to_bucket at the later month end.",
            "contract_rate": "end_contracts / start_contracts.",
            "start_balance": "Balance in from_bucket at the earlier month end.",
            "end_balance": "Balance in to_bucket at the later month end.",
            "balance_rate": "end_balance / start_balance.",
        },
    ),
    (
        "v_cure_rate",
        (
            """
CREATE VIEW mart.v_cure_rate AS
SELECT
  mart.roll_transition.as_of,
  mart.roll_transition.basis,
  mart.roll_transition.currency,
  mart.roll_transition.from_month_end,
  mart.roll_transition.from_bucket,
  CAST(SUM(mart.roll_transition.contracts) AS BIGINT) AS start_contracts,
  CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)) AS start_balance,
  CAST(COALESCE(SUM(mart.roll_transition.contracts) FILTER(WHERE
    end_bucket.bucket_no = 0), 0) AS BIGINT) AS cured_contracts,
  CAST(CAST(CAST(COALESCE(SUM(mart.roll_transition.contracts) FILTER(WHERE
    end_bucket.bucket_no = 0), 0) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.contracts) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS cured_contract_rate,
  CAST(COALESCE(SUM(mart.roll_transition.from_balance) FILTER(WHERE
    end_bucket.bucket_no = 0), 0) AS DECIMAL(18, 2)) AS cured_balance,
  CAST(CAST(CAST(COALESCE(SUM(mart.roll_transition.from_balance) FILTER(WHERE
    end_bucket.bucket_no = 0), 0) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS cured_balance_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      end_bucket.bucket_no < start_bucket.bucket_no),
    0
  ) AS BIGINT) AS rolled_back_contracts,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      end_bucket.bucket_no < start_bucket.bucket_no),
    0
  ) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.contracts) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS rolled_back_contract_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      end_bucket.bucket_no < start_bucket.bucket_no),
    0
  ) AS DECIMAL(18, 2)) AS rolled_back_balance,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      end_bucket.bucket_no < start_bucket.bucket_no),
    0
  ) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS rolled_back_balance_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      end_bucket.bucket_no = start_bucket.bucket_no),
    0
  ) AS BIGINT) AS stayed_contracts,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      end_bucket.bucket_no = start_bucket.bucket_no),
    0
  ) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.contracts) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS stayed_contract_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      end_bucket.bucket_no = start_bucket.bucket_no),
    0
  ) AS DECIMAL(18, 2)) AS stayed_balance,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      end_bucket.bucket_no = start_bucket.bucket_no),
    0
  ) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS stayed_balance_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      end_bucket.bucket_no > start_bucket.bucket_no),
    0
  ) AS BIGINT) AS rolled_forward_contracts,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      end_bucket.bucket_no > start_bucket.bucket_no),
    0
  ) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.contracts) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS rolled_forward_contract_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      end_bucket.bucket_no > start_bucket.bucket_no),
    0
  ) AS DECIMAL(18, 2)) AS rolled_forward_balance,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      end_bucket.bucket_no > start_bucket.bucket_no),
    0
  ) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS rolled_forward_balance_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      mart.roll_transition.to_bucket = 'closed'),
    0
  ) AS BIGINT) AS closed_contracts,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.contracts) FILTER(WHERE
      mart.roll_transition.to_bucket = 'closed'),
    0
  ) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.contracts) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS closed_contract_rate,
  CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      mart.roll_transition.to_bucket = 'closed'),
    0
  ) AS DECIMAL(18, 2)) AS closed_balance,
  CAST(CAST(CAST(COALESCE(
    SUM(mart.roll_transition.from_balance) FILTER(WHERE
      mart.roll_transition.to_bucket = 'closed'),
    0
  ) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.roll_transition.from_balance) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS closed_balance_rate
FROM mart.roll_transition
JOIN mart.dim_bucket AS start_bucket
  ON mart.roll_transition.from_bucket = start_bucket.bucket
LEFT OUTER JOIN mart.dim_bucket AS end_bucket
  ON mart.roll_transition.to_bucket = end_bucket.bucket
WHERE
  start_bucket.bucket_no > 0
GROUP BY
  mart.roll_transition.as_of,
  mart.roll_transition.basis,
  mart.roll_transition.currency,
  mart.roll_transition.from_month_end,
  mart.roll_transition.from_bucket
""",
            "COMMENT ON VIEW mart.v_cure_rate IS 'Cure, roll-back 回退率, stay and roll-forward of overdue cohorts over a month. Grain\\: month end x basis x currency x bucket. Source\\: roll_transition.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "from_month_end": "The earlier month end.",
            "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
            "start_contracts": "Contracts in from_bucket at the earlier month end.",
            "start_balance": "Balance in from_bucket at the earlier month end.",
            "cured_contracts": "Of these contracts, those that are back in M0 (cure) at the later month end.",
            "cured_contract_rate": "Their share of start_contracts, 0 to 1.",
            "cured_balance": "Their balance at the earlier month end.",
            "cured_balance_rate": "Its share of start_balance, 0 to 1.",
            "rolled_back_contracts": "Of these contracts, those that are in any lower bucket, M0 included (roll-back 回退) at the later month end.",
            "rolled_back_contract_rate": "Their share of start_contracts, 0 to 1.",
            "rolled_back_balance": "Their balance at the earlier month end.",
            "rolled_back_balance_rate": "Its share of start_balance, 0 to 1.",
            "stayed_contracts": "Of these contracts, those that are in the same bucket at the later month end.",
            "stayed_contract_rate": "Their share of start_contracts, 0 to 1.",
            "stayed_balance": "Their balance at the earlier month end.",
            "stayed_balance_rate": "Its share of start_balance, 0 to 1.",
            "rolled_forward_contracts": "Of these contracts, those that are in any higher bucket at the later month end.",
            "rolled_forward_contract_rate": "Their share of start_contracts, 0 to 1.",
            "rolled_forward_balance": "Their balance at the earlier month end.",
            "rolled_forward_balance_rate": "Its share of start_balance, 0 to 1.",
            "closed_contracts": "Of these contracts, those that are closed meanwhile at the later month end.",
            "closed_contract_rate": "Their share of start_contracts, 0 to 1.",
            "closed_balance": "Their balance at the earlier month end.",
            "closed_balance_rate": "Its share of start_balance, 0 to 1.",
        },
    ),
    (
        "v_product_overdue",
        (
            """
CREATE VIEW mart.v_product_overdue AS
SELECT
  mart.portfolio_day.as_of,
  mart.portfolio_day.basis,
  mart.portfolio_day.product,
  mart.portfolio_day.currency,
  CAST(SUM(mart.portfolio_day.contracts) AS BIGINT) AS contracts,
  CAST(SUM(mart.portfolio_day.overdue_contracts) AS BIGINT) AS overdue_contracts,
  CAST(CAST(CAST(SUM(mart.portfolio_day.overdue_contracts) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.portfolio_day.contracts) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS overdue_contract_share,
  CAST(SUM(mart.portfolio_day.outstanding_amount) AS DECIMAL(18, 2)) AS outstanding_amount,
  CAST(SUM(mart.portfolio_day.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
  CAST(CAST(CAST(SUM(mart.portfolio_day.overdue_amount) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.portfolio_day.outstanding_amount) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS overdue_amount_share
FROM mart.portfolio_day
GROUP BY
  mart.portfolio_day.as_of,
  mart.portfolio_day.basis,
  mart.portfolio_day.product,
  mart.portfolio_day.currency
""",
            "COMMENT ON VIEW mart.v_product_overdue IS 'How much of each product is overdue. Grain\\: day x basis x product x currency. Source\\: portfolio_day.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "product": "Product; joins dim_product.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "contracts": "Contracts in the book.",
            "overdue_contracts": "Of them with days past due above 0.",
            "overdue_contract_share": "overdue_contracts / contracts.",
            "outstanding_amount": "All that is still to be paid.",
            "overdue_amount": "What is unpaid of all that fell due.",
            "overdue_amount_share": "overdue_amount / outstanding_amount.",
        },
    ),
    (
        "v_region_overdue",
        (
            """
CREATE VIEW mart.v_region_overdue AS
SELECT
  mart.loan_daily.as_of,
  mart.loan_daily.basis,
  mart.loan_daily.region,
  mart.loan_daily.currency,
  mart.loan_daily.bucket,
  COUNT(*) AS contracts,
  COUNT(*) FILTER(WHERE
    mart.loan_daily.repeated) AS repeated_contracts,
  CAST(SUM(mart.loan_daily.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
  CAST(SUM(mart.loan_daily.outstanding_amount) AS DECIMAL(18, 2)) AS outstanding_amount
FROM mart.loan_daily
GROUP BY
  mart.loan_daily.as_of,
  mart.loan_daily.basis,
  mart.loan_daily.region,
  mart.loan_daily.currency,
  mart.loan_daily.bucket
""",
            "COMMENT ON VIEW mart.v_region_overdue IS 'Overdue contracts by region and bucket. Grain\\: day x basis x region x currency x bucket. Source\\: loan_daily.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
            "bucket": "Bucket; joins dim_bucket.",
            "region": "Region of the contract.",
            "contracts": "Overdue contracts.",
            "repeated_contracts": "Of them in a repeated spell of arrears.",
            "overdue_amount": "What is unpaid of all that fell due.",
            "outstanding_amount": "All that is still to be paid.",
        },
    ),
    (
        "v_collector_allocation",
        (
            """
CREATE VIEW mart.v_collector_allocation AS
SELECT
  mart.case_assignment.as_of,
  mart.case_assignment.basis,
  mart.case_assignment.collector_id,
  mart.case_assignment.team,
  COUNT(*) AS cases,
  COUNT(*) FILTER(WHERE
    mart.case_assignment.source = 'auto') AS new_cases,
  COUNT(*) FILTER(WHERE
    mart.case_assignment.source = 'kept') AS kept_cases,
  CAST(SUM(mart.case_assignment.contracts) AS BIGINT) AS contracts,
  CAST(SUM(mart.case_assignment.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
  CAST(SUM(mart.case_assignment.outstanding_amount) AS DECIMAL(18, 2)) AS outstanding_amount
FROM mart.case_assignment
WHERE
  mart.case_assignment.collector_id IS NOT NULL
GROUP BY
  mart.case_assignment.as_of,
  mart.case_assignment.basis,
  mart.case_assignment.collector_id,
  mart.case_assignment.team
""",
            "COMMENT ON VIEW mart.v_collector_allocation IS 'Cases in hand per collector at the opening. Grain\\: day x basis x collector. Source\\: case_assignment.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "collector_id": "Collector; joins dim_collector.",
            "team": "Team; joins dim_team.",
            "cases": "Cases in hand.",
            "new_cases": "Of them given today.",
            "kept_cases": "Of them kept from before.",
            "contracts": "Overdue contracts of the cases.",
            "overdue_amount": "What they owe overdue.",
            "outstanding_amount": "All that their overdue contracts still have to pay.",
        },
    ),
    (
        "v_team_load",
        (
            """
CREATE VIEW mart.v_team_load AS
SELECT
  mart.case_assignment.as_of,
  mart.case_assignment.basis,
  mart.case_assignment.team,
  COUNT(*) AS cases,
  COUNT(DISTINCT mart.case_assignment.collector_id) AS collectors,
  CAST(CAST(COUNT(*) AS DECIMAL) / CAST(NULLIF(COUNT(DISTINCT mart.case_assignment.collector_id), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS cases_per_head,
  CAST(SUM(mart.case_assignment.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
  CAST(SUM(mart.case_assignment.overdue_amount) / CAST(NULLIF(COUNT(DISTINCT mart.case_assignment.collector_id), 0) AS DECIMAL) AS DECIMAL(18, 2)) AS overdue_per_head
FROM mart.case_assignment
WHERE
  mart.case_assignment.collector_id IS NOT NULL
GROUP BY
  mart.case_assignment.as_of,
  mart.case_assignment.basis,
  mart.case_assignment.team
""",
            "COMMENT ON VIEW mart.v_team_load IS 'Cases per head 人均在手 at the opening; heads are the collectors with a case. Grain\\: day x basis x team. Source\\: case_assignment.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "team": "Team; joins dim_team.",
            "cases": "Cases in hand.",
            "collectors": "Collectors with any of them.",
            "cases_per_head": "cases / collectors.",
            "overdue_amount": "What the cases owe overdue.",
            "overdue_per_head": "overdue_amount / collectors.",
        },
    ),
    (
        "v_collector_rate",
        (
            """
CREATE VIEW mart.v_collector_rate AS
SELECT
  mart.collector_day.as_of,
  mart.collector_day.basis,
  mart.collector_day.collector_id,
  mart.collector_day.team,
  mart.collector_day.cases,
  mart.collector_day.touched_cases,
  CAST(CAST(mart.collector_day.touched_cases AS DECIMAL) / CAST(NULLIF(mart.collector_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS coverage_rate,
  CAST(CAST(mart.collector_day.case_contacts AS DECIMAL) / CAST(NULLIF(mart.collector_day.touched_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS contact_intensity,
  mart.collector_day.attempts,
  CAST(CAST(mart.collector_day.connected_attempts AS DECIMAL) / CAST(NULLIF(mart.collector_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_dial,
  CAST(CAST(mart.collector_day.connected_customers AS DECIMAL) / CAST(NULLIF(mart.collector_day.tried_customers, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_case,
  CAST(CAST(mart.collector_day.right_party_attempts AS DECIMAL) / CAST(NULLIF(mart.collector_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS right_party_rate,
  CAST(CAST(mart.collector_day.promises AS DECIMAL) / CAST(NULLIF(mart.collector_day.right_party_attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS promise_rate,
  CAST(CAST(mart.collector_day.promises_kept AS DECIMAL) / CAST(NULLIF(mart.collector_day.promises_due, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_rate,
  CAST(CAST(mart.collector_day.kept_promise_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.due_promise_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_amount_rate,
  CAST(CAST(mart.collector_day.paid_cases AS DECIMAL) / CAST(NULLIF(mart.collector_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS paid_case_rate,
  mart.collector_day.recovered_amount,
  mart.collector_day.overdue_amount,
  CAST(CAST(mart.collector_day.recovered_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.overdue_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS recovery_rate,
  CAST(CAST(mart.collector_day.blocked_contacts AS DECIMAL) / CAST(NULLIF(mart.collector_day.planned_contacts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS blocked_rate
FROM mart.collector_day
""",
            "COMMENT ON VIEW mart.v_collector_rate IS 'Rates of a collector''s finished day; result and process figures belong together (a collector is not judged by recovered amount alone). Grain\\: day x basis x collector. Source\\: collector_day.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "collector_id": "Collector; joins dim_collector.",
            "team": "Team; joins dim_team.",
            "cases": "Cases owned at the opening.",
            "touched_cases": "Of them with a contact attempt.",
            "coverage_rate": "Coverage 覆盖率: touched_cases / cases.",
            "contact_intensity": "Contact intensity 渗透率: contacts / touched cases.",
            "attempts": "Attempts that the collector made.",
            "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
            "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
            "right_party_rate": "Right-party contacts / attempts.",
            "promise_rate": "Promises / right-party contacts.",
            "kept_rate": "Kept rate 承诺兑现率 by count: promises kept / promises due.",
            "kept_amount_rate": "The same by amount.",
            "paid_case_rate": "Own cases that paid / own cases.",
            "recovered_amount": "What own cases paid, at most what they owed overdue.",
            "overdue_amount": "What own cases owed overdue at the opening.",
            "recovery_rate": "Recovery rate 回收率: recovered_amount / overdue_amount.",
            "blocked_rate": "Contacts blocked by policy / contacts that the strategy wanted.",
        },
    ),
    (
        "v_contact_plan",
        (
            """
CREATE VIEW mart.v_contact_plan AS
SELECT
  mart.contact_plan_day.as_of,
  mart.contact_plan_day.basis,
  mart.contact_plan_day.channel,
  CAST(SUM(mart.contact_plan_day.tasks) AS BIGINT) AS tasks,
  CAST(SUM(mart.contact_plan_day.planned_tasks) AS BIGINT) AS planned_tasks,
  CAST(SUM(mart.contact_plan_day.approval_tasks) AS BIGINT) AS approval_tasks,
  CAST(SUM(mart.contact_plan_day.blocked_tasks) AS BIGINT) AS blocked_tasks,
  CAST(SUM(mart.contact_plan_day.cut_tasks) AS BIGINT) AS cut_tasks,
  CAST(CAST(CAST(SUM(mart.contact_plan_day.blocked_tasks) AS BIGINT) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.contact_plan_day.tasks) AS BIGINT), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS blocked_rate
FROM mart.contact_plan_day
GROUP BY
  mart.contact_plan_day.as_of,
  mart.contact_plan_day.basis,
  mart.contact_plan_day.channel
""",
            "COMMENT ON VIEW mart.v_contact_plan IS 'Contacts planned at the opening, per channel. Grain\\: day x basis x channel. Source\\: contact_plan_day.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "channel": "Channel; joins dim_channel.",
            "tasks": "Contacts that the strategy wants.",
            "planned_tasks": "Of them planned.",
            "approval_tasks": "Planned ones that a person must approve first.",
            "blocked_tasks": "Of them blocked by policy, consent or hold.",
            "cut_tasks": "Of them cut by the daily cap.",
            "blocked_rate": "blocked_tasks / tasks.",
        },
    ),
    (
        "v_channel_rate",
        (
            """
CREATE VIEW mart.v_channel_rate AS
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
FROM mart.channel_day
""",
            "COMMENT ON VIEW mart.v_channel_rate IS 'Rates of a channel''s finished day. Grain\\: day x basis x channel x source. Source\\: channel_day.'",
        ),
        {
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
        },
    ),
    (
        "v_pool",
        (
            """
CREATE VIEW mart.v_pool AS
SELECT
  mart.pool_offer_day.as_of,
  mart.pool_offer_day.basis,
  mart.pool_offer_day.queue,
  mart.pool_offer_day.cases,
  mart.pool_offer_day.offered_cases,
  CAST(CAST(mart.pool_offer_day.offered_cases AS DECIMAL) / CAST(NULLIF(mart.pool_offer_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS offered_share,
  mart.pool_offer_day.offered_amount,
  mart.pool_day.grabbed_cases,
  CAST(CAST(mart.pool_day.grabbed_cases AS DECIMAL) / CAST(NULLIF(mart.pool_day.offered_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS grabbed_rate,
  mart.pool_day.expired_cases,
  CAST(CAST(mart.pool_day.grab_minutes AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS minutes_to_grab,
  CAST(CAST(mart.pool_day.grabbed_recovered_amount AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS grabbed_recovery_rate,
  CAST(CAST(mart.pool_day.allocated_recovered_amount AS DECIMAL) / CAST(NULLIF(mart.pool_day.allocated_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS allocated_recovery_rate
FROM mart.pool_offer_day
LEFT OUTER JOIN mart.pool_day
  ON mart.pool_offer_day.as_of = mart.pool_day.as_of
  AND mart.pool_offer_day.basis = mart.pool_day.basis
  AND mart.pool_offer_day.queue = mart.pool_day.queue
""",
            "COMMENT ON VIEW mart.v_pool IS 'The grab pool 抢单\\: offered at the opening, and what came of it once the day is over (NULL until then). Grain\\: day x basis x queue. Source\\: pool_offer_day, pool_day.'",
        ),
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "queue": "Queue of work.",
            "cases": "Cases of the queue.",
            "offered_cases": "Of them in the pool at the opening.",
            "offered_share": "offered_cases / cases.",
            "offered_amount": "Overdue amount of the offered cases.",
            "grabbed_cases": "Cases that collectors grabbed that day.",
            "grabbed_rate": "grabbed_cases / offered_cases.",
            "expired_cases": "Offered cases that nobody grabbed that day.",
            "minutes_to_grab": "Mean minutes that a grabbed case lay in the pool.",
            "grabbed_recovery_rate": "Recovered / overdue of the grabbed cases.",
            "allocated_recovery_rate": "Recovered / overdue of the allocated cases, to compare.",
        },
    ),
)


def upgrade() -> None:
    op.create_table(
        "dim_date",
        sa.Column("date", sa.Date(), nullable=False, comment="Day in the lender's time zone."),
        sa.Column("year", sa.Integer(), nullable=False, comment="Year."),
        sa.Column("quarter", sa.Integer(), nullable=False, comment="Quarter of the year, 1 to 4."),
        sa.Column("month", sa.Integer(), nullable=False, comment="Month of the year, 1 to 12."),
        sa.Column("month_start", sa.Date(), nullable=False, comment="First day of the month, to group months by."),
        sa.Column("month_end", sa.Date(), nullable=False, comment="Last day of the month."),
        sa.Column("iso_year", sa.Integer(), nullable=False, comment="Year of the ISO 8601 week."),
        sa.Column("iso_week", sa.Integer(), nullable=False, comment="ISO 8601 week, 1 to 53."),
        sa.Column("iso_weekday", sa.Integer(), nullable=False, comment="Day of the week, 1 Monday to 7 Sunday."),
        sa.Column("is_month_end", sa.Boolean(), nullable=False, comment="Whether it is the last day of its month."),
        sa.PrimaryKeyConstraint("date", name=op.f("pk_dim_date")),
        schema="mart",
        comment="Calendar days of the years that facts are about. Grain: day. Source: the calendar.",
    )
    op.create_table(
        "dim_contract",
        sa.Column("contract_id", sa.Text(), nullable=False, comment="Key of the contract in the lender's ledger."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer; joins dim_customer."),
        sa.Column("product", sa.Text(), nullable=False, comment="Product; joins dim_product."),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="ISO 4217 code of the amounts; XXX when the ledger names none.",
        ),
        sa.Column("region", sa.Text(), nullable=True, comment="Region of the contract."),
        sa.Column("dealer_id", sa.Text(), nullable=True, comment="Dealer; joins dim_dealer."),
        sa.Column("vehicle_key", sa.Text(), nullable=False, comment="Kind of vehicle; joins dim_vehicle."),
        sa.Column("originated_on", sa.Date(), nullable=False, comment="Day of disbursement."),
        sa.Column("origination_month", sa.Date(), nullable=False, comment="First day of the month of disbursement."),
        sa.Column("term_months", sa.Integer(), nullable=False, comment="Agreed term in months."),
        sa.Column(
            "principal",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Amount disbursed, in the contract's currency.",
        ),
        sa.Column("annual_rate", sa.Double(), nullable=True, comment="Nominal yearly rate, 0.12 for 12 %."),
        sa.Column(
            "vehicle_value",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="Value of the vehicle at origination.",
        ),
        sa.Column("closed_on", sa.Date(), nullable=True, comment="Day the contract left the book."),
        sa.Column("written_off_on", sa.Date(), nullable=True, comment="Day the contract was written off."),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_dim_contract")),
        schema="mart",
        comment="Contracts that any fact names (those that were ever overdue). Grain: contract, as last known. Source: ledger contracts.",
    )
    op.create_table(
        "dim_customer",
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Key of the customer in the lender's ledger."),
        sa.Column("region", sa.Text(), nullable=True, comment="Region of residence."),
        sa.Column("customer_since", sa.Date(), nullable=False, comment="Day of the customer's first disbursement."),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_dim_customer")),
        schema="mart",
        comment="Customers that any fact names; no personal and no protected attributes. Grain: customer, as last known. Source: ledger customers, contracts.",
    )
    op.create_table(
        "dim_product",
        sa.Column("product", sa.Text(), nullable=False, comment="Code of the product in the ledger."),
        sa.Column("label_en", sa.Text(), nullable=False, comment="Name in English."),
        sa.Column("label_zh", sa.Text(), nullable=False, comment="Name in Chinese."),
        sa.PrimaryKeyConstraint("product", name=op.f("pk_dim_product")),
        schema="mart",
        comment="Products of the book. Grain: product. Source: ledger contracts, labels of kpi.yaml.",
    )
    op.create_table(
        "dim_vehicle",
        sa.Column(
            "vehicle_key", sa.Text(), nullable=False, comment="Type, model, model year and new or used, joined by |."
        ),
        sa.Column(
            "vehicle_type", sa.Text(), nullable=True, comment="heavy_truck, light_truck, bus, truck, suv, car, …"
        ),
        sa.Column("vehicle_model", sa.Text(), nullable=True, comment="Make and model."),
        sa.Column("vehicle_model_year", sa.Integer(), nullable=True, comment="Model year."),
        sa.Column("vehicle_new", sa.Boolean(), nullable=True, comment="True when it was new at origination."),
        sa.PrimaryKeyConstraint("vehicle_key", name=op.f("pk_dim_vehicle")),
        schema="mart",
        comment="Kinds of vehicle of the contracts in dim_contract. Grain: kind of vehicle. Source: ledger contracts.",
    )
    op.create_table(
        "dim_dealer",
        sa.Column("dealer_id", sa.Text(), nullable=False, comment="Key of the dealer in the ledger."),
        sa.Column("main_region", sa.Text(), nullable=True, comment="Region of most of the dealer's contracts."),
        sa.PrimaryKeyConstraint("dealer_id", name=op.f("pk_dim_dealer")),
        schema="mart",
        comment="Dealers of the contracts in dim_contract. Grain: dealer, as last known. Source: ledger contracts.",
    )
    op.create_table(
        "dim_collector",
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Key of the collector."),
        sa.Column("label", sa.Text(), nullable=False, comment="Id and team, to show in charts."),
        sa.Column("team", sa.Text(), nullable=True, comment="Team; joins dim_team."),
        sa.Column(
            "queues", sa.Text(), nullable=True, comment="Queues that the collector works, comma separated; NULL: all."
        ),
        sa.Column(
            "regions", sa.Text(), nullable=True, comment="Regions that the collector works, comma separated; NULL: all."
        ),
        sa.Column("daily_quota", sa.Integer(), nullable=True, comment="New cases a day; NULL: no quota."),
        sa.Column("capacity", sa.Integer(), nullable=True, comment="Cases in hand at most; NULL: no limit."),
        sa.Column("active_from", sa.Date(), nullable=True, comment="First working day."),
        sa.Column("active_to", sa.Date(), nullable=True, comment="First day after leaving; NULL while employed."),
        sa.PrimaryKeyConstraint("collector_id", name=op.f("pk_dim_collector")),
        schema="mart",
        comment="Collectors, without names. Grain: collector, as last known. Source: ledger collectors.",
    )
    op.create_table(
        "dim_team",
        sa.Column("team", sa.Text(), nullable=False, comment="Team."),
        sa.Column(
            "collectors", sa.BigInteger(), nullable=False, comment="Collectors of the team, whether present or not."
        ),
        sa.PrimaryKeyConstraint("team", name=op.f("pk_dim_team")),
        schema="mart",
        comment="Teams of collectors. Grain: team, as last known. Source: ledger collectors.",
    )
    op.create_table(
        "dim_bucket",
        sa.Column("bucket", sa.Text(), nullable=False, comment="Bucket, M0 for current."),
        sa.Column("bucket_no", sa.Integer(), nullable=False, comment="Order of the buckets, 0 for current."),
        sa.Column("class", sa.Text(), nullable=False, comment="current, low, mid or high."),
        sa.Column("class_label_en", sa.Text(), nullable=False, comment="Name of the class in English."),
        sa.Column("class_label_zh", sa.Text(), nullable=False, comment="Name of the class in Chinese."),
        sa.Column("from_day", sa.Integer(), nullable=False, comment="First delinquent day of the bucket."),
        sa.Column("to_day", sa.Integer(), nullable=True, comment="Last delinquent day of the bucket; NULL: open."),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_dim_bucket")),
        schema="mart",
        comment="Buckets of delinquent days, as last set. Grain: bucket. Source: ageing.yaml, labels of kpi.yaml.",
    )
    op.create_table(
        "dim_channel",
        sa.Column("channel", sa.Text(), nullable=False, comment="Code of the channel."),
        sa.Column("label_en", sa.Text(), nullable=False, comment="Name in English."),
        sa.Column("label_zh", sa.Text(), nullable=False, comment="Name in Chinese."),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_dim_channel")),
        schema="mart",
        comment="Channels of contact. Grain: channel. Source: contact plan, contact results, labels of kpi.yaml.",
    )
    op.create_table(
        "dim_strategy",
        sa.Column(
            "rule_set_hash",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of all rule files; the lake keeps them under _rules/<hash>.",
        ),
        sa.Column("rule_set", sa.Text(), nullable=False, comment="Name of the rule set."),
        sa.Column(
            "rule_set_version", sa.Integer(), nullable=False, comment="Version that the strategy managers gave it."
        ),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day that it may decide."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it was changed."),
        sa.PrimaryKeyConstraint("rule_set_hash", name=op.f("pk_dim_strategy")),
        schema="mart",
        comment="Contents of the rule set that decided any day. Grain: content hash. Source: include/rules.",
    )
    op.create_table(
        "run_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("rule_set_hash", sa.Text(), nullable=False, comment="Rules of the day; joins dim_strategy."),
        sa.Column("contracts", sa.BigInteger(), nullable=False, comment="Contracts in the book."),
        sa.Column(
            "overdue_contracts",
            sa.BigInteger(),
            nullable=False,
            comment="Contracts with an unmet instalment, days past due above 0.",
        ),
        sa.Column(
            "held_contracts",
            sa.BigInteger(),
            nullable=False,
            comment="Contracts that a hold keeps from treatment, bad data included.",
        ),
        sa.Column(
            "data_quality_holds",
            sa.BigInteger(),
            nullable=False,
            comment="Contracts that are held because a row of theirs is in quarantine.",
        ),
        sa.Column("cases", sa.BigInteger(), nullable=False, comment="Customers with an overdue contract."),
        sa.Column("working_cases", sa.BigInteger(), nullable=False, comment="Cases in a queue, owned or in the pool."),
        sa.PrimaryKeyConstraint("as_of", "basis", name=op.f("pk_run_day")),
        schema="mart",
        comment="Days that are loaded, and the book as a whole. Grain: day x basis. Source: snapshot, treatment, cases.",
    )
    op.create_table(
        "portfolio_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("product", sa.Text(), nullable=False, comment="Product; joins dim_product."),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="ISO 4217 code of the amounts; XXX when the ledger names none.",
        ),
        sa.Column("bucket", sa.Text(), nullable=False, comment="Bucket of delinquent days; joins dim_bucket."),
        sa.Column("class", sa.Text(), nullable=False, comment="current, low, mid or high, on that day."),
        sa.Column("contracts", sa.BigInteger(), nullable=False, comment="Contracts in the book."),
        sa.Column(
            "overdue_contracts",
            sa.BigInteger(),
            nullable=False,
            comment="Of them with days past due above 0 (in M0: within grace or paused).",
        ),
        sa.Column(
            "repeated_contracts", sa.BigInteger(), nullable=False, comment="Of them in a repeated spell of arrears."
        ),
        sa.Column("held_contracts", sa.BigInteger(), nullable=False, comment="Of them held."),
        sa.Column("principal", sa.Numeric(precision=18, scale=2), nullable=False, comment="Principal disbursed."),
        sa.Column(
            "outstanding_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="All that is still to be paid, due or not.",
        ),
        sa.Column(
            "outstanding_principal",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="Principal still to be paid; NULL when the ledger does not give the parts of instalments.",
        ),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What is unpaid of all that fell due.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "product", "currency", "bucket", name=op.f("pk_portfolio_day")),
        schema="mart",
        comment="The book by bucket at the opening (bucket distribution 逾期分布). Grain: day x basis x product x currency x bucket. Source: snapshot.",
    )
    op.create_table(
        "loan_daily",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("contract_id", sa.Text(), nullable=False, comment="Contract; joins dim_contract."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer, who is the case; joins dim_customer."),
        sa.Column("product", sa.Text(), nullable=False, comment="Product; joins dim_product."),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="ISO 4217 code of the amounts; XXX when the ledger names none.",
        ),
        sa.Column("region", sa.Text(), nullable=True, comment="Region of the contract."),
        sa.Column("bucket", sa.Text(), nullable=False, comment="Bucket of delinquent days; joins dim_bucket."),
        sa.Column("class", sa.Text(), nullable=False, comment="current, low, mid or high."),
        sa.Column(
            "days_past_due", sa.Integer(), nullable=False, comment="Days since the oldest unmet instalment fell due."
        ),
        sa.Column(
            "delinquent_days", sa.Integer(), nullable=False, comment="Days past due without grace and paused days."
        ),
        sa.Column(
            "unmet_installments", sa.Integer(), nullable=False, comment="Instalments and charges that are not met."
        ),
        sa.Column("oldest_due_date", sa.Date(), nullable=False, comment="Due date of the oldest unmet instalment."),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What is unpaid of all that fell due.",
        ),
        sa.Column(
            "overdue_principal",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="Principal in it; NULL when the parts are not known.",
        ),
        sa.Column(
            "outstanding_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="All that is still to be paid, due or not.",
        ),
        sa.Column(
            "outstanding_principal",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="Principal in it; NULL when not known.",
        ),
        sa.Column(
            "repeated", sa.Boolean(), nullable=False, comment="Whether an earlier spell of arrears outlasted the grace."
        ),
        sa.Column("spell_entered_on", sa.Date(), nullable=True, comment="First day of the present spell of arrears."),
        sa.Column("last_payment_on", sa.Date(), nullable=True, comment="Day of the last payment."),
        sa.Column("held", sa.Boolean(), nullable=False, comment="Whether a hold keeps it from treatment."),
        sa.Column("hold_kind", sa.Text(), nullable=True, comment="Kind of the strongest hold."),
        sa.PrimaryKeyConstraint("as_of", "basis", "contract_id", name=op.f("pk_loan_daily")),
        schema="mart",
        comment="Contracts with an unmet instalment (days past due above 0) at the opening. Grain: day x basis x contract. Source: treatment, snapshot.",
    )
    op.create_table(
        "strategy_decision",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("contract_id", sa.Text(), nullable=False, comment="Contract; joins dim_contract."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer, who is the case; joins dim_customer."),
        sa.Column("rule_set_hash", sa.Text(), nullable=False, comment="Rules that decided; joins dim_strategy."),
        sa.Column("balance_tier", sa.Text(), nullable=True, comment="Tier of the overdue balance."),
        sa.Column(
            "overdue_share",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Overdue amount divided by the outstanding amount, 0 to 1.",
        ),
        sa.Column("score_stage", sa.Text(), nullable=True, comment="Stage of the score models: M0M1, M1M4, M4+."),
        sa.Column("collection_score", sa.Double(), nullable=True, comment="Collection score."),
        sa.Column("lost_contact_score", sa.Double(), nullable=True, comment="Lost-contact score."),
        sa.Column("roll_rate_score", sa.Double(), nullable=True, comment="Roll-rate score."),
        sa.Column("collection_band", sa.Text(), nullable=True, comment="Band of the collection score."),
        sa.Column("lost_contact_band", sa.Text(), nullable=True, comment="Band of the lost-contact score."),
        sa.Column("roll_rate_band", sa.Text(), nullable=True, comment="Band of the roll-rate score."),
        sa.Column("segment", sa.Text(), nullable=False, comment="Kind of case."),
        sa.Column("treatment", sa.Text(), nullable=False, comment="What is to be done."),
        sa.Column("intensity", sa.Integer(), nullable=False, comment="How hard it is, 0 nothing to 5 court."),
        sa.Column("placement", sa.Text(), nullable=False, comment="Who does it: in_house, field, agency, legal, none."),
        sa.Column(
            "channels", sa.Text(), nullable=True, comment="Channels in the order of preference, comma separated."
        ),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work; none: nobody works it."),
        sa.Column("priority", sa.Integer(), nullable=False, comment="Higher is worked first."),
        sa.Column("balance_rule", sa.Text(), nullable=True, comment="Rule that gave the tier."),
        sa.Column("score_rule", sa.Text(), nullable=True, comment="Rule that judged the scores."),
        sa.Column("segment_rule", sa.Text(), nullable=True, comment="Rule that gave the segment."),
        sa.Column("treatment_rule", sa.Text(), nullable=True, comment="Rule that gave the treatment."),
        sa.PrimaryKeyConstraint("as_of", "basis", "contract_id", name=op.f("pk_strategy_decision")),
        schema="mart",
        comment="What the rules decided for an overdue contract, and by which of them. Points, bands and rules of the profile are left out: they tell about protected attributes. Grain: day x basis x contract (one rule set a day). Source: treatment.",
    )
    op.create_table(
        "case_assignment",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer, who is the case; joins dim_customer."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work."),
        sa.Column(
            "collector_id",
            sa.Text(),
            nullable=True,
            comment="Owner, NULL for a case of the grab pool; joins dim_collector.",
        ),
        sa.Column("team", sa.Text(), nullable=True, comment="Team of the owner on that day; joins dim_team."),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="auto: given today; kept: had it already; pool: left to be grabbed.",
        ),
        sa.Column("work_order", sa.Integer(), nullable=True, comment="Order of work within the queue, from 1."),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it went there."),
        sa.Column(
            "lead_contract_id",
            sa.Text(),
            nullable=False,
            comment="The harshest contract, which gives the treatment; joins dim_contract.",
        ),
        sa.Column("contracts", sa.Integer(), nullable=False, comment="Overdue contracts of the case."),
        sa.Column("region", sa.Text(), nullable=True, comment="Region of the case."),
        sa.Column("product", sa.Text(), nullable=False, comment="Product of the lead contract; joins dim_product."),
        sa.Column("bucket", sa.Text(), nullable=False, comment="Bucket of the lead contract; joins dim_bucket."),
        sa.Column("class", sa.Text(), nullable=False, comment="Class of the lead contract."),
        sa.Column("segment", sa.Text(), nullable=False, comment="Kind of case."),
        sa.Column("treatment", sa.Text(), nullable=False, comment="What is to be done."),
        sa.Column("placement", sa.Text(), nullable=False, comment="Who does it."),
        sa.Column("priority", sa.Integer(), nullable=False, comment="Higher is worked first."),
        sa.Column(
            "entered_on",
            sa.Date(),
            nullable=True,
            comment="First day of the case: its first contract's entry into arrears.",
        ),
        sa.Column("days_past_due", sa.Integer(), nullable=False, comment="Days past due of the lead contract."),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of all its contracts.",
        ),
        sa.Column(
            "outstanding_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Outstanding amount of all its overdue contracts.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "customer_id", name=op.f("pk_case_assignment")),
        schema="mart",
        comment="Who got which case at the opening; a case is one customer's overdue contracts. Grain: day x basis x case. Source: assignment, cases, collectors.",
    )
    op.create_index(
        op.f("ix_case_assignment_as_of_basis_collector_id"),
        "case_assignment",
        ["as_of", "basis", "collector_id"],
        unique=False,
        schema="mart",
    )
    op.create_table(
        "pool_offer_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work."),
        sa.Column("cases", sa.BigInteger(), nullable=False, comment="Cases of the queue."),
        sa.Column("allocated_cases", sa.BigInteger(), nullable=False, comment="Of them with an owner."),
        sa.Column("offered_cases", sa.BigInteger(), nullable=False, comment="Of them in the grab pool."),
        sa.Column("collectors", sa.BigInteger(), nullable=False, comment="Collectors who own any of them."),
        sa.Column(
            "overdue_amount", sa.Numeric(precision=18, scale=2), nullable=False, comment="Overdue amount of the queue."
        ),
        sa.Column(
            "allocated_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of the cases with an owner.",
        ),
        sa.Column(
            "offered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of the cases in the pool.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "queue", name=op.f("pk_pool_offer_day")),
        schema="mart",
        comment="How each queue's cases were split between collectors and the grab pool at the opening. Grain: day x basis x queue. Source: assignment, cases.",
    )
    op.create_table(
        "contact_plan_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel; joins dim_channel."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of the case."),
        sa.Column("tasks", sa.BigInteger(), nullable=False, comment="Contacts that the strategy wants."),
        sa.Column("planned_tasks", sa.BigInteger(), nullable=False, comment="Of them planned."),
        sa.Column(
            "blocked_tasks", sa.BigInteger(), nullable=False, comment="Of them blocked by policy, consent or hold."
        ),
        sa.Column("cut_tasks", sa.BigInteger(), nullable=False, comment="Of them cut by the daily cap."),
        sa.Column(
            "approval_tasks", sa.BigInteger(), nullable=False, comment="Planned ones that a person must approve first."
        ),
        sa.Column("customers", sa.BigInteger(), nullable=False, comment="Customers of the planned ones."),
        sa.PrimaryKeyConstraint("as_of", "basis", "channel", "queue", name=op.f("pk_contact_plan_day")),
        schema="mart",
        comment="Contacts planned at the opening. Grain: day x basis x channel x queue. Source: contact_plan.",
    )
    op.create_table(
        "collector_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector; joins dim_collector."),
        sa.Column("team", sa.Text(), nullable=True, comment="Team of the collector; joins dim_team."),
        sa.Column("cases", sa.BigInteger(), nullable=False, comment="Cases owned at the opening."),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What they owed overdue at the opening.",
        ),
        sa.Column(
            "touched_cases", sa.BigInteger(), nullable=False, comment="Own cases with a contact attempt, by whomever."
        ),
        sa.Column(
            "case_contacts", sa.BigInteger(), nullable=False, comment="Contact attempts at own cases, by whomever."
        ),
        sa.Column(
            "attempts",
            sa.BigInteger(),
            nullable=False,
            comment="Contact attempts that the collector made, at any case.",
        ),
        sa.Column(
            "connected_attempts",
            sa.BigInteger(),
            nullable=False,
            comment="Of them connected, to the right party or not.",
        ),
        sa.Column(
            "right_party_attempts", sa.BigInteger(), nullable=False, comment="Of them that reached the right party."
        ),
        sa.Column(
            "tried_customers", sa.BigInteger(), nullable=False, comment="Customers that the collector tried to reach."
        ),
        sa.Column("connected_customers", sa.BigInteger(), nullable=False, comment="Of them with a connected attempt."),
        sa.Column("promises", sa.BigInteger(), nullable=False, comment="Promises to pay made that day on own cases."),
        sa.Column(
            "promised_amount", sa.Numeric(precision=18, scale=2), nullable=False, comment="Amount of these promises."
        ),
        sa.Column(
            "promises_due", sa.BigInteger(), nullable=False, comment="Promises on own cases that fell due that day."
        ),
        sa.Column(
            "promises_kept",
            sa.BigInteger(),
            nullable=False,
            comment="Of them kept: the amount came between promise and due day.",
        ),
        sa.Column(
            "due_promise_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Amount of the promises that fell due.",
        ),
        sa.Column(
            "kept_promise_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Amount of the promises that were kept.",
        ),
        sa.Column("paid_cases", sa.BigInteger(), nullable=False, comment="Own cases that paid anything that day."),
        sa.Column(
            "paid_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="All that own cases paid that day.",
        ),
        sa.Column(
            "recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Of it, per case, at most what was overdue at the opening.",
        ),
        sa.Column(
            "planned_contacts",
            sa.BigInteger(),
            nullable=False,
            comment="Contacts that the strategy wanted with own cases.",
        ),
        sa.Column(
            "blocked_contacts", sa.BigInteger(), nullable=False, comment="Of them blocked by policy, consent or hold."
        ),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "collector_id", name=op.f("pk_collector_day")),
        schema="mart",
        comment="What came of a collector's finished day; money and promises are those of the cases owned at its opening. Grain: day x basis x collector. Source: assignment, cases, treatment, contact_plan, contact results, promises, payments, ops.contact_attempt.",
    )
    op.create_table(
        "channel_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel; joins dim_channel."),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="arrears: sent by Arrears; ledger: reported by the lender's other systems.",
        ),
        sa.Column(
            "tasks", sa.BigInteger(), nullable=False, comment="Contacts that the strategy wanted; 0 for the ledger's."
        ),
        sa.Column(
            "blocked_tasks",
            sa.BigInteger(),
            nullable=False,
            comment="Of them blocked by the policy, when planned or when about to be sent.",
        ),
        sa.Column("cut_tasks", sa.BigInteger(), nullable=False, comment="Of them cut by the daily cap."),
        sa.Column(
            "withheld_tasks",
            sa.BigInteger(),
            nullable=False,
            comment="Of them rejected by a person, or not answered in time.",
        ),
        sa.Column(
            "unsent_tasks",
            sa.BigInteger(),
            nullable=False,
            comment="Of them cancelled by a later plan, or not sent before their window closed.",
        ),
        sa.Column("attempts", sa.BigInteger(), nullable=False, comment="Contact attempts."),
        sa.Column(
            "sent_attempts",
            sa.BigInteger(),
            nullable=False,
            comment="Attempts that the provider took, or lists that were handed over.",
        ),
        sa.Column(
            "delivered_attempts", sa.BigInteger(), nullable=False, comment="Attempts that are known to have arrived."
        ),
        sa.Column("connected_attempts", sa.BigInteger(), nullable=False, comment="Attempts that reached somebody."),
        sa.Column(
            "right_party_attempts", sa.BigInteger(), nullable=False, comment="Attempts that reached the right party."
        ),
        sa.Column("failed_attempts", sa.BigInteger(), nullable=False, comment="Attempts that failed."),
        sa.Column("unknown_attempts", sa.BigInteger(), nullable=False, comment="Attempts whose end is not known."),
        sa.Column("tried_customers", sa.BigInteger(), nullable=False, comment="Customers that were tried."),
        sa.Column(
            "connected_customers",
            sa.BigInteger(),
            nullable=False,
            comment="Of them with an attempt that reached somebody.",
        ),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "channel", "source", name=op.f("pk_channel_day")),
        schema="mart",
        comment="What came of a channel's finished day. Grain: day x basis x channel x source. Source: ops.contact_task, ops.contact_attempt, contact_plan (arrears), contact results of the ledger (ledger).",
    )
    op.create_table(
        "pool_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work."),
        sa.Column("offered_cases", sa.BigInteger(), nullable=False, comment="Cases in the pool at the opening."),
        sa.Column("grabbed_cases", sa.BigInteger(), nullable=False, comment="Cases that collectors grabbed that day."),
        sa.Column(
            "expired_cases", sa.BigInteger(), nullable=False, comment="Offered cases that nobody grabbed that day."
        ),
        sa.Column(
            "grab_minutes",
            sa.BigInteger(),
            nullable=False,
            comment="Minutes that the grabbed cases lay in the pool until the grab, summed.",
        ),
        sa.Column(
            "offered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of the offered cases.",
        ),
        sa.Column(
            "grabbed_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of the grabbed cases.",
        ),
        sa.Column(
            "grabbed_recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What the grabbed cases paid that day, per case at most what was overdue at the opening.",
        ),
        sa.Column(
            "allocated_cases", sa.BigInteger(), nullable=False, comment="Cases that had an owner at the opening."
        ),
        sa.Column(
            "allocated_amount", sa.Numeric(precision=18, scale=2), nullable=False, comment="Overdue amount of these."
        ),
        sa.Column(
            "allocated_recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What these paid that day, per case at most what was overdue at the opening.",
        ),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "queue", name=op.f("pk_pool_day")),
        schema="mart",
        comment="What came of the grab pool of a finished day, and of the allocated cases beside it. Grain: day x basis x queue. Source: assignment, ops.case_assignment, treatment, payments.",
    )
    op.create_table(
        "roll_transition",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("product", sa.Text(), nullable=False, comment="Product; joins dim_product."),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="ISO 4217 code of the amounts; XXX when the ledger names none.",
        ),
        sa.Column(
            "from_bucket",
            sa.Text(),
            nullable=False,
            comment="Bucket at the earlier month end; new: was not in the book. Joins dim_bucket.",
        ),
        sa.Column(
            "to_bucket",
            sa.Text(),
            nullable=False,
            comment="Bucket at the later month end; closed, written_off, left: is no more in the book. Joins dim_bucket.",
        ),
        sa.Column("from_month_end", sa.Date(), nullable=False, comment="The earlier month end."),
        sa.Column("contracts", sa.BigInteger(), nullable=False, comment="Contracts that went this way."),
        sa.Column(
            "from_balance",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Their outstanding principal at the earlier month end (all outstanding when the ledger gives no principal).",
        ),
        sa.Column(
            "to_balance",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="The same at the later month end; 0 for those that left the book.",
        ),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint(
            "as_of", "basis", "product", "currency", "from_bucket", "to_bucket", name=op.f("pk_roll_transition")
        ),
        schema="mart",
        comment="Cohorts from one month end to the next (roll rate 迁徙率): of what was in a bucket, how much is where a month later; as_of is the later month end. frozen: both ends as their own runs knew them; restated: both from the ledger of the newest run. Grain: month end x basis x product x currency x from bucket x to bucket. Source: snapshot (frozen), ledger (restated).",
    )
    for name, statements, columns in _VIEWS:
        for statement in statements:
            op.execute(statement)
        view = sa.Table(name, sa.MetaData(), schema="mart")
        for column, comment in columns.items():
            view.append_column(sa.Column(column, sa.Text, comment=comment))
            op.execute(sa.schema.SetColumnComment(view.columns[column]))
    if not ensure_bi_role(op.get_bind()):
        # not this migration's to fail on: the administrator makes the role, `arrears warehouse bi-role` the grants
        log.warning("%s", missing_bi_role())


def downgrade() -> None:
    drop_bi_role(op.get_bind())
    for name, _, _ in reversed(_VIEWS):
        op.execute(sa.schema.DropView(sa.Table(name, sa.MetaData(), schema="mart")))
    op.drop_table("roll_transition", schema="mart")
    op.drop_table("pool_day", schema="mart")
    op.drop_table("channel_day", schema="mart")
    op.drop_table("collector_day", schema="mart")
    op.drop_table("contact_plan_day", schema="mart")
    op.drop_table("pool_offer_day", schema="mart")
    op.drop_table("case_assignment", schema="mart")
    op.drop_table("strategy_decision", schema="mart")
    op.drop_table("loan_daily", schema="mart")
    op.drop_table("portfolio_day", schema="mart")
    op.drop_table("run_day", schema="mart")
    op.drop_table("dim_strategy", schema="mart")
    op.drop_table("dim_channel", schema="mart")
    op.drop_table("dim_bucket", schema="mart")
    op.drop_table("dim_team", schema="mart")
    op.drop_table("dim_collector", schema="mart")
    op.drop_table("dim_dealer", schema="mart")
    op.drop_table("dim_vehicle", schema="mart")
    op.drop_table("dim_product", schema="mart")
    op.drop_table("dim_customer", schema="mart")
    op.drop_table("dim_contract", schema="mart")
    op.drop_table("dim_date", schema="mart")
