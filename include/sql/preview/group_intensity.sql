-- How hard each profile group is treated on one side: the cases that no hold stops, by group of each attribute.
-- A group below $min_group_cases is not shown, so that nobody can be recognised; what is missing is 'unknown'.
-- `ratio` is the mildest shown group's mean intensity divided by this group's: 1 for the mildest, lowest for the
-- harshest. Unknown is shown, but no group is measured by it.
WITH person AS (
    SELECT
        case_side.customer_id,
        case_side.intensity,
        case_side.region,
        customers.gender,
        customers.marital_status,
        customers.education,
        customers.housing,
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
        END AS age_years
    FROM case_side
    LEFT JOIN customers ON case_side.customer_id = customers.customer_id
    WHERE NOT case_side.held
),

grouped AS (
    SELECT
        attribute.name AS attribute,
        person.intensity,
        COALESCE(
            NULLIF(
                TRIM(
                    CASE attribute.name
                        WHEN 'age' THEN age_band.band
                        WHEN 'gender' THEN person.gender
                        WHEN 'marital_status' THEN person.marital_status
                        WHEN 'education' THEN person.education
                        WHEN 'housing' THEN person.housing
                        WHEN 'location' THEN person.region
                    END
                ),
                ''
            ),
            'unknown'
        ) AS profile_group
    FROM person
    CROSS JOIN attribute
    LEFT JOIN age_band
        ON
            person.age_years >= age_band.from_years
            AND (age_band.to_years IS NULL OR person.age_years < age_band.to_years)
),

counted AS (
    SELECT
        attribute,
        profile_group,
        COUNT(*) AS cases,
        SUM(intensity) AS points,
        SUM(CASE WHEN intensity >= $harsh_from THEN 1 ELSE 0 END) AS harsh_cases
    FROM grouped
    GROUP BY attribute, profile_group
),

shown AS (
    SELECT *
    FROM counted
    WHERE cases >= $min_group_cases
),

mildest AS (
    SELECT
        attribute,
        points,
        cases,
        ROW_NUMBER() OVER (
            PARTITION BY attribute ORDER BY CAST(points AS DOUBLE) / cases ASC, cases DESC, profile_group ASC
        ) AS place
    FROM shown
    WHERE profile_group <> 'unknown'
),

compared AS (
    SELECT attribute
    FROM mildest
    GROUP BY attribute
    HAVING COUNT(*) > 1
)

SELECT
    shown.attribute,
    shown.profile_group,
    shown.cases,
    CAST(shown.points AS DOUBLE) / shown.cases AS mean_intensity,
    CAST(shown.harsh_cases AS DOUBLE) / shown.cases AS harsh_share,
    -- one division of whole numbers: exact at the edge, where 4/5 must not become a little less
    CASE
        WHEN shown.profile_group <> 'unknown' AND compared.attribute IS NOT NULL AND shown.points > 0
            THEN CAST(mildest.points * shown.cases AS DOUBLE) / CAST(mildest.cases * shown.points AS DOUBLE)
        WHEN shown.profile_group <> 'unknown' AND compared.attribute IS NOT NULL
            THEN 1
    END AS ratio
FROM shown
LEFT JOIN mildest ON shown.attribute = mildest.attribute AND mildest.place = 1
LEFT JOIN compared ON shown.attribute = compared.attribute
ORDER BY shown.attribute, shown.profile_group
