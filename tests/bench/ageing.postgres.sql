-- The core answer on PostgreSQL. Balances are aggregated by parallel workers; the instalments of who is short are
-- found by the index on contract and due date, which also gives their order.
WITH balances AS MATERIALIZED (
    SELECT
        contract_id,
        COALESCE(scheduled.amount, 0) + COALESCE(charged.amount, 0) AS owed,
        COALESCE(paid.amount, 0) AS paid
    FROM contracts
    LEFT JOIN (
        SELECT contract_id, SUM(amount_due) AS amount
        FROM installments
        WHERE due_date < %(as_of)s
        GROUP BY contract_id
    ) AS scheduled USING (contract_id)
    LEFT JOIN (
        SELECT contract_id, SUM(amount) AS amount
        FROM charges
        WHERE due_date < %(as_of)s
        GROUP BY contract_id
    ) AS charged USING (contract_id)
    LEFT JOIN (
        SELECT contract_id, SUM(amount) AS amount
        FROM payments
        WHERE value_date <= %(as_of)s AND (reversed_on IS NULL OR reversed_on > %(as_of)s)
        GROUP BY contract_id
    ) AS paid USING (contract_id)
    WHERE
        originated_on <= %(as_of)s
        AND (ledger_from IS NULL OR ledger_from <= %(as_of)s)
        AND (closed_on IS NULL OR closed_on > %(as_of)s)
        AND (written_off_on IS NULL OR written_off_on > %(as_of)s)
),

short AS MATERIALIZED (
    SELECT *
    FROM balances
    WHERE paid < owed
),

due AS (
    SELECT contract_id, due_date, 2 AS serving, installment_no AS item_no, '' AS item_id, amount_due AS amount, paid
    FROM short
    INNER JOIN installments USING (contract_id)
    WHERE due_date < %(as_of)s
    UNION ALL
    SELECT
        contract_id,
        due_date,
        CASE WHEN kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        0 AS item_no,
        charge_id AS item_id,
        amount,
        paid
    FROM short
    INNER JOIN charges USING (contract_id)
    WHERE due_date < %(as_of)s
),

served AS (
    SELECT
        contract_id,
        due_date,
        amount,
        LEAST(amount, SUM(amount) OVER in_order - paid) AS unpaid
    FROM due
    WINDOW in_order AS (
        PARTITION BY contract_id ORDER BY due_date, serving, item_no, item_id ROWS UNBOUNDED PRECEDING
    )
),

walked AS MATERIALIZED (
    SELECT contract_id, MIN(due_date) AS oldest_due_date, COUNT(*) AS unmet_installments
    FROM served
    WHERE unpaid > GREATEST(%(share)s * amount, %(amount)s)
    GROUP BY contract_id
),

paused AS (
    SELECT
        walked.contract_id,
        SUM(UPPER(pause) - LOWER(pause)) AS days
    FROM walked
    INNER JOIN (
        SELECT
            holds.contract_id,
            UNNEST(RANGE_AGG(DATERANGE(
                GREATEST(holds.start_date, walked.oldest_due_date),
                GREATEST(
                    LEAST(COALESCE(holds.end_date, %(as_of)s), %(as_of)s),
                    holds.start_date,
                    walked.oldest_due_date
                )
            ))) AS pause
        FROM holds
        INNER JOIN walked USING (contract_id)
        WHERE holds.kind = 'pause'
        GROUP BY holds.contract_id
    ) AS pauses USING (contract_id)
    GROUP BY walked.contract_id
),

aged AS (
    SELECT
        balances.contract_id,
        COALESCE(%(as_of)s - walked.oldest_due_date, 0) AS days_past_due,
        GREATEST(0, balances.owed - balances.paid) AS overdue_amount,
        walked.oldest_due_date,
        COALESCE(walked.unmet_installments, 0) AS unmet_installments,
        COALESCE(paused.days, 0) AS paused_days
    FROM balances
    LEFT JOIN walked USING (contract_id)
    LEFT JOIN paused USING (contract_id)
)

SELECT
    contract_id,
    days_past_due::INT AS days_past_due,
    overdue_amount::NUMERIC(18, 2) AS overdue_amount,
    oldest_due_date,
    unmet_installments::INT AS unmet_installments,
    (%(names)s::TEXT[])[
        WIDTH_BUCKET(GREATEST(0, days_past_due - %(grace_days)s - paused_days)::INT, %(first_days)s::INT[])
    ] AS bucket
FROM aged
