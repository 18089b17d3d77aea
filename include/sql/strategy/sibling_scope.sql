-- The other contracts of customers with a contract in arrears on $as_of, those that left the book included. book_from
-- and book_to (exclusive; NULL: open) are the days between which a contract is, or was, in the book.
WITH overdue AS (
    SELECT
        contracts.contract_id,
        contracts.customer_id
    FROM contracts
    INNER JOIN positions ON contracts.contract_id = positions.contract_id
    WHERE positions.days_past_due > 0
),

overdue_customers AS (
    SELECT DISTINCT customer_id
    FROM overdue
)

SELECT
    contracts.contract_id,
    contracts.customer_id,
    GREATEST(contracts.originated_on, COALESCE(contracts.ledger_from, contracts.originated_on)) AS book_from,
    CASE
        WHEN $recovery_worked THEN contracts.closed_on
        ELSE
            LEAST(
                COALESCE(contracts.closed_on, contracts.written_off_on),
                COALESCE(contracts.written_off_on, contracts.closed_on)
            )
    END AS book_to
FROM contracts
INNER JOIN overdue_customers ON contracts.customer_id = overdue_customers.customer_id
LEFT JOIN overdue ON contracts.contract_id = overdue.contract_id
WHERE overdue.contract_id IS NULL
