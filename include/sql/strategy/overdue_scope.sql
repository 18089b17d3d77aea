-- The contracts in arrears on $as_of, with their days in the book.
SELECT
    book_period.contract_id,
    book_period.customer_id,
    book_period.book_from,
    book_period.book_to
FROM book_period
INNER JOIN positions ON book_period.contract_id = positions.contract_id
WHERE positions.days_past_due > 0
