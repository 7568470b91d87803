-- name: freshness
-- description: How old the newest data of each dataset are that comes by the clock: by the time
--   that the data speak of, and not by the time at which they were loaded. Looks at the live tables
--   of yesterday and today.
-- column dataset: Subject of the dataset.
-- column newest_time: Newest reference time, UTC: publication, of FREQ the reading, of MID the
--   start of the period. NULL if nothing came since yesterday.
-- column age_minutes: Whole minutes from there to now; NULL likewise.
-- column allowed_minutes: Age up to which it counts as fresh: the usual delay and two missed turns.
-- column is_fresh: Whether the age is within it.
WITH datasets AS (
  SELECT 'FREQ' AS dataset, 10 AS allowed_minutes
  UNION ALL SELECT 'FUELHH', 90
  UNION ALL SELECT 'FUELINST', 15
  UNION ALL SELECT 'INDO', 90
  UNION ALL SELECT 'ITSDO', 90
  UNION ALL SELECT 'MID', 120
), newest AS (
  SELECT 'FREQ' AS dataset, MAX(measurementTime) AS newest_time
  FROM iris.bmrs_freq_iris
  WHERE measurementTime >= CAST(
    DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY) AS DATETIME
  )
  UNION ALL
  SELECT 'FUELHH', MAX(publishTime)
  FROM iris.bmrs_fuelhh_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
  UNION ALL
  SELECT 'FUELINST', MAX(publishTime)
  FROM iris.bmrs_fuelinst_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
  UNION ALL
  SELECT 'INDO', MAX(publishTime)
  FROM iris.bmrs_indo_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
  UNION ALL
  SELECT 'ITSDO', MAX(publishTime)
  FROM iris.bmrs_itsdo_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
  UNION ALL
  SELECT 'MID', MAX(startTime)
  FROM iris.bmrs_mid_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
), aged AS (
  SELECT
    datasets.dataset,
    newest.newest_time,
    DATETIME_DIFF(DATETIME(CURRENT_TIMESTAMP(), 'UTC'), newest.newest_time, MINUTE) AS age_minutes,
    datasets.allowed_minutes
  FROM datasets
  JOIN newest ON newest.dataset = datasets.dataset
)
SELECT
  dataset,
  newest_time,
  age_minutes,
  allowed_minutes,
  COALESCE(age_minutes <= allowed_minutes, FALSE) AS is_fresh
FROM aged
