-- Holds that end before they start.
SELECT
    row_number,
    'end_date is before start_date' AS reason
FROM holds
WHERE end_date < start_date
