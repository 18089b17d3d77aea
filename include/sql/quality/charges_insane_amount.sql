-- Charges with a negative amount.
SELECT
    row_number,
    'amount is negative' AS reason
FROM charges
WHERE amount < 0
