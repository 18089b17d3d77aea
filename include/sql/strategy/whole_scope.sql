-- Every contract that was in the book on some day up to $as_of, with its days there. contract_no numbers them in the
-- order of their ids: sorting millions of rows by a number is cheap.
SELECT
    contract_id,
    customer_id,
    CAST(ROW_NUMBER() OVER (ORDER BY contract_id) AS INTEGER) AS contract_no,
    book_from,
    book_to
FROM book_period
WHERE book_from <= $as_of AND (book_to IS NULL OR book_to > book_from)
