-- Payments that are not above zero; a returned payment is marked by reversed_on, not by a negative amount.
SELECT
    row_number,
    'amount is not above zero' AS reason
FROM payments
WHERE amount <= 0
