-- How many contracts of the live book are how late, for the day's summary: bands of 30 days past due.
WITH banded AS (
    SELECT
        CASE
            WHEN days_past_due = 0 THEN 0
            WHEN days_past_due <= 30 THEN 1
            WHEN days_past_due <= 60 THEN 2
            WHEN days_past_due <= 90 THEN 3
            ELSE 4
        END AS band_no,
        CASE
            WHEN days_past_due = 0 THEN '0'
            WHEN days_past_due <= 30 THEN '1-30'
            WHEN days_past_due <= 60 THEN '31-60'
            WHEN days_past_due <= 90 THEN '61-90'
            ELSE '91+'
        END AS band
    FROM snapshot
    WHERE NOT written_off
)

SELECT
    band,
    COUNT(*) AS contracts
FROM banded
GROUP BY band_no, band
ORDER BY band_no
