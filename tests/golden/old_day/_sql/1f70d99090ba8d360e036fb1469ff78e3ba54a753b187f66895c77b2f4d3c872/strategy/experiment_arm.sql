-- Which arm of which experiment a case is in. Grain: experiment x customer x entry day; cases in no arm are left out.
-- Sorted by digest of experiment and customer and the shares that were valid on the entry day; arm_slices has the range
-- of digests of each arm, excluded the customers whom an experiment leaves out (both from experiments.yaml).
WITH drawn AS (
    SELECT
        case_entry.customer_id,
        case_entry.case_entered_on,
        declared.experiment,
        SUBSTRING(MD5(declared.experiment || ':' || case_entry.customer_id), 1, 8) AS digest
    FROM case_entry
    CROSS JOIN (
        SELECT DISTINCT experiment
        FROM arm_slices
    ) AS declared
)

SELECT
    CAST($as_of AS DATE) AS as_of,
    drawn.customer_id,
    drawn.case_entered_on,
    drawn.experiment,
    arm_slices.arm,
    arm_slices.shares_from
FROM drawn
INNER JOIN arm_slices
    ON
        drawn.experiment = arm_slices.experiment
        AND drawn.digest BETWEEN arm_slices.from_digest AND arm_slices.to_digest
        AND drawn.case_entered_on >= arm_slices.shares_from
        AND (arm_slices.valid_before IS NULL OR drawn.case_entered_on < arm_slices.valid_before)
LEFT JOIN excluded
    ON
        drawn.experiment = excluded.experiment
        AND drawn.customer_id = excluded.customer_id
        AND drawn.case_entered_on = excluded.case_entered_on
WHERE excluded.customer_id IS NULL
ORDER BY drawn.experiment, drawn.customer_id, drawn.case_entered_on
