-- Contracts whose principal or term is not above zero, or whose yearly rate is not between 0 and 1,000 %.
SELECT
    row_number,
    CASE
        WHEN principal <= 0 THEN 'principal is not above zero'
        WHEN term_months <= 0 THEN 'term_months is not above zero'
        ELSE 'annual_rate is not between 0 and 10'
    END AS reason
FROM contracts
WHERE
    principal <= 0
    OR term_months <= 0
    OR annual_rate < 0
    OR annual_rate > 10
