-- The contacts with customers whose cases are handed over with documents, as the ledger knows them by the day.
SELECT
    COALESCE(r.customer_id, k.customer_id) AS customer_id,
    r.attempted_at,
    r.channel,
    r.outcome,
    COALESCE(r.initiated_by, 'lender') AS initiated_by
FROM contact_results AS r
LEFT JOIN contracts AS k ON r.contract_id = k.contract_id
INNER JOIN wanted_customer AS w ON COALESCE(r.customer_id, k.customer_id) = w.customer_id
WHERE CAST(r.attempted_at AS DATE) <= $as_of
ORDER BY COALESCE(r.customer_id, k.customer_id), r.attempted_at, r.result_id
