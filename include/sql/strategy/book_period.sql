-- The days on which a contract is, or was, in the book: from book_from to before book_to (NULL: open). Grain: contract.
SELECT
    contract_id,
    customer_id,
    GREATEST(originated_on, COALESCE(ledger_from, originated_on)) AS book_from,
    CASE
        WHEN $recovery_worked THEN closed_on
        ELSE LEAST(COALESCE(closed_on, written_off_on), COALESCE(written_off_on, closed_on))
    END AS book_to
FROM contracts
