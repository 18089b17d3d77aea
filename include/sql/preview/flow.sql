-- Where the cases go: per dimension, how many cases (and how much overdue in the main currency) are in one state under
-- the present rules and in which under the changed ones. '' is no case on that side.
WITH states AS (
    SELECT
        dimension.name AS dimension,
        case_change.currency,
        case_change.overdue_amount,
        CASE dimension.name
            WHEN 'bucket' THEN case_change.before_bucket
            WHEN 'class' THEN case_change.before_class
            WHEN 'segment' THEN case_change.before_segment
            WHEN 'treatment' THEN case_change.before_treatment
            WHEN 'placement' THEN case_change.before_placement
            WHEN 'queue' THEN case_change.before_queue
            WHEN 'intensity' THEN CAST(case_change.before_intensity AS VARCHAR)
            -- an empty list is a state of its own, unlike no case at all
            WHEN 'channels' THEN COALESCE(NULLIF(case_change.before_channels, ''), none.word)
            WHEN 'arms' THEN COALESCE(NULLIF(case_change.before_arms, ''), none.word)
        END AS before_state,
        CASE dimension.name
            WHEN 'bucket' THEN case_change.after_bucket
            WHEN 'class' THEN case_change.after_class
            WHEN 'segment' THEN case_change.after_segment
            WHEN 'treatment' THEN case_change.after_treatment
            WHEN 'placement' THEN case_change.after_placement
            WHEN 'queue' THEN case_change.after_queue
            WHEN 'intensity' THEN CAST(case_change.after_intensity AS VARCHAR)
            WHEN 'channels' THEN COALESCE(NULLIF(case_change.after_channels, ''), none.word)
            WHEN 'arms' THEN COALESCE(NULLIF(case_change.after_arms, ''), none.word)
        END AS after_state,
        case_change.before_segment IS NOT NULL AS is_before,
        case_change.after_segment IS NOT NULL AS is_after
    FROM case_change
    CROSS JOIN dimension
    CROSS JOIN (SELECT 'none' AS word) AS none
)

SELECT
    dimension,
    CASE WHEN is_before THEN before_state ELSE '' END AS before_state,
    CASE WHEN is_after THEN after_state ELSE '' END AS after_state,
    COUNT(*) AS cases,
    CAST(SUM(CASE WHEN currency = $main_currency THEN overdue_amount ELSE 0 END) AS DECIMAL(18, 2)) AS overdue_amount
FROM states
GROUP BY
    dimension,
    CASE WHEN is_before THEN before_state ELSE '' END,
    CASE WHEN is_after THEN after_state ELSE '' END
ORDER BY dimension, before_state, after_state
