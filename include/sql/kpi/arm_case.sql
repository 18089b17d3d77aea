-- Every case of every arm, and what became of it. Grain: experiment x customer x entry day.
-- As intended to treat: a case counts in the arm that it was given, whatever happened later. arm_assigned is what the
-- runs of finished days gave; a case without any (no run on its days) is in the arm that arm_drawn works out from the
-- ledger. Who paid on the very entry day was a case that morning, though a later ledger shows no day overdue: without
-- the runs' rows just those would be lost whom the first contact brought to pay.
WITH given AS (
    SELECT
        arm_assigned.experiment,
        arm_assigned.arm,
        arm_assigned.shares_from,
        arm_assigned.customer_id,
        arm_assigned.case_entered_on,
        arm_entry.case_entered_on AS ledger_entered_on,
        arm_entry.case_over_on,
        ROW_NUMBER() OVER (
            PARTITION BY
                arm_assigned.experiment,
                arm_assigned.customer_id,
                COALESCE(arm_entry.case_entered_on, arm_assigned.case_entered_on)
            ORDER BY arm_assigned.as_of ASC, arm_assigned.case_entered_on ASC
        ) AS giving
    FROM arm_assigned
    INNER JOIN (
        SELECT DISTINCT experiment
        FROM arm_needs
    ) AS declared
        ON arm_assigned.experiment = declared.experiment
    LEFT JOIN arm_entry
        ON
            arm_assigned.customer_id = arm_entry.customer_id
            AND arm_assigned.case_entered_on >= arm_entry.case_entered_on
            AND (arm_entry.case_over_on IS NULL OR arm_assigned.case_entered_on < arm_entry.case_over_on)
    WHERE arm_assigned.case_entered_on <= $as_of
),

all_cases AS (
    SELECT
        experiment,
        arm,
        shares_from,
        customer_id,
        case_entered_on,
        TRUE AS assigned,
        CASE WHEN ledger_entered_on IS NULL THEN case_entered_on ELSE case_over_on END AS over_on
    FROM given
    WHERE giving = 1
    UNION ALL
    SELECT
        arm_drawn.experiment,
        arm_drawn.arm,
        arm_drawn.shares_from,
        arm_drawn.customer_id,
        arm_drawn.case_entered_on,
        FALSE AS assigned,
        arm_entry.case_over_on AS over_on
    FROM arm_drawn
    INNER JOIN arm_entry
        ON arm_drawn.customer_id = arm_entry.customer_id AND arm_drawn.case_entered_on = arm_entry.case_entered_on
    LEFT JOIN given
        ON
            arm_drawn.experiment = given.experiment
            AND arm_drawn.customer_id = given.customer_id
            AND arm_drawn.case_entered_on = given.ledger_entered_on
            AND given.giving = 1
    WHERE given.experiment IS NULL
),

-- A case that ends because a contract is written off is over, but not cured.
write_offs AS (
    SELECT
        customer_id,
        written_off_on
    FROM contracts
    WHERE written_off_on IS NOT NULL AND written_off_on <= $as_of
),

written_off AS (
    SELECT DISTINCT
        all_cases.customer_id,
        all_cases.case_entered_on
    FROM all_cases
    INNER JOIN write_offs
        ON
            all_cases.customer_id = write_offs.customer_id
            AND write_offs.written_off_on BETWEEN all_cases.case_entered_on AND all_cases.over_on
),

-- The first overdue bucket counts as the bucket at entry while the grace lasts.
entry_buckets AS (
    SELECT
        all_cases.customer_id,
        all_cases.case_entered_on,
        GREATEST(1, COALESCE(MAX(arm_overdue.bucket_no), 1)) AS bucket_no
    FROM all_cases
    LEFT JOIN arm_overdue
        ON
            all_cases.customer_id = arm_overdue.customer_id
            AND all_cases.case_entered_on >= arm_overdue.from_day
            AND (arm_overdue.until IS NULL OR all_cases.case_entered_on < arm_overdue.until)
    GROUP BY all_cases.customer_id, all_cases.case_entered_on
),

rolled AS (
    SELECT
        all_cases.customer_id,
        all_cases.case_entered_on,
        MIN(arm_overdue.from_day) AS rolled_on
    FROM all_cases
    INNER JOIN entry_buckets
        ON
            all_cases.customer_id = entry_buckets.customer_id
            AND all_cases.case_entered_on = entry_buckets.case_entered_on
    INNER JOIN arm_overdue
        ON
            all_cases.customer_id = arm_overdue.customer_id
            AND entry_buckets.bucket_no < arm_overdue.bucket_no
            AND arm_overdue.from_day > all_cases.case_entered_on
            AND (all_cases.over_on IS NULL OR arm_overdue.from_day < all_cases.over_on)
    GROUP BY all_cases.customer_id, all_cases.case_entered_on
)

SELECT
    all_cases.experiment,
    all_cases.arm,
    all_cases.shares_from,
    all_cases.customer_id,
    all_cases.case_entered_on,
    all_cases.assigned,
    all_cases.over_on,
    CASE WHEN written_off.customer_id IS NULL THEN all_cases.over_on END AS cured_on,
    rolled.rolled_on
FROM all_cases
LEFT JOIN written_off
    ON all_cases.customer_id = written_off.customer_id AND all_cases.case_entered_on = written_off.case_entered_on
LEFT JOIN rolled
    ON all_cases.customer_id = rolled.customer_id AND all_cases.case_entered_on = rolled.case_entered_on
ORDER BY all_cases.experiment, all_cases.customer_id, all_cases.case_entered_on
