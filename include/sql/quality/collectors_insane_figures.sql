-- Collectors with a negative quota or capacity, or who left before they came.
SELECT
    row_number,
    CASE
        WHEN daily_quota < 0 THEN 'daily_quota is negative'
        WHEN capacity < 0 THEN 'capacity is negative'
        ELSE 'active_to is before active_from'
    END AS reason
FROM collectors
WHERE
    daily_quota < 0
    OR capacity < 0
    OR active_to < active_from
