-- Contact results of collectors that the ledger does not list; a ledger without any collectors is not judged.
SELECT
    contact_results.row_number,
    'no such collector' AS reason
FROM contact_results
CROSS JOIN (SELECT COUNT(*) AS given FROM collectors) AS collector_count
LEFT JOIN collectors ON contact_results.collector_id = collectors.collector_id
WHERE
    collector_count.given > 0
    AND contact_results.collector_id IS NOT NULL
    AND collectors.collector_id IS NULL
