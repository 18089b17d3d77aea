-- The other contracts of customers with a contract in arrears on $as_of, with their days in the book; those that left
-- it included.
WITH overdue AS (
    SELECT
        book_period.contract_id,
        book_period.customer_id
    FROM book_period
    INNER JOIN positions ON book_period.contract_id = positions.contract_id
    WHERE positions.days_past_due > 0
),

overdue_customers AS (
    SELECT DISTINCT customer_id
    FROM overdue
)

SELECT
    book_period.contract_id,
    book_period.customer_id,
    book_period.book_from,
    book_period.book_to
FROM book_period
INNER JOIN overdue_customers ON book_period.customer_id = overdue_customers.customer_id
LEFT JOIN overdue ON book_period.contract_id = overdue.contract_id
WHERE overdue.contract_id IS NULL
