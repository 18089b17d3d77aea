-- Numbers that several customers have: who answers there, nobody knows, so tries are counted for all of them together.
WITH numbered AS (
    SELECT
        customer_id,
        REGEXP_REPLACE(COALESCE(phone, ''), '[^0-9]', '', 'g') AS digits
    FROM customers
),

keyed AS (
    SELECT
        customer_id,
        RIGHT(digits, 10) AS number_key
    FROM numbered
    WHERE LENGTH(digits) >= 5
)

SELECT
    customer_id,
    number_key
FROM keyed
QUALIFY COUNT(*) OVER (PARTITION BY number_key) > 1
