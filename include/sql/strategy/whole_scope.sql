-- Every contract that was in the book on some day up to $as_of, with its days there: book_from, and book_to (exclusive;
-- NULL: open). contract_no numbers them in the order of their ids: sorting millions of rows by a number is cheap.
WITH periods AS (
    SELECT
        contract_id,
        customer_id,
        GREATEST(originated_on, COALESCE(ledger_from, originated_on)) AS book_from,
        CASE
            WHEN $recovery_worked THEN closed_on
            ELSE LEAST(COALESCE(closed_on, written_off_on), COALESCE(written_off_on, closed_on))
        END AS book_to
    FROM contracts
)

SELECT
    contract_id,
    customer_id,
    CAST(ROW_NUMBER() OVER (ORDER BY contract_id) AS INTEGER) AS contract_no,
    book_from,
    book_to
FROM periods
WHERE book_from <= $as_of AND (book_to IS NULL OR book_to > book_from)
