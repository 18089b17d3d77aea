-- What the rules decided for an overdue contract, without the profile. Grain: day x basis x contract.
SELECT
    as_of,
    CAST($basis AS VARCHAR) AS basis,
    contract_id,
    customer_id,
    rule_set_hash,
    balance_tier,
    CAST(overdue_share AS DECIMAL(9, 6)) AS overdue_share,
    score_stage,
    collection_score,
    lost_contact_score,
    roll_rate_score,
    collection_band,
    lost_contact_band,
    roll_rate_band,
    segment,
    treatment,
    intensity,
    placement,
    channels,
    queue,
    priority,
    balance_rule,
    score_rule,
    segment_rule,
    treatment_rule
FROM treatment
ORDER BY contract_id
