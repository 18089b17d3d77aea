-- One row per contract of the book: what it owes by $as_of, and what was paid. The first half of ageing.
-- Where the recovery book is worked, written-off contracts that still owe are in the book.
WITH book AS (
    SELECT
        contract_id,
        COALESCE(written_off_on <= $as_of, FALSE) AS written_off
    FROM contracts
    WHERE
        originated_on <= $as_of
        AND (ledger_from IS NULL OR ledger_from <= $as_of)
        AND (closed_on IS NULL OR closed_on > $as_of)
        AND ($recovery_worked OR written_off_on IS NULL OR written_off_on > $as_of)
),

scheduled AS (
    SELECT
        contract_id,
        SUM(amount_due) AS amount,
        SUM(CASE WHEN due_date < $as_of THEN amount_due ELSE 0 END) AS amount_before,
        SUM(CASE WHEN due_date >= $as_of OR principal_due IS NULL THEN principal_due ELSE 0 END) AS principal_after
    FROM installments
    GROUP BY contract_id
),

charged AS (
    SELECT
        contract_id,
        SUM(amount) AS amount,
        SUM(CASE WHEN due_date < $as_of THEN amount ELSE 0 END) AS amount_before
    FROM charges
    GROUP BY contract_id
),

-- Returned payments are left out by CASE: filtering the others row by row takes many times as long in a large ledger.
paid AS (
    SELECT
        contract_id,
        SUM(CASE WHEN reversed_on <= $as_of THEN NULL ELSE amount END) AS amount,
        MAX(CASE WHEN reversed_on <= $as_of THEN NULL ELSE value_date END) AS last_payment_on
    FROM payments
    WHERE value_date <= $as_of
    GROUP BY contract_id
)

SELECT
    book.contract_id,
    paid.last_payment_on,
    CAST(scheduled.principal_after AS DECIMAL(18, 2)) AS principal_after,
    CAST(COALESCE(scheduled.amount, 0) + COALESCE(charged.amount, 0) AS DECIMAL(18, 2)) AS owed,
    CAST(COALESCE(scheduled.amount_before, 0) + COALESCE(charged.amount_before, 0) AS DECIMAL(18, 2)) AS owed_before,
    CAST(COALESCE(paid.amount, 0) AS DECIMAL(18, 2)) AS paid
FROM book
LEFT JOIN scheduled ON book.contract_id = scheduled.contract_id
LEFT JOIN charged ON book.contract_id = charged.contract_id
LEFT JOIN paid ON book.contract_id = paid.contract_id
WHERE
    NOT book.written_off
    OR COALESCE(scheduled.amount, 0) + COALESCE(charged.amount, 0) > COALESCE(paid.amount, 0)
ORDER BY book.contract_id
