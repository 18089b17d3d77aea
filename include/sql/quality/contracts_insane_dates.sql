-- Contracts that were disbursed in another age, or that ended before they began.
SELECT
    row_number,
    CASE
        WHEN originated_on < DATE '1970-01-01' THEN 'originated_on is before 1970'
        WHEN originated_on > CAST($as_of AS DATE) + INTERVAL 30 YEAR THEN 'originated_on is more than 30 years ahead'
        WHEN closed_on < originated_on THEN 'closed_on is before originated_on'
        ELSE 'written_off_on is before originated_on'
    END AS reason
FROM contracts
WHERE
    originated_on < DATE '1970-01-01'
    OR originated_on > CAST($as_of AS DATE) + INTERVAL 30 YEAR
    OR closed_on < originated_on
    OR written_off_on < originated_on
