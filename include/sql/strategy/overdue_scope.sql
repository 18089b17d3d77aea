-- Whose spells the day needs: every contract of a customer with an overdue contract, closed ones included.
-- book_from and book_to (exclusive; NULL: open) are the days between which the contract is in the book.
WITH overdue_customers AS (
    SELECT DISTINCT contracts.customer_id
    FROM contracts
    INNER JOIN positions ON contracts.contract_id = positions.contract_id
    WHERE positions.days_past_due > 0
)

SELECT
    contracts.contract_id,
    contracts.customer_id,
    GREATEST(contracts.originated_on, COALESCE(contracts.ledger_from, contracts.originated_on)) AS book_from,
    LEAST(
        COALESCE(contracts.closed_on, contracts.written_off_on),
        COALESCE(contracts.written_off_on, contracts.closed_on)
    ) AS book_to
FROM contracts
INNER JOIN overdue_customers ON contracts.customer_id = overdue_customers.customer_id
