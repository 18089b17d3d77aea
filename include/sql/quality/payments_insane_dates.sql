-- Payments dated in another age, more than a year before their contract, or returned before they were made.
SELECT
    payments.row_number,
    CASE
        WHEN payments.value_date > CAST($as_of AS DATE) + INTERVAL 30 YEAR THEN 'value_date is more than 30 years ahead'
        WHEN payments.reversed_on < payments.value_date THEN 'reversed_on is before value_date'
        ELSE 'value_date is more than a year before the contract'
    END AS reason
FROM payments
LEFT JOIN contracts ON payments.contract_id = contracts.contract_id
WHERE
    payments.value_date > CAST($as_of AS DATE) + INTERVAL 30 YEAR
    OR payments.reversed_on < payments.value_date
    OR DATE_DIFF('day', payments.value_date, COALESCE(contracts.originated_on, DATE '1970-01-01')) > 366
