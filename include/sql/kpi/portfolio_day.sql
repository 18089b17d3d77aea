-- The live book by bucket at the opening. Grain: day x basis x product x currency x bucket.
SELECT
    as_of,
    CAST($basis AS VARCHAR) AS basis,
    product,
    COALESCE(currency, 'XXX') AS currency,
    bucket,
    class,
    COUNT(*) AS contracts,
    COUNT(CASE WHEN days_past_due > 0 THEN 1 END) AS overdue_contracts,
    COUNT(CASE WHEN repeated THEN 1 END) AS repeated_contracts,
    COUNT(CASE WHEN held THEN 1 END) AS held_contracts,
    CAST(SUM(principal) AS DECIMAL(18, 2)) AS principal,
    CAST(SUM(outstanding_amount) AS DECIMAL(18, 2)) AS outstanding_amount,
    CAST(SUM(outstanding_principal) AS DECIMAL(18, 2)) AS outstanding_principal,
    CAST(SUM(overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount
FROM live_book
GROUP BY as_of, product, COALESCE(currency, 'XXX'), bucket, class
ORDER BY product, currency, bucket
