-- One row per contract of the book, aged as of $as_of. Definitions: docs/ageing.md.
-- A ledger without the parts of its instalments leaves them unknown; one with parts has nothing overdue where nothing
-- was walked. In arrears the last spell is the present one.
WITH present_spells AS (
    SELECT
        contract_id,
        MAX(entered_on) AS entered_on,
        MAX(CASE WHEN exited_on IS NOT NULL AND outlasted_grace THEN 1 ELSE 0 END) = 1 AS repeated
    FROM overdue_spells
    GROUP BY contract_id
),

open_holds AS (
    SELECT
        holds.contract_id,
        MIN(stop_holds.strength) AS strength
    FROM holds
    INNER JOIN stop_holds ON holds.kind = stop_holds.kind
    WHERE holds.start_date <= $as_of AND (holds.end_date IS NULL OR holds.end_date > $as_of)
    GROUP BY holds.contract_id
)

SELECT
    CAST($as_of AS DATE) AS as_of,
    contracts.contract_id,
    contracts.customer_id,
    contracts.product,
    contracts.vehicle_type,
    contracts.region,
    contracts.dealer_id,
    contracts.currency,
    contracts.originated_on,
    contracts.principal,
    COALESCE(positions.days_past_due, 0) AS days_past_due,
    COALESCE(positions.delinquent_days, 0) AS delinquent_days,
    COALESCE(positions.paused_days, 0) AS paused_days,
    CAST(COALESCE(positions.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(
        CASE
            WHEN balances.principal_after IS NOT NULL THEN COALESCE(positions.overdue_principal, 0)
        END AS DECIMAL(18, 2)
    ) AS overdue_principal,
    CAST(
        CASE
            WHEN balances.principal_after IS NOT NULL THEN COALESCE(positions.overdue_interest, 0)
        END AS DECIMAL(18, 2)
    ) AS overdue_interest,
    CAST(
        CASE WHEN balances.principal_after IS NOT NULL THEN COALESCE(positions.overdue_fee, 0) END AS DECIMAL(18, 2)
    ) AS overdue_fee,
    CAST(COALESCE(positions.overdue_charges, 0) AS DECIMAL(18, 2)) AS overdue_charges,
    CAST(GREATEST(0, balances.owed - balances.paid) AS DECIMAL(18, 2)) AS outstanding_amount,
    CAST(
        CASE
            WHEN balances.paid > balances.owed_before
                THEN COALESCE(advances.principal_unpaid, balances.principal_after)
            ELSE balances.principal_after + COALESCE(positions.overdue_principal, 0)
        END AS DECIMAL(18, 2)
    ) AS outstanding_principal,
    COALESCE(positions.unmet_installments, 0) AS unmet_installments,
    positions.oldest_due_date,
    buckets.bucket,
    buckets.bucket_no,
    buckets.class,
    COALESCE(positions.days_past_due > 0 AND present_spells.repeated, FALSE) AS repeated,
    CASE WHEN positions.days_past_due > 0 THEN present_spells.entered_on END AS spell_entered_on,
    COALESCE(contracts.written_off_on <= $as_of, FALSE) AS written_off,
    balances.last_payment_on,
    stop_holds.kind IS NOT NULL AS held,
    stop_holds.kind AS hold_kind
FROM balances
INNER JOIN contracts ON balances.contract_id = contracts.contract_id
LEFT JOIN positions ON balances.contract_id = positions.contract_id
LEFT JOIN advances ON balances.contract_id = advances.contract_id
INNER JOIN buckets ON COALESCE(positions.bucket_no, 0) = buckets.bucket_no
LEFT JOIN present_spells ON balances.contract_id = present_spells.contract_id
LEFT JOIN open_holds ON balances.contract_id = open_holds.contract_id
LEFT JOIN stop_holds ON open_holds.strength = stop_holds.strength
ORDER BY contracts.contract_id
