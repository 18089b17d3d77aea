"""Experiments: their arms, what came of them, and the arms on every decision."""
# ruff: noqa: E501

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op

from arrears.warehouse.roles import ensure_bi_role, missing_bi_role

revision = "0005_experiments"
down_revision: str | None = "0004_mart"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

# name, its definition, its comment, comments of its columns
_VIEWS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "v_arm_result",
        """
CREATE VIEW mart.v_arm_result AS
WITH totals AS (
  SELECT
    mart.arm_result.as_of AS as_of,
    mart.arm_result.basis AS basis,
    mart.arm_result.experiment AS experiment,
    mart.arm_result.arm AS arm,
    mart.arm_result.is_champion AS is_champion,
    mart.arm_result.metric AS metric,
    mart.arm_result.within_days AS within_days,
    mart.arm_result.z_value AS z_value,
    CAST(SUM(mart.arm_result.cases) AS BIGINT) AS cases,
    CAST(SUM(mart.arm_result.matured_cases) AS BIGINT) AS matured_cases,
    CAST(SUM(mart.arm_result.cured_cases) AS BIGINT) AS cured_cases,
    CAST(SUM(mart.arm_result.rolled_cases) AS BIGINT) AS rolled_cases,
    CAST(SUM(mart.arm_result.recovered_amount) AS DECIMAL(18, 2)) AS recovered_amount,
    SUM(mart.arm_result.recovered_squares) AS recovered_squares,
    CAST(SUM(mart.arm_result.contacts) AS BIGINT) AS contacts,
    SUM(mart.arm_result.contact_squares) AS contact_squares,
    MAX(mart.arm_result.required_cases) AS required_cases,
    CAST(SUM(mart.arm_result.entry_days) AS BIGINT) AS entry_days,
    BOOL_OR(mart.arm_result.takes_cases) AS takes_cases,
    COUNT(
      DISTINCT CAST(mart.arm_result.share / CAST(NULLIF(mart.arm_result.champion_share, 0) AS DECIMAL) AS DECIMAL(18, 6))
    ) FILTER(WHERE
      mart.arm_result.cases > 0) AS proportions
  FROM mart.arm_result
  GROUP BY
    mart.arm_result.as_of,
    mart.arm_result.basis,
    mart.arm_result.experiment,
    mart.arm_result.arm,
    mart.arm_result.is_champion,
    mart.arm_result.metric,
    mart.arm_result.within_days,
    mart.arm_result.z_value
), measured AS (
  SELECT
    totals.as_of AS as_of,
    totals.basis AS basis,
    totals.experiment AS experiment,
    totals.arm AS arm,
    totals.is_champion AS is_champion,
    totals.metric AS metric,
    totals.within_days AS within_days,
    totals.z_value AS z_value,
    totals.cases AS cases,
    totals.matured_cases AS matured_cases,
    totals.cured_cases AS cured_cases,
    totals.rolled_cases AS rolled_cases,
    totals.recovered_amount AS recovered_amount,
    totals.recovered_squares AS recovered_squares,
    totals.contacts AS contacts,
    totals.contact_squares AS contact_squares,
    totals.required_cases AS required_cases,
    totals.entry_days AS entry_days,
    totals.takes_cases AS takes_cases,
    MAX(totals.proportions) OVER (PARTITION BY totals.as_of, totals.basis, totals.experiment) AS proportions,
    CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS cure_rate,
    (
      CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + -1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS cure_rate_low,
    (
      CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + 1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS cure_rate_high,
    CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS roll_rate,
    (
      CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + -1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS roll_rate_low,
    (
      CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + 1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS roll_rate_high,
    CAST(totals.recovered_amount AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS recovered_per_case,
    CAST(totals.recovered_amount AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) - totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.recovered_squares AS DOUBLE PRECISION) - (
            CAST(totals.recovered_amount AS DOUBLE PRECISION) * CAST(totals.recovered_amount AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS recovered_per_case_low,
    CAST(totals.recovered_amount AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.recovered_squares AS DOUBLE PRECISION) - (
            CAST(totals.recovered_amount AS DOUBLE PRECISION) * CAST(totals.recovered_amount AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS recovered_per_case_high,
    (
      GREATEST(
        CAST(totals.recovered_squares AS DOUBLE PRECISION) - (
          CAST(totals.recovered_amount AS DOUBLE PRECISION) * CAST(totals.recovered_amount AS DOUBLE PRECISION)
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
        0
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
    ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS recovered_per_case_variance,
    CAST(totals.contacts AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS contacts_per_case,
    CAST(totals.contacts AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) - totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.contact_squares AS DOUBLE PRECISION) - (
            CAST(totals.contacts AS DOUBLE PRECISION) * CAST(totals.contacts AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS contacts_per_case_low,
    CAST(totals.contacts AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.contact_squares AS DOUBLE PRECISION) - (
            CAST(totals.contacts AS DOUBLE PRECISION) * CAST(totals.contacts AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS contacts_per_case_high,
    (
      GREATEST(
        CAST(totals.contact_squares AS DOUBLE PRECISION) - (
          CAST(totals.contacts AS DOUBLE PRECISION) * CAST(totals.contacts AS DOUBLE PRECISION)
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
        0
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
    ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS contacts_per_case_variance
  FROM totals
)
SELECT
  measured.as_of,
  measured.basis,
  measured.experiment,
  measured.arm,
  measured.is_champion,
  measured.metric,
  measured.within_days,
  measured.cases,
  measured.matured_cases,
  measured.required_cases,
  measured.cured_cases,
  measured.rolled_cases,
  measured.recovered_amount,
  measured.contacts,
  CAST(measured.cure_rate AS DECIMAL(18, 6)) AS cure_rate,
  CAST(measured.cure_rate_low AS DECIMAL(18, 6)) AS cure_rate_low,
  CAST(measured.cure_rate_high AS DECIMAL(18, 6)) AS cure_rate_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.cure_rate - champion.cure_rate
  END AS DECIMAL(18, 6)) AS cure_rate_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.cure_rate - champion.cure_rate
    ) - SQRT(
      (
        measured.cure_rate - measured.cure_rate_low
      ) * (
        measured.cure_rate - measured.cure_rate_low
      ) + (
        champion.cure_rate_high - champion.cure_rate
      ) * (
        champion.cure_rate_high - champion.cure_rate
      )
    )
  END AS DECIMAL(18, 6)) AS cure_rate_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.cure_rate - champion.cure_rate
    ) + SQRT(
      (
        measured.cure_rate_high - measured.cure_rate
      ) * (
        measured.cure_rate_high - measured.cure_rate
      ) + (
        champion.cure_rate - champion.cure_rate_low
      ) * (
        champion.cure_rate - champion.cure_rate_low
      )
    )
  END AS DECIMAL(18, 6)) AS cure_rate_difference_high,
  CAST(measured.roll_rate AS DECIMAL(18, 6)) AS roll_rate,
  CAST(measured.roll_rate_low AS DECIMAL(18, 6)) AS roll_rate_low,
  CAST(measured.roll_rate_high AS DECIMAL(18, 6)) AS roll_rate_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.roll_rate - champion.roll_rate
  END AS DECIMAL(18, 6)) AS roll_rate_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.roll_rate - champion.roll_rate
    ) - SQRT(
      (
        measured.roll_rate - measured.roll_rate_low
      ) * (
        measured.roll_rate - measured.roll_rate_low
      ) + (
        champion.roll_rate_high - champion.roll_rate
      ) * (
        champion.roll_rate_high - champion.roll_rate
      )
    )
  END AS DECIMAL(18, 6)) AS roll_rate_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.roll_rate - champion.roll_rate
    ) + SQRT(
      (
        measured.roll_rate_high - measured.roll_rate
      ) * (
        measured.roll_rate_high - measured.roll_rate
      ) + (
        champion.roll_rate - champion.roll_rate_low
      ) * (
        champion.roll_rate - champion.roll_rate_low
      )
    )
  END AS DECIMAL(18, 6)) AS roll_rate_difference_high,
  CAST(measured.recovered_per_case AS DECIMAL(18, 6)) AS recovered_per_case,
  CAST(measured.recovered_per_case_low AS DECIMAL(18, 6)) AS recovered_per_case_low,
  CAST(measured.recovered_per_case_high AS DECIMAL(18, 6)) AS recovered_per_case_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.recovered_per_case - champion.recovered_per_case
  END AS DECIMAL(18, 6)) AS recovered_per_case_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.recovered_per_case - champion.recovered_per_case
    ) - measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
  END AS DECIMAL(18, 6)) AS recovered_per_case_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.recovered_per_case - champion.recovered_per_case
    ) + measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
  END AS DECIMAL(18, 6)) AS recovered_per_case_difference_high,
  CAST(measured.contacts_per_case AS DECIMAL(18, 6)) AS contacts_per_case,
  CAST(measured.contacts_per_case_low AS DECIMAL(18, 6)) AS contacts_per_case_low,
  CAST(measured.contacts_per_case_high AS DECIMAL(18, 6)) AS contacts_per_case_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.contacts_per_case - champion.contacts_per_case
  END AS DECIMAL(18, 6)) AS contacts_per_case_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.contacts_per_case - champion.contacts_per_case
    ) - measured.z_value * SQRT(measured.contacts_per_case_variance + champion.contacts_per_case_variance)
  END AS DECIMAL(18, 6)) AS contacts_per_case_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.contacts_per_case - champion.contacts_per_case
    ) + measured.z_value * SQRT(measured.contacts_per_case_variance + champion.contacts_per_case_variance)
  END AS DECIMAL(18, 6)) AS contacts_per_case_difference_high,
  COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
  AND COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
  AND measured.proportions <= 1 AS readable,
  CASE
    WHEN (
      measured.is_champion
      OR NOT (
        COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
        AND COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
        AND measured.proportions <= 1
      )
    )
    THEN NULL
    WHEN (
      CASE
        WHEN (
          measured.metric = 'roll'
        )
        THEN -CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) + SQRT(
            (
              measured.cure_rate_high - measured.cure_rate
            ) * (
              measured.cure_rate_high - measured.cure_rate
            ) + (
              champion.cure_rate - champion.cure_rate_low
            ) * (
              champion.cure_rate - champion.cure_rate_low
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) + SQRT(
            (
              measured.roll_rate_high - measured.roll_rate
            ) * (
              measured.roll_rate_high - measured.roll_rate
            ) + (
              champion.roll_rate - champion.roll_rate_low
            ) * (
              champion.roll_rate - champion.roll_rate_low
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) + measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
        ELSE CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) - SQRT(
            (
              measured.cure_rate - measured.cure_rate_low
            ) * (
              measured.cure_rate - measured.cure_rate_low
            ) + (
              champion.cure_rate_high - champion.cure_rate
            ) * (
              champion.cure_rate_high - champion.cure_rate
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) - SQRT(
            (
              measured.roll_rate - measured.roll_rate_low
            ) * (
              measured.roll_rate - measured.roll_rate_low
            ) + (
              champion.roll_rate_high - champion.roll_rate
            ) * (
              champion.roll_rate_high - champion.roll_rate
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) - measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
      END > 0
    )
    THEN 'better'
    WHEN (
      CASE
        WHEN (
          measured.metric = 'roll'
        )
        THEN -CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) - SQRT(
            (
              measured.cure_rate - measured.cure_rate_low
            ) * (
              measured.cure_rate - measured.cure_rate_low
            ) + (
              champion.cure_rate_high - champion.cure_rate
            ) * (
              champion.cure_rate_high - champion.cure_rate
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) - SQRT(
            (
              measured.roll_rate - measured.roll_rate_low
            ) * (
              measured.roll_rate - measured.roll_rate_low
            ) + (
              champion.roll_rate_high - champion.roll_rate
            ) * (
              champion.roll_rate_high - champion.roll_rate
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) - measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
        ELSE CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) + SQRT(
            (
              measured.cure_rate_high - measured.cure_rate
            ) * (
              measured.cure_rate_high - measured.cure_rate
            ) + (
              champion.cure_rate - champion.cure_rate_low
            ) * (
              champion.cure_rate - champion.cure_rate_low
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) + SQRT(
            (
              measured.roll_rate_high - measured.roll_rate
            ) * (
              measured.roll_rate_high - measured.roll_rate
            ) + (
              champion.roll_rate - champion.roll_rate_low
            ) * (
              champion.roll_rate - champion.roll_rate_low
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) + measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
      END < 0
    )
    THEN 'worse'
    ELSE 'no difference found'
  END AS verdict,
  CAST(CASE
    WHEN (
      COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
      AND COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
      AND measured.proportions <= 1
    )
    THEN measured.as_of
    WHEN (
      measured.proportions > 1
      OR CASE
        WHEN (
          measured.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(measured.required_cases - measured.cases, 0) > 0
          AND (
            NOT measured.takes_cases
            OR CEIL(
              CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
        THEN measured.as_of
        ELSE measured.as_of + CAST(CEIL(
          CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
        ) AS INT) + measured.within_days + 1
      END IS NULL
      OR CASE
        WHEN (
          champion.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(champion.required_cases - champion.cases, 0) > 0
          AND (
            NOT champion.takes_cases
            OR CEIL(
              CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
        THEN champion.as_of
        ELSE champion.as_of + CAST(CEIL(
          CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
        ) AS INT) + champion.within_days + 1
      END IS NULL
    )
    THEN NULL
    ELSE GREATEST(
      CASE
        WHEN (
          measured.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(measured.required_cases - measured.cases, 0) > 0
          AND (
            NOT measured.takes_cases
            OR CEIL(
              CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
        THEN measured.as_of
        ELSE measured.as_of + CAST(CEIL(
          CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
        ) AS INT) + measured.within_days + 1
      END,
      CASE
        WHEN (
          champion.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(champion.required_cases - champion.cases, 0) > 0
          AND (
            NOT champion.takes_cases
            OR CEIL(
              CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
        THEN champion.as_of
        ELSE champion.as_of + CAST(CEIL(
          CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
        ) AS INT) + champion.within_days + 1
      END
    )
  END AS DATE) AS readable_from,
  CASE
    WHEN (
      measured.required_cases IS NULL OR champion.required_cases IS NULL
    )
    THEN 'Compared with nothing: champion and challenger have no shares at the same time.'
    WHEN (
      measured.proportions > 1
    )
    THEN 'Shares changed: read each period by itself, in v_arm_period_result.'
    WHEN (
      measured.matured_cases = 0 OR champion.matured_cases = 0
    )
    THEN CONCAT('Not matured: no case of one arm has passed its ', measured.within_days, ' days.')
    WHEN (
      NOT COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
      OR NOT COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
    )
    THEN CONCAT(
      CONCAT(
        CASE
          WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
          THEN champion.matured_cases
          ELSE measured.matured_cases
        END,
        ' of the ',
        CASE
          WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
          THEN champion.required_cases
          ELSE measured.required_cases
        END,
        ' cases that it needs have passed their ',
        measured.within_days,
        ' days in arm ',
        CASE
          WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
          THEN champion.arm
          ELSE measured.arm
        END
      ),
      CASE
        WHEN (
          NOT measured.takes_cases
          AND measured.cases < measured.required_cases
          OR NOT champion.takes_cases
          AND champion.cases < champion.required_cases
        )
        THEN ', and no more enter: it cannot be read'
        ELSE ': not yet to be read'
      END,
      '.'
    )
    ELSE CONCAT('May be read: the sample asked for is there. Judge by ', measured.metric, ', once.')
  END AS reading_note
FROM measured
LEFT OUTER JOIN measured AS champion
  ON champion.is_champion
  AND measured.as_of = champion.as_of
  AND measured.basis = champion.basis
  AND measured.experiment = champion.experiment
""",
        "Results of experiments 冠军挑战者 so far, per arm, with confidence intervals, and whether to read them yet. Grain: day x basis x experiment x arm. Source: arm_result.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "experiment": "Experiment; joins dim_arm.",
            "arm": "Arm; joins dim_arm.",
            "is_champion": "Whether the other arms are compared to it.",
            "metric": "What decides: cure, roll, or recovered.",
            "within_days": "Days after entry in which a case's result is measured.",
            "cases": "Cases that entered.",
            "matured_cases": "Of them those whose days have passed; all figures are about these.",
            "required_cases": "Matured cases that the power calculation asks for.",
            "cured_cases": "Cases that were over within the days, and not by a write-off.",
            "rolled_cases": "Cases that reached a higher bucket than at entry within the days.",
            "recovered_amount": "What the cases paid of what was overdue, from entry to the end of the days.",
            "contacts": "Contact attempts from entry to the end of the days.",
            "cure_rate": "Cure rate: cured_cases / matured_cases.",
            "cure_rate_low": "Wilson's score interval, lower end.",
            "cure_rate_high": "Wilson's score interval, upper end.",
            "cure_rate_difference": "Difference to the champion; NULL for the champion.",
            "cure_rate_difference_low": "Newcombe's interval of the difference, lower end.",
            "cure_rate_difference_high": "Newcombe's interval of the difference, upper end.",
            "roll_rate": "Roll rate: rolled_cases / matured_cases.",
            "roll_rate_low": "Wilson's score interval, lower end.",
            "roll_rate_high": "Wilson's score interval, upper end.",
            "roll_rate_difference": "Difference to the champion; NULL for the champion.",
            "roll_rate_difference_low": "Newcombe's interval of the difference, lower end.",
            "roll_rate_difference_high": "Newcombe's interval of the difference, upper end.",
            "recovered_per_case": "Recovered per case: recovered_amount / matured_cases.",
            "recovered_per_case_low": "Normal interval, lower end.",
            "recovered_per_case_high": "Normal interval, upper end.",
            "recovered_per_case_difference": "Difference to the champion; NULL for the champion.",
            "recovered_per_case_difference_low": "Normal interval of the difference, lower end.",
            "recovered_per_case_difference_high": "Normal interval of the difference, upper end.",
            "contacts_per_case": "Contacts per case: contacts / matured_cases.",
            "contacts_per_case_low": "Normal interval, lower end.",
            "contacts_per_case_high": "Normal interval, upper end.",
            "contacts_per_case_difference": "Difference to the champion; NULL for the champion.",
            "contacts_per_case_difference_low": "Normal interval of the difference, lower end.",
            "contacts_per_case_difference_high": "Normal interval of the difference, upper end.",
            "readable": "Whether arm and champion have the cases that the power calculation asks for, under even shares.",
            "verdict": "By the metric, against the champion: better, worse, no difference found; NULL until readable.",
            "readable_from": "Day from which it may be read at the present rate of entries; NULL: not foreseeable.",
            "reading_note": "Whether it may be read, and if not, why.",
        },
    ),
    (
        "v_arm_period_result",
        """
CREATE VIEW mart.v_arm_period_result AS
WITH totals AS (
  SELECT
    mart.arm_result.as_of AS as_of,
    mart.arm_result.basis AS basis,
    mart.arm_result.experiment AS experiment,
    mart.arm_result.shares_from AS shares_from,
    mart.arm_result.arm AS arm,
    mart.arm_result.is_champion AS is_champion,
    mart.arm_result.metric AS metric,
    mart.arm_result.within_days AS within_days,
    mart.arm_result.z_value AS z_value,
    CAST(SUM(mart.arm_result.cases) AS BIGINT) AS cases,
    CAST(SUM(mart.arm_result.matured_cases) AS BIGINT) AS matured_cases,
    CAST(SUM(mart.arm_result.cured_cases) AS BIGINT) AS cured_cases,
    CAST(SUM(mart.arm_result.rolled_cases) AS BIGINT) AS rolled_cases,
    CAST(SUM(mart.arm_result.recovered_amount) AS DECIMAL(18, 2)) AS recovered_amount,
    SUM(mart.arm_result.recovered_squares) AS recovered_squares,
    CAST(SUM(mart.arm_result.contacts) AS BIGINT) AS contacts,
    SUM(mart.arm_result.contact_squares) AS contact_squares,
    MAX(mart.arm_result.required_cases) AS required_cases,
    CAST(SUM(mart.arm_result.entry_days) AS BIGINT) AS entry_days,
    BOOL_OR(mart.arm_result.takes_cases) AS takes_cases,
    COUNT(
      DISTINCT CAST(mart.arm_result.share / CAST(NULLIF(mart.arm_result.champion_share, 0) AS DECIMAL) AS DECIMAL(18, 6))
    ) FILTER(WHERE
      mart.arm_result.cases > 0) AS proportions
  FROM mart.arm_result
  GROUP BY
    mart.arm_result.as_of,
    mart.arm_result.basis,
    mart.arm_result.experiment,
    mart.arm_result.shares_from,
    mart.arm_result.arm,
    mart.arm_result.is_champion,
    mart.arm_result.metric,
    mart.arm_result.within_days,
    mart.arm_result.z_value
), measured AS (
  SELECT
    totals.as_of AS as_of,
    totals.basis AS basis,
    totals.experiment AS experiment,
    totals.shares_from AS shares_from,
    totals.arm AS arm,
    totals.is_champion AS is_champion,
    totals.metric AS metric,
    totals.within_days AS within_days,
    totals.z_value AS z_value,
    totals.cases AS cases,
    totals.matured_cases AS matured_cases,
    totals.cured_cases AS cured_cases,
    totals.rolled_cases AS rolled_cases,
    totals.recovered_amount AS recovered_amount,
    totals.recovered_squares AS recovered_squares,
    totals.contacts AS contacts,
    totals.contact_squares AS contact_squares,
    totals.required_cases AS required_cases,
    totals.entry_days AS entry_days,
    totals.takes_cases AS takes_cases,
    MAX(totals.proportions) OVER (PARTITION BY totals.as_of, totals.basis, totals.experiment, totals.shares_from) AS proportions,
    CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS cure_rate,
    (
      CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + -1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS cure_rate_low,
    (
      CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + 1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.cured_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS cure_rate_high,
    CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS roll_rate,
    (
      CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + -1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS roll_rate_low,
    (
      CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(2 * CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + 1 * totals.z_value * SQRT(
        GREATEST(
          (
            (
              CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            ) * (
              1 - CAST(totals.rolled_cases AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
            )
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + (
            totals.z_value * totals.z_value
          ) / CAST(NULLIF(
            4 * CAST(totals.matured_cases AS DOUBLE PRECISION) * CAST(totals.matured_cases AS DOUBLE PRECISION),
            0
          ) AS DECIMAL),
          0
        )
      )
    ) / CAST((
      1 + (
        totals.z_value * totals.z_value
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS DOUBLE PRECISION) AS roll_rate_high,
    CAST(totals.recovered_amount AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS recovered_per_case,
    CAST(totals.recovered_amount AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) - totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.recovered_squares AS DOUBLE PRECISION) - (
            CAST(totals.recovered_amount AS DOUBLE PRECISION) * CAST(totals.recovered_amount AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS recovered_per_case_low,
    CAST(totals.recovered_amount AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.recovered_squares AS DOUBLE PRECISION) - (
            CAST(totals.recovered_amount AS DOUBLE PRECISION) * CAST(totals.recovered_amount AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS recovered_per_case_high,
    (
      GREATEST(
        CAST(totals.recovered_squares AS DOUBLE PRECISION) - (
          CAST(totals.recovered_amount AS DOUBLE PRECISION) * CAST(totals.recovered_amount AS DOUBLE PRECISION)
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
        0
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
    ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS recovered_per_case_variance,
    CAST(totals.contacts AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS contacts_per_case,
    CAST(totals.contacts AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) - totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.contact_squares AS DOUBLE PRECISION) - (
            CAST(totals.contacts AS DOUBLE PRECISION) * CAST(totals.contacts AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS contacts_per_case_low,
    CAST(totals.contacts AS DOUBLE PRECISION) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) + totals.z_value * SQRT(
      (
        GREATEST(
          CAST(totals.contact_squares AS DOUBLE PRECISION) - (
            CAST(totals.contacts AS DOUBLE PRECISION) * CAST(totals.contacts AS DOUBLE PRECISION)
          ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
          0
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL)
    ) AS contacts_per_case_high,
    (
      GREATEST(
        CAST(totals.contact_squares AS DOUBLE PRECISION) - (
          CAST(totals.contacts AS DOUBLE PRECISION) * CAST(totals.contacts AS DOUBLE PRECISION)
        ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL),
        0
      ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION) - 1, 0) AS DECIMAL)
    ) / CAST(NULLIF(CAST(totals.matured_cases AS DOUBLE PRECISION), 0) AS DECIMAL) AS contacts_per_case_variance
  FROM totals
)
SELECT
  measured.as_of,
  measured.basis,
  measured.experiment,
  measured.shares_from,
  measured.arm,
  measured.is_champion,
  measured.metric,
  measured.within_days,
  measured.cases,
  measured.matured_cases,
  measured.required_cases,
  measured.cured_cases,
  measured.rolled_cases,
  measured.recovered_amount,
  measured.contacts,
  CAST(measured.cure_rate AS DECIMAL(18, 6)) AS cure_rate,
  CAST(measured.cure_rate_low AS DECIMAL(18, 6)) AS cure_rate_low,
  CAST(measured.cure_rate_high AS DECIMAL(18, 6)) AS cure_rate_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.cure_rate - champion.cure_rate
  END AS DECIMAL(18, 6)) AS cure_rate_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.cure_rate - champion.cure_rate
    ) - SQRT(
      (
        measured.cure_rate - measured.cure_rate_low
      ) * (
        measured.cure_rate - measured.cure_rate_low
      ) + (
        champion.cure_rate_high - champion.cure_rate
      ) * (
        champion.cure_rate_high - champion.cure_rate
      )
    )
  END AS DECIMAL(18, 6)) AS cure_rate_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.cure_rate - champion.cure_rate
    ) + SQRT(
      (
        measured.cure_rate_high - measured.cure_rate
      ) * (
        measured.cure_rate_high - measured.cure_rate
      ) + (
        champion.cure_rate - champion.cure_rate_low
      ) * (
        champion.cure_rate - champion.cure_rate_low
      )
    )
  END AS DECIMAL(18, 6)) AS cure_rate_difference_high,
  CAST(measured.roll_rate AS DECIMAL(18, 6)) AS roll_rate,
  CAST(measured.roll_rate_low AS DECIMAL(18, 6)) AS roll_rate_low,
  CAST(measured.roll_rate_high AS DECIMAL(18, 6)) AS roll_rate_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.roll_rate - champion.roll_rate
  END AS DECIMAL(18, 6)) AS roll_rate_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.roll_rate - champion.roll_rate
    ) - SQRT(
      (
        measured.roll_rate - measured.roll_rate_low
      ) * (
        measured.roll_rate - measured.roll_rate_low
      ) + (
        champion.roll_rate_high - champion.roll_rate
      ) * (
        champion.roll_rate_high - champion.roll_rate
      )
    )
  END AS DECIMAL(18, 6)) AS roll_rate_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.roll_rate - champion.roll_rate
    ) + SQRT(
      (
        measured.roll_rate_high - measured.roll_rate
      ) * (
        measured.roll_rate_high - measured.roll_rate
      ) + (
        champion.roll_rate - champion.roll_rate_low
      ) * (
        champion.roll_rate - champion.roll_rate_low
      )
    )
  END AS DECIMAL(18, 6)) AS roll_rate_difference_high,
  CAST(measured.recovered_per_case AS DECIMAL(18, 6)) AS recovered_per_case,
  CAST(measured.recovered_per_case_low AS DECIMAL(18, 6)) AS recovered_per_case_low,
  CAST(measured.recovered_per_case_high AS DECIMAL(18, 6)) AS recovered_per_case_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.recovered_per_case - champion.recovered_per_case
  END AS DECIMAL(18, 6)) AS recovered_per_case_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.recovered_per_case - champion.recovered_per_case
    ) - measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
  END AS DECIMAL(18, 6)) AS recovered_per_case_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.recovered_per_case - champion.recovered_per_case
    ) + measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
  END AS DECIMAL(18, 6)) AS recovered_per_case_difference_high,
  CAST(measured.contacts_per_case AS DECIMAL(18, 6)) AS contacts_per_case,
  CAST(measured.contacts_per_case_low AS DECIMAL(18, 6)) AS contacts_per_case_low,
  CAST(measured.contacts_per_case_high AS DECIMAL(18, 6)) AS contacts_per_case_high,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE measured.contacts_per_case - champion.contacts_per_case
  END AS DECIMAL(18, 6)) AS contacts_per_case_difference,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.contacts_per_case - champion.contacts_per_case
    ) - measured.z_value * SQRT(measured.contacts_per_case_variance + champion.contacts_per_case_variance)
  END AS DECIMAL(18, 6)) AS contacts_per_case_difference_low,
  CAST(CASE
    WHEN measured.is_champion
    THEN NULL
    ELSE (
      measured.contacts_per_case - champion.contacts_per_case
    ) + measured.z_value * SQRT(measured.contacts_per_case_variance + champion.contacts_per_case_variance)
  END AS DECIMAL(18, 6)) AS contacts_per_case_difference_high,
  COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
  AND COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
  AND measured.proportions <= 1 AS readable,
  CASE
    WHEN (
      measured.is_champion
      OR NOT (
        COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
        AND COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
        AND measured.proportions <= 1
      )
    )
    THEN NULL
    WHEN (
      CASE
        WHEN (
          measured.metric = 'roll'
        )
        THEN -CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) + SQRT(
            (
              measured.cure_rate_high - measured.cure_rate
            ) * (
              measured.cure_rate_high - measured.cure_rate
            ) + (
              champion.cure_rate - champion.cure_rate_low
            ) * (
              champion.cure_rate - champion.cure_rate_low
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) + SQRT(
            (
              measured.roll_rate_high - measured.roll_rate
            ) * (
              measured.roll_rate_high - measured.roll_rate
            ) + (
              champion.roll_rate - champion.roll_rate_low
            ) * (
              champion.roll_rate - champion.roll_rate_low
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) + measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
        ELSE CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) - SQRT(
            (
              measured.cure_rate - measured.cure_rate_low
            ) * (
              measured.cure_rate - measured.cure_rate_low
            ) + (
              champion.cure_rate_high - champion.cure_rate
            ) * (
              champion.cure_rate_high - champion.cure_rate
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) - SQRT(
            (
              measured.roll_rate - measured.roll_rate_low
            ) * (
              measured.roll_rate - measured.roll_rate_low
            ) + (
              champion.roll_rate_high - champion.roll_rate
            ) * (
              champion.roll_rate_high - champion.roll_rate
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) - measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
      END > 0
    )
    THEN 'better'
    WHEN (
      CASE
        WHEN (
          measured.metric = 'roll'
        )
        THEN -CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) - SQRT(
            (
              measured.cure_rate - measured.cure_rate_low
            ) * (
              measured.cure_rate - measured.cure_rate_low
            ) + (
              champion.cure_rate_high - champion.cure_rate
            ) * (
              champion.cure_rate_high - champion.cure_rate
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) - SQRT(
            (
              measured.roll_rate - measured.roll_rate_low
            ) * (
              measured.roll_rate - measured.roll_rate_low
            ) + (
              champion.roll_rate_high - champion.roll_rate
            ) * (
              champion.roll_rate_high - champion.roll_rate
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) - measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
        ELSE CASE
          WHEN (
            measured.metric = 'cure'
          )
          THEN (
            measured.cure_rate - champion.cure_rate
          ) + SQRT(
            (
              measured.cure_rate_high - measured.cure_rate
            ) * (
              measured.cure_rate_high - measured.cure_rate
            ) + (
              champion.cure_rate - champion.cure_rate_low
            ) * (
              champion.cure_rate - champion.cure_rate_low
            )
          )
          WHEN (
            measured.metric = 'roll'
          )
          THEN (
            measured.roll_rate - champion.roll_rate
          ) + SQRT(
            (
              measured.roll_rate_high - measured.roll_rate
            ) * (
              measured.roll_rate_high - measured.roll_rate
            ) + (
              champion.roll_rate - champion.roll_rate_low
            ) * (
              champion.roll_rate - champion.roll_rate_low
            )
          )
          WHEN (
            measured.metric = 'recovered'
          )
          THEN (
            measured.recovered_per_case - champion.recovered_per_case
          ) + measured.z_value * SQRT(measured.recovered_per_case_variance + champion.recovered_per_case_variance)
        END
      END < 0
    )
    THEN 'worse'
    ELSE 'no difference found'
  END AS verdict,
  CAST(CASE
    WHEN (
      COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
      AND COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
      AND measured.proportions <= 1
    )
    THEN measured.as_of
    WHEN (
      measured.proportions > 1
      OR CASE
        WHEN (
          measured.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(measured.required_cases - measured.cases, 0) > 0
          AND (
            NOT measured.takes_cases
            OR CEIL(
              CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
        THEN measured.as_of
        ELSE measured.as_of + CAST(CEIL(
          CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
        ) AS INT) + measured.within_days + 1
      END IS NULL
      OR CASE
        WHEN (
          champion.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(champion.required_cases - champion.cases, 0) > 0
          AND (
            NOT champion.takes_cases
            OR CEIL(
              CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
        THEN champion.as_of
        ELSE champion.as_of + CAST(CEIL(
          CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
        ) AS INT) + champion.within_days + 1
      END IS NULL
    )
    THEN NULL
    ELSE GREATEST(
      CASE
        WHEN (
          measured.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(measured.required_cases - measured.cases, 0) > 0
          AND (
            NOT measured.takes_cases
            OR CEIL(
              CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
        THEN measured.as_of
        ELSE measured.as_of + CAST(CEIL(
          CAST(GREATEST(measured.required_cases - measured.cases, 0) * measured.entry_days AS DECIMAL) / CAST(NULLIF(measured.cases, 0) AS DECIMAL)
        ) AS INT) + measured.within_days + 1
      END,
      CASE
        WHEN (
          champion.required_cases IS NULL
        )
        THEN NULL
        WHEN (
          GREATEST(champion.required_cases - champion.cases, 0) > 0
          AND (
            NOT champion.takes_cases
            OR CEIL(
              CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
            ) > 3650
          )
        )
        THEN NULL
        WHEN COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
        THEN champion.as_of
        ELSE champion.as_of + CAST(CEIL(
          CAST(GREATEST(champion.required_cases - champion.cases, 0) * champion.entry_days AS DECIMAL) / CAST(NULLIF(champion.cases, 0) AS DECIMAL)
        ) AS INT) + champion.within_days + 1
      END
    )
  END AS DATE) AS readable_from,
  CASE
    WHEN (
      measured.required_cases IS NULL OR champion.required_cases IS NULL
    )
    THEN 'Compared with nothing: champion and challenger have no shares at the same time.'
    WHEN (
      measured.matured_cases = 0 OR champion.matured_cases = 0
    )
    THEN CONCAT('Not matured: no case of one arm has passed its ', measured.within_days, ' days.')
    WHEN (
      NOT COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
      OR NOT COALESCE(champion.matured_cases >= champion.required_cases, FALSE)
    )
    THEN CONCAT(
      CONCAT(
        CASE
          WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
          THEN champion.matured_cases
          ELSE measured.matured_cases
        END,
        ' of the ',
        CASE
          WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
          THEN champion.required_cases
          ELSE measured.required_cases
        END,
        ' cases that it needs have passed their ',
        measured.within_days,
        ' days in arm ',
        CASE
          WHEN COALESCE(measured.matured_cases >= measured.required_cases, FALSE)
          THEN champion.arm
          ELSE measured.arm
        END
      ),
      CASE
        WHEN (
          NOT measured.takes_cases
          AND measured.cases < measured.required_cases
          OR NOT champion.takes_cases
          AND champion.cases < champion.required_cases
        )
        THEN ', and no more enter: it cannot be read'
        ELSE ': not yet to be read'
      END,
      '.'
    )
    ELSE CONCAT('May be read: the sample asked for is there. Judge by ', measured.metric, ', once.')
  END AS reading_note
FROM measured
LEFT OUTER JOIN measured AS champion
  ON champion.is_champion
  AND measured.as_of = champion.as_of
  AND measured.basis = champion.basis
  AND measured.experiment = champion.experiment
  AND measured.shares_from = champion.shares_from
""",
        "Results of experiments so far, per arm and period of the same shares: what to read after shares changed. Grain: day x basis x experiment x period of shares x arm. Source: arm_result.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "experiment": "Experiment; joins dim_arm.",
            "shares_from": "First entry day of the shares under which the cases entered.",
            "arm": "Arm; joins dim_arm.",
            "is_champion": "Whether the other arms are compared to it.",
            "metric": "What decides: cure, roll, or recovered.",
            "within_days": "Days after entry in which a case's result is measured.",
            "cases": "Cases that entered.",
            "matured_cases": "Of them those whose days have passed; all figures are about these.",
            "required_cases": "Matured cases that the power calculation asks for.",
            "cured_cases": "Cases that were over within the days, and not by a write-off.",
            "rolled_cases": "Cases that reached a higher bucket than at entry within the days.",
            "recovered_amount": "What the cases paid of what was overdue, from entry to the end of the days.",
            "contacts": "Contact attempts from entry to the end of the days.",
            "cure_rate": "Cure rate: cured_cases / matured_cases.",
            "cure_rate_low": "Wilson's score interval, lower end.",
            "cure_rate_high": "Wilson's score interval, upper end.",
            "cure_rate_difference": "Difference to the champion; NULL for the champion.",
            "cure_rate_difference_low": "Newcombe's interval of the difference, lower end.",
            "cure_rate_difference_high": "Newcombe's interval of the difference, upper end.",
            "roll_rate": "Roll rate: rolled_cases / matured_cases.",
            "roll_rate_low": "Wilson's score interval, lower end.",
            "roll_rate_high": "Wilson's score interval, upper end.",
            "roll_rate_difference": "Difference to the champion; NULL for the champion.",
            "roll_rate_difference_low": "Newcombe's interval of the difference, lower end.",
            "roll_rate_difference_high": "Newcombe's interval of the difference, upper end.",
            "recovered_per_case": "Recovered per case: recovered_amount / matured_cases.",
            "recovered_per_case_low": "Normal interval, lower end.",
            "recovered_per_case_high": "Normal interval, upper end.",
            "recovered_per_case_difference": "Difference to the champion; NULL for the champion.",
            "recovered_per_case_difference_low": "Normal interval of the difference, lower end.",
            "recovered_per_case_difference_high": "Normal interval of the difference, upper end.",
            "contacts_per_case": "Contacts per case: contacts / matured_cases.",
            "contacts_per_case_low": "Normal interval, lower end.",
            "contacts_per_case_high": "Normal interval, upper end.",
            "contacts_per_case_difference": "Difference to the champion; NULL for the champion.",
            "contacts_per_case_difference_low": "Normal interval of the difference, lower end.",
            "contacts_per_case_difference_high": "Normal interval of the difference, upper end.",
            "readable": "Whether arm and champion have the cases that the power calculation asks for, under even shares.",
            "verdict": "By the metric, against the champion: better, worse, no difference found; NULL until readable.",
            "readable_from": "Day from which it may be read at the present rate of entries; NULL: not foreseeable.",
            "reading_note": "Whether it may be read, and if not, why.",
        },
    ),
)


def upgrade() -> None:

    op.create_table(
        "arm_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("experiment", sa.Text(), nullable=False, comment="Experiment; joins dim_arm."),
        sa.Column("arm", sa.Text(), nullable=False, comment="Arm; joins dim_arm."),
        sa.Column(
            "open_cases", sa.BigInteger(), nullable=False, comment="Cases of the arm that were open when the day began."
        ),
        sa.Column("entered_cases", sa.BigInteger(), nullable=False, comment="Of them those that entered that day."),
        sa.Column(
            "cured_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Of them those that were over that day, and not by a write-off.",
        ),
        sa.Column(
            "cured_in_time_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Of the cured ones, those within the experiment's days after entry.",
        ),
        sa.Column(
            "rolled_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Open cases that reached a higher bucket than at entry, for the first time.",
        ),
        sa.Column(
            "paid_cases", sa.BigInteger(), nullable=False, comment="Open cases that paid any of what was overdue."
        ),
        sa.Column(
            "recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What open cases paid that day, per case at most what was overdue when it began.",
        ),
        sa.Column("touched_cases", sa.BigInteger(), nullable=False, comment="Open cases with a contact attempt."),
        sa.Column("contacts", sa.BigInteger(), nullable=False, comment="Contact attempts at open cases, by whomever."),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "experiment", "arm", name=op.f("pk_arm_day")),
        schema="mart",
        comment="What came of the arms of experiments on a finished day; money and contacts are those of cases that were open when it began. Grain: day x basis x experiment x arm. Source: ledger, experiment_arm, contact results, ops.contact_attempt.",
    )
    op.create_table(
        "arm_result",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("experiment", sa.Text(), nullable=False, comment="Experiment; joins dim_arm."),
        sa.Column(
            "shares_from",
            sa.Date(),
            nullable=False,
            comment="First entry day of the shares under which the cases entered.",
        ),
        sa.Column("arm", sa.Text(), nullable=False, comment="Arm; joins dim_arm."),
        sa.Column("is_champion", sa.Boolean(), nullable=False, comment="Whether the other arms are compared to it."),
        sa.Column("share", sa.Numeric(precision=9, scale=6), nullable=False, comment="Share of new cases, 0 to 1."),
        sa.Column(
            "champion_share", sa.Numeric(precision=9, scale=6), nullable=False, comment="Share of the champion, 0 to 1."
        ),
        sa.Column(
            "takes_cases", sa.Boolean(), nullable=False, comment="Whether new cases still enter under these shares."
        ),
        sa.Column("entry_days", sa.Integer(), nullable=False, comment="Finished days on which cases could enter."),
        sa.Column("metric", sa.Text(), nullable=False, comment="What decides: cure, roll, or recovered."),
        sa.Column(
            "within_days",
            sa.Integer(),
            nullable=False,
            comment="Days after entry in which a case's result is measured; it counts once they have passed (matured).",
        ),
        sa.Column(
            "required_cases",
            sa.BigInteger(),
            nullable=True,
            comment="Matured cases that the power calculation asks for; NULL: compared with nothing.",
        ),
        sa.Column(
            "z_value",
            sa.Double(),
            nullable=False,
            comment="Normal quantile of the intervals: the two-sided alpha over the comparisons made.",
        ),
        sa.Column("cases", sa.BigInteger(), nullable=False, comment="Cases that entered."),
        sa.Column(
            "matured_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Of them those whose days have passed; all that follows is about these.",
        ),
        sa.Column(
            "cured_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Cases that were over within the days, and not by a write-off.",
        ),
        sa.Column(
            "rolled_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Cases that reached a higher bucket than at entry within the days.",
        ),
        sa.Column(
            "recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What they paid from entry to the end of the days, per day at most what was overdue when the day began.",
        ),
        sa.Column(
            "recovered_squares",
            sa.Numeric(precision=38, scale=4),
            nullable=False,
            comment="Sum over the cases of the squared amount, for the interval.",
        ),
        sa.Column(
            "contacts",
            sa.BigInteger(),
            nullable=False,
            comment="Contact attempts from entry to the end of the days, by whomever.",
        ),
        sa.Column(
            "contact_squares",
            sa.BigInteger(),
            nullable=False,
            comment="Sum over the cases of the squared number, for the interval.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "experiment", "shares_from", "arm", name=op.f("pk_arm_result")),
        schema="mart",
        comment="What came of each arm so far, as of the opening: sums over all cases that entered since the experiment began, whatever happened to them later (intention to treat). Rates, intervals and whether they may be read are in v_arm_result. Grain: day x basis x experiment x period of shares x arm. Source: ledger, experiment_arm, contact results, ops.contact_attempt.",
    )
    op.create_table(
        "dim_arm",
        sa.Column("experiment", sa.Text(), nullable=False, comment="Experiment."),
        sa.Column("arm", sa.Text(), nullable=False, comment="Arm."),
        sa.Column("meaning", sa.Text(), nullable=False, comment="What is done in the arm."),
        sa.Column("is_champion", sa.Boolean(), nullable=False, comment="Whether the other arms are compared to it."),
        sa.Column("hypothesis", sa.Text(), nullable=False, comment="What the experiment is to show."),
        sa.Column("owner", sa.Text(), nullable=False, comment="Who answers for it."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it is made."),
        sa.Column("metric", sa.Text(), nullable=False, comment="What decides: cure, roll, or recovered."),
        sa.Column(
            "within_days",
            sa.Integer(),
            nullable=False,
            comment="Days after entry in which a case's result is measured; it counts once they have passed (matured).",
        ),
        sa.Column(
            "baseline",
            sa.Numeric(precision=18, scale=6),
            nullable=False,
            comment="What the champion is expected to give: a share, 0 to 1, or an amount per case.",
        ),
        sa.Column(
            "minimum_effect",
            sa.Numeric(precision=18, scale=6),
            nullable=False,
            comment="Smallest difference to the champion that is worth finding, in that unit.",
        ),
        sa.Column(
            "alpha",
            sa.Numeric(precision=9, scale=6),
            nullable=False,
            comment="Chance of calling a difference that is none, 0 to 1, over all comparisons.",
        ),
        sa.Column(
            "power",
            sa.Numeric(precision=9, scale=6),
            nullable=False,
            comment="Chance of finding the minimum effect if it is there, 0 to 1.",
        ),
        sa.Column("starts_on", sa.Date(), nullable=False, comment="First entry day of its cases."),
        sa.Column("ends_on", sa.Date(), nullable=True, comment="Last entry day; NULL: open."),
        sa.PrimaryKeyConstraint("experiment", "arm", name=op.f("pk_dim_arm")),
        schema="mart",
        comment="Arms of the declared experiments (champion and challengers), as last declared. Grain: experiment x arm. Source: experiments.yaml.",
    )
    op.add_column(
        "strategy_decision",
        sa.Column(
            "arms",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Arms of the case, experiment=arm, comma separated; empty when it is in none. Joins dim_arm.",
        ),
        schema="mart",
    )

    for name, definition, comment, columns in _VIEWS:
        op.execute(_text(definition))
        quoted = comment.replace("'", "''")
        op.execute(_text(f"COMMENT ON VIEW mart.{name} IS '{quoted}'"))
        view = sa.Table(name, sa.MetaData(), schema="mart")
        for column, text in columns.items():
            view.append_column(sa.Column(column, sa.Text, comment=text))
            op.execute(sa.schema.SetColumnComment(view.columns[column]))
    if not ensure_bi_role(op.get_bind()):
        log.warning("%s", missing_bi_role())


def _text(statement: str) -> sa.TextClause:
    # no colon of these statements is a parameter's
    return sa.text(statement.replace(":", "\\:"))


def downgrade() -> None:
    for name, *_ in reversed(_VIEWS):
        op.execute(sa.schema.DropView(sa.Table(name, sa.MetaData(), schema="mart")))
    op.drop_column("strategy_decision", "arms", schema="mart")
    op.drop_table("arm_result", schema="mart")
    op.drop_table("arm_day", schema="mart")
    op.drop_table("dim_arm", schema="mart")
