-- What ops is to hold of every collector of the day's ledger: no name, lists without blanks.
-- A list is comma separated, a Chinese comma will do; an empty list says no more than NULL.
SELECT
    collector_id,
    $as_of AS as_of,
    team,
    NULLIF(TRIM(REPLACE(REPLACE(REPLACE(skills, '，', ','), ', ', ','), ' ,', ',')), '') AS skills,
    NULLIF(TRIM(REPLACE(REPLACE(REPLACE(regions, '，', ','), ', ', ','), ' ,', ',')), '') AS regions,
    NULLIF(TRIM(REPLACE(REPLACE(REPLACE(languages, '，', ','), ', ', ','), ' ,', ',')), '') AS languages,
    CASE WHEN seniority < 0 THEN 0 ELSE seniority END AS seniority,
    CASE WHEN daily_quota < 0 THEN 0 ELSE daily_quota END AS daily_quota,
    CASE WHEN capacity < 0 THEN 0 ELSE capacity END AS capacity,
    COALESCE(present, TRUE)
    AND COALESCE(active_from <= $as_of, TRUE)
    AND COALESCE(active_to > $as_of, TRUE) AS at_work
FROM collectors
ORDER BY collector_id
