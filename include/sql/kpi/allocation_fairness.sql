-- How even the split of each queue is, before and after. Grain: day x basis x queue x measure x moment.
SELECT
    split_fairness.as_of,
    CAST($basis AS VARCHAR) AS basis,
    split_fairness.queue,
    split_fairness.measure,
    split_fairness.moment,
    split_fairness.collectors,
    split_fairness.lowest,
    split_fairness.highest,
    split_fairness.mean
FROM split_fairness
ORDER BY split_fairness.queue, split_fairness.measure, split_fairness.moment
