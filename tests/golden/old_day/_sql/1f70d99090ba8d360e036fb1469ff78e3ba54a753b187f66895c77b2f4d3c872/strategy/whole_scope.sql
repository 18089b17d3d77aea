-- Every contract that was in the book on some day up to $as_of, with its days there: book_from, and book_to (exclusive;
-- NULL: open).
WITH periods AS (
    SELECT
        contract_id,
        customer_id,
        GREATEST(originated_on, COALESCE(ledger_from, originated_on)) AS book_from,
        LEAST(COALESCE(closed_on, written_off_on), COALESCE(written_off_on, closed_on)) AS book_to
    FROM contracts
)

SELECT
    contract_id,
    customer_id,
    book_from,
    book_to
FROM periods
WHERE book_from <= $as_of AND (book_to IS NULL OR book_to > book_from)
