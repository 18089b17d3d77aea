-- What the decision tables look at: one row per contract with an unmet instalment, with its scores and profile.
WITH delinquent AS (
    SELECT
        snapshot.*,
        stages.stage AS score_stage
    FROM snapshot
    INNER JOIN stages
        ON
            snapshot.bucket_no >= stages.from_bucket
            AND (stages.to_bucket IS NULL OR snapshot.bucket_no <= stages.to_bucket)
    WHERE snapshot.days_past_due > 0
),

-- The score of the first model in the rules' order that has one of the right age, and of that model the newest; a
-- score of the very stage goes before one that is for all stages, and of several the lowest, so that it is always one.
candidates AS (
    SELECT
        delinquent.contract_id,
        models.role,
        models.choice,
        models.model,
        scores.score,
        ROW_NUMBER() OVER (
            PARTITION BY delinquent.contract_id, models.role
            ORDER BY
                models.choice ASC,
                scores.scored_on DESC,
                CASE WHEN scores.stage IS NULL THEN 1 ELSE 0 END ASC,
                scores.score ASC
        ) AS preference
    FROM delinquent
    INNER JOIN models ON delinquent.score_stage = models.stage
    INNER JOIN scores
        ON
            delinquent.contract_id = scores.contract_id
            AND models.model = scores.model
            AND (scores.stage IS NULL OR scores.stage = models.of_stage)
    WHERE
        scores.score IS NOT NULL
        AND scores.scored_on <= $as_of
        AND DATE_DIFF('day', scores.scored_on, $as_of) <= models.max_age_days
),

chosen AS (
    SELECT
        contract_id,
        MAX(CASE WHEN role = 'collection' THEN score END) AS collection_score,
        MAX(CASE WHEN role = 'collection' THEN model END) AS collection_model,
        MAX(CASE WHEN role = 'collection' THEN choice END) AS collection_choice,
        MAX(CASE WHEN role = 'lost_contact' THEN score END) AS lost_contact_score,
        MAX(CASE WHEN role = 'lost_contact' THEN model END) AS lost_contact_model,
        MAX(CASE WHEN role = 'lost_contact' THEN choice END) AS lost_contact_choice,
        MAX(CASE WHEN role = 'roll_rate' THEN score END) AS roll_rate_score,
        MAX(CASE WHEN role = 'roll_rate' THEN model END) AS roll_rate_model,
        MAX(CASE WHEN role = 'roll_rate' THEN choice END) AS roll_rate_choice
    FROM candidates
    WHERE preference = 1
    GROUP BY contract_id
),

-- What became of the promises that fell due within a year.
promise_history AS (
    SELECT
        contract_id,
        COUNT(CASE WHEN state = 'kept' THEN 1 END) AS kept,
        COUNT(CASE WHEN state = 'broken' THEN 1 END) AS broken
    FROM promise_state
    WHERE DATE_DIFF('day', due_on, $as_of) <= 365
    GROUP BY contract_id
),

-- A stop on one contract stops its customer: one contact covers all contracts.
customer_holds AS (
    SELECT
        snapshot.customer_id,
        MIN(stop_holds.strength) AS strength
    FROM snapshot
    INNER JOIN stop_holds ON snapshot.hold_kind = stop_holds.kind
    GROUP BY snapshot.customer_id
)

SELECT
    delinquent.as_of,
    delinquent.contract_id,
    delinquent.customer_id,
    delinquent.product,
    delinquent.vehicle_type,
    delinquent.region,
    delinquent.currency,
    delinquent.days_past_due,
    delinquent.delinquent_days,
    delinquent.oldest_due_date,
    delinquent.unmet_installments,
    delinquent.overdue_amount,
    delinquent.outstanding_amount,
    delinquent.outstanding_principal,
    delinquent.bucket,
    delinquent.bucket_no,
    delinquent.class,
    delinquent.repeated,
    delinquent.spell_entered_on,
    delinquent.written_off,
    case_entry.case_entered_on,
    tiers.overdue_share,
    tiers.balance_tier,
    tiers.balance_rule,
    delinquent.score_stage,
    chosen.collection_score,
    chosen.collection_model,
    chosen.collection_choice,
    chosen.lost_contact_score,
    chosen.lost_contact_model,
    chosen.lost_contact_choice,
    chosen.roll_rate_score,
    chosen.roll_rate_model,
    chosen.roll_rate_choice,
    customers.gender,
    customers.marital_status,
    customers.education,
    customers.housing,
    customers.payment_to_income,
    contracts.gps_status,
    CAST(COALESCE(promise_history.kept, 0) AS INTEGER) AS promises_kept,
    CAST(COALESCE(promise_history.broken, 0) AS INTEGER) AS promises_broken,
    stop_holds.kind AS hold_kind,
    stop_holds.kind IS NOT NULL AS held,
    -- whole years and months; the parts of a date are of another type on each engine
    CAST(
        CASE
            WHEN customers.birth_date <= $as_of
                THEN
                    EXTRACT(YEAR FROM $as_of) - EXTRACT(YEAR FROM customers.birth_date)
                    - CASE
                        WHEN
                            EXTRACT(MONTH FROM customers.birth_date) * 100 + EXTRACT(DAY FROM customers.birth_date)
                            > EXTRACT(MONTH FROM $as_of) * 100 + EXTRACT(DAY FROM $as_of)
                            THEN 1
                        ELSE 0
                    END
        END AS INTEGER
    ) AS age_years,
    CAST(
        CASE
            WHEN customers.employed_since <= $as_of
                THEN
                    EXTRACT(YEAR FROM $as_of) - EXTRACT(YEAR FROM customers.employed_since)
                    - CASE
                        WHEN
                            EXTRACT(MONTH FROM customers.employed_since) * 100
                            + EXTRACT(DAY FROM customers.employed_since)
                            > EXTRACT(MONTH FROM $as_of) * 100 + EXTRACT(DAY FROM $as_of)
                            THEN 1
                        ELSE 0
                    END
        END AS INTEGER
    ) AS years_employed,
    CAST(
        (EXTRACT(YEAR FROM $as_of) - EXTRACT(YEAR FROM delinquent.originated_on)) * 12
        + EXTRACT(MONTH FROM $as_of) - EXTRACT(MONTH FROM delinquent.originated_on)
        - CASE WHEN EXTRACT(DAY FROM delinquent.originated_on) > EXTRACT(DAY FROM $as_of) THEN 1 ELSE 0 END
        AS INTEGER
    ) AS months_on_book
FROM delinquent
INNER JOIN tiers ON delinquent.contract_id = tiers.contract_id
INNER JOIN contracts ON delinquent.contract_id = contracts.contract_id
INNER JOIN case_entry ON delinquent.customer_id = case_entry.customer_id
LEFT JOIN customers ON delinquent.customer_id = customers.customer_id
LEFT JOIN chosen ON delinquent.contract_id = chosen.contract_id
LEFT JOIN promise_history ON delinquent.contract_id = promise_history.contract_id
LEFT JOIN customer_holds ON delinquent.customer_id = customer_holds.customer_id
LEFT JOIN stop_holds ON customer_holds.strength = stop_holds.strength
