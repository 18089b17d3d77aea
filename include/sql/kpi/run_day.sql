-- The day as a whole. Grain: day x basis. The contracts are those of the live book; cases may be of the recovery book.
SELECT
    CAST($as_of AS DATE) AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    CAST($rule_set_hash AS VARCHAR) AS rule_set_hash,
    book.contracts,
    book.overdue_contracts,
    book.held_contracts,
    book.data_quality_holds,
    worked.cases,
    worked.working_cases
FROM (
    SELECT
        COUNT(*) AS contracts,
        COUNT(CASE WHEN days_past_due > 0 THEN 1 END) AS overdue_contracts,
        COUNT(CASE WHEN held THEN 1 END) AS held_contracts,
        COUNT(CASE WHEN hold_kind = 'data_quality' THEN 1 END) AS data_quality_holds
    FROM live_book
) AS book
CROSS JOIN (
    SELECT
        COUNT(*) AS cases,
        COUNT(CASE WHEN queue <> 'none' THEN 1 END) AS working_cases
    FROM cases
) AS worked
