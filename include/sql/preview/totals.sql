-- The comparison in one row per currency: the cases of each side, and those that change.
SELECT
    COALESCE(currency, '') AS currency,
    COUNT(*) AS cases,
    COUNT(before_segment) AS before_cases,
    COUNT(after_segment) AS after_cases,
    SUM(CASE WHEN changes <> '' THEN 1 ELSE 0 END) AS changed_cases,
    SUM(CASE WHEN COALESCE(after_intensity, 0) > COALESCE(before_intensity, 0) THEN 1 ELSE 0 END) AS harsher_cases,
    SUM(CASE WHEN COALESCE(after_intensity, 0) < COALESCE(before_intensity, 0) THEN 1 ELSE 0 END) AS milder_cases,
    SUM(CASE WHEN before_collector IS DISTINCT FROM after_collector THEN 1 ELSE 0 END) AS other_collector_cases,
    CAST(SUM(overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(SUM(CASE WHEN changes <> '' THEN overdue_amount ELSE 0 END) AS DECIMAL(18, 2)) AS changed_overdue_amount
FROM case_change
GROUP BY COALESCE(currency, '')
ORDER BY cases DESC, currency ASC
