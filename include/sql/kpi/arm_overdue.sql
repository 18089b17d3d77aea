-- Days on which contracts were overdue since the first entry day of any experiment, by bucket: a row is a run of days
-- from from_day to before until (NULL: it lasts). Overdue on the day before that entry day matters too: such a case is
-- none of the experiment's.
SELECT
    bucket_history.contract_id,
    scope.customer_id,
    bucket_history.from_day,
    CASE
        WHEN bucket_history.to_day < $as_of THEN CAST(bucket_history.to_day + INTERVAL 1 DAY AS DATE)
    END AS until,
    bucket_history.bucket_no
FROM bucket_history
INNER JOIN scope ON bucket_history.contract_id = scope.contract_id
WHERE
    bucket_history.oldest_due_date IS NOT NULL
    AND CAST(bucket_history.to_day + INTERVAL 1 DAY AS DATE) >= $experiments_from
ORDER BY scope.customer_id, bucket_history.contract_id, bucket_history.from_day
