-- Customers born after the day, younger than 16 or older than 110 years on it, or whose employment starts after it.
SELECT
    row_number,
    CASE
        WHEN employed_since > CAST($as_of AS DATE) THEN 'employed_since is after the day'
        WHEN birth_date > CAST($as_of AS DATE) THEN 'birth_date is after the day'
        ELSE 'birth_date gives an unlikely age'
    END AS reason
FROM customers
WHERE
    employed_since > CAST($as_of AS DATE)
    OR birth_date > CAST($as_of AS DATE)
    OR DATE_DIFF('year', birth_date, CAST($as_of AS DATE)) < 16
    OR DATE_DIFF('year', birth_date, CAST($as_of AS DATE)) > 110
