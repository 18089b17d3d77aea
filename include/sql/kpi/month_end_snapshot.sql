-- The same as month_end_state, from what the runs of the month ends themselves knew (their frozen snapshots).
-- Grain: month end x contract.
SELECT
    snapshot.as_of AS month_end,
    snapshot.contract_id,
    snapshot.product,
    COALESCE(snapshot.currency, 'XXX') AS currency,
    snapshot.days_past_due,
    snapshot.delinquent_days,
    snapshot.bucket_no,
    COALESCE(snapshot.outstanding_principal, snapshot.outstanding_amount) AS balance,
    CASE
        WHEN
            contracts.written_off_on IS NOT NULL
            AND (contracts.closed_on IS NULL OR contracts.written_off_on <= contracts.closed_on)
            THEN 'written_off'
        WHEN contracts.closed_on IS NOT NULL THEN 'closed'
    END AS leaves_as
FROM snapshot
LEFT JOIN contracts ON snapshot.contract_id = contracts.contract_id
