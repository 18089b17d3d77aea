-- One row per contract of the book: what fell due before $as_of, and what was paid by $as_of. What a brief ageing needs
-- of `balances`, in whose place it stands: items of the future are not summed, and all sums are made at once.
WITH book AS (
    SELECT contract_id
    FROM contracts
    WHERE
        originated_on <= $as_of
        AND (ledger_from IS NULL OR ledger_from <= $as_of)
        AND (closed_on IS NULL OR closed_on > $as_of)
        AND (written_off_on IS NULL OR written_off_on > $as_of)
),

movements AS (
    SELECT
        contract_id,
        amount_due AS owed,
        NULL AS paid
    FROM installments
    WHERE due_date < $as_of
    UNION ALL
    SELECT
        contract_id,
        amount AS owed,
        NULL AS paid
    FROM charges
    WHERE due_date < $as_of
    UNION ALL
    SELECT
        contract_id,
        NULL AS owed,
        CASE WHEN reversed_on <= $as_of THEN NULL ELSE amount END AS paid
    FROM payments
    WHERE value_date <= $as_of
),

sums AS (
    SELECT
        contract_id,
        SUM(owed) AS owed,
        SUM(paid) AS paid
    FROM movements
    GROUP BY contract_id
)

SELECT
    book.contract_id,
    CAST(COALESCE(sums.owed, 0) AS DECIMAL(18, 2)) AS owed_before,
    CAST(COALESCE(sums.paid, 0) AS DECIMAL(18, 2)) AS paid
FROM book
LEFT JOIN sums ON book.contract_id = sums.contract_id
