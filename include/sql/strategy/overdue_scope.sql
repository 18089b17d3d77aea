-- The contracts in arrears on $as_of. book_from and book_to (exclusive; NULL: open) are the days between which a
-- contract is in the book.
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
INNER JOIN positions ON contracts.contract_id = positions.contract_id
WHERE positions.days_past_due > 0
