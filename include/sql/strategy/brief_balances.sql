-- One row per contract of the book: what fell due before $as_of, and what was paid by $as_of. What a brief ageing needs
-- of `balances`, in whose place it stands: items of the future are not summed, and all sums are made at once.
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

-- Of written-off contracts alone, where they are worked, all is summed: those that owe nothing are not in the book.
recovery AS (
    SELECT contract_id
    FROM book
    WHERE written_off
),

recovery_items AS (
    SELECT
        installments.contract_id,
        installments.amount_due AS amount
    FROM installments
    INNER JOIN recovery ON installments.contract_id = recovery.contract_id
    UNION ALL
    SELECT
        charges.contract_id,
        charges.amount
    FROM charges
    INNER JOIN recovery ON charges.contract_id = recovery.contract_id
),

recovery_owed AS (
    SELECT
        contract_id,
        SUM(amount) AS owed
    FROM recovery_items
    GROUP BY contract_id
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
LEFT JOIN recovery_owed ON book.contract_id = recovery_owed.contract_id
WHERE NOT book.written_off OR COALESCE(recovery_owed.owed, 0) > COALESCE(sums.paid, 0)
