-- Who gets which case: one row per case with a queue; no collector means the grab pool of the queue.
-- The plan says how many cases of a region go to which crew (the collectors of a queue with the same regions), and
-- whose turn each seat of a crew is. The best cases of a region are given; its stride spreads them over the crews, so
-- that none gets the best ones only. Within a crew the cases are dealt in the order of work.
WITH ranked AS (
    SELECT
        demand.customer_id,
        demand.queue,
        demand.region,
        demand.work_order,
        ROW_NUMBER() OVER (PARTITION BY demand.queue, demand.region ORDER BY demand.work_order) AS region_rank
    FROM demand
    WHERE demand.kept_by IS NULL
),

placed AS (
    SELECT
        ranked.customer_id,
        ranked.queue,
        ranked.region,
        ranked.work_order,
        region_plan.reason AS pool_reason,
        CASE
            WHEN ranked.region_rank <= region_plan.given
                THEN (ranked.region_rank * region_plan.stride) % region_plan.given
        END AS place
    FROM ranked
    INNER JOIN region_plan ON ranked.queue = region_plan.queue AND ranked.region = region_plan.region
),

crewed AS (
    SELECT
        placed.customer_id,
        placed.queue,
        placed.work_order,
        placed.pool_reason,
        crew_share.crew
    FROM placed
    LEFT JOIN crew_share
        ON
            placed.queue = crew_share.queue
            AND placed.region = crew_share.region
            AND placed.place >= crew_share.first_place
            AND placed.place < crew_share.end_place
),

dealt AS (
    SELECT
        customer_id,
        queue,
        crew,
        ROW_NUMBER() OVER (PARTITION BY queue, crew ORDER BY work_order) AS seat
    FROM crewed
    WHERE crew IS NOT NULL
),

given AS (
    SELECT
        dealt.customer_id,
        seats.collector_id
    FROM dealt
    INNER JOIN seats ON dealt.queue = seats.queue AND dealt.crew = seats.crew AND dealt.seat = seats.seat
)

SELECT
    CAST($as_of AS DATE) AS as_of,
    demand.customer_id,
    demand.queue,
    COALESCE(demand.kept_by, given.collector_id) AS collector_id,
    CASE
        WHEN demand.kept_by IS NOT NULL THEN 'kept'
        WHEN given.collector_id IS NOT NULL THEN 'auto'
        ELSE 'pool'
    END AS source,
    demand.work_order,
    CASE
        WHEN demand.kept_by IS NOT NULL THEN 'owner_of_the_morning'
        WHEN given.collector_id IS NOT NULL THEN 'even_split'
        ELSE crewed.pool_reason
    END AS reason
FROM demand
LEFT JOIN crewed ON demand.customer_id = crewed.customer_id
LEFT JOIN given ON demand.customer_id = given.customer_id
ORDER BY demand.queue, demand.work_order
