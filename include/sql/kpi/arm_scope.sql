-- Whose cases experiments may count: contracts that were in the book on or after the first entry day of any experiment.
SELECT
    contract_id,
    customer_id,
    contract_no,
    book_from,
    book_to
FROM whole_scope
WHERE book_to IS NULL OR book_to >= $experiments_from
