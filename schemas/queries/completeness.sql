-- name: completeness
-- parameters: first_day DATE, last_day DATE
-- description: Whether the datasets that have rows for every settlement period are free of gaps and
--   of duplicates on each of the settlement days from first_day to last_day: one row for each day
--   and dataset. Gaps are those of the unified views, live and historic; a period is due when it is
--   over, so the last ones of today are missing until they are published. Surplus rows are those of
--   the live table, where a message that is delivered twice can leave two; the unified and latest
--   views show each once. BOD and the other datasets by unit are too large for a look of this kind.
-- column settlementDate: Settlement day (UK local date).
-- column dataset: Subject of the dataset.
-- column periods_expected: Number of settlement periods of the day: 48, 46 or 50.
-- column periods_due: Number of these that are over.
-- column periods_present: Number of those due that have a row.
-- column missing_periods: The others, such as `3, 4, 17`; NULL if there are none.
-- column times_due: Number of measurements due: 6 a period for FUELINST, 120 for FREQ, else 1.
-- column times_present: Number of different times among those due that have a row.
-- column newest_time: Newest reference time of the day's rows, UTC (see the dataset's table).
-- column surplus_rows: Number of rows of the live table whose natural key an earlier row has.
-- column is_complete: Whether nothing that is due is missing.
-- column is_duplicate_free: Whether there are no surplus rows.
WITH datasets AS (
  SELECT 'DISEBSP' AS dataset, 1 AS times_a_period
  UNION ALL SELECT 'FREQ', 120
  UNION ALL SELECT 'FUELHH', 1
  UNION ALL SELECT 'FUELINST', 6
  UNION ALL SELECT 'INDO', 1
  UNION ALL SELECT 'ITSDO', 1
  UNION ALL SELECT 'MID', 1
), facts AS (
  SELECT
    'DISEBSP' AS dataset, settlementDate, settlementPeriod,
    iris.settlement_start(settlementDate, settlementPeriod) AS startTime,
    createdDateTime AS referenceTime
  FROM iris.bmrs_disebsp_unified
  WHERE settlementDate BETWEEN first_day AND last_day
  UNION ALL
  SELECT 'FREQ', settlementDate, settlementPeriod, measurementTime, measurementTime
  FROM iris.frequency_readings(first_day, last_day)
  UNION ALL
  SELECT 'FUELHH', settlementDate, settlementPeriod, startTime, publishTime
  FROM iris.bmrs_fuelhh_unified
  WHERE settlementDate BETWEEN first_day AND last_day
  UNION ALL
  SELECT 'FUELINST', settlementDate, settlementPeriod, startTime, publishTime
  FROM iris.bmrs_fuelinst_unified
  WHERE settlementDate BETWEEN first_day AND last_day
  UNION ALL
  SELECT 'INDO', settlementDate, settlementPeriod, startTime, publishTime
  FROM iris.bmrs_indo_unified
  WHERE settlementDate BETWEEN first_day AND last_day
  UNION ALL
  SELECT 'ITSDO', settlementDate, settlementPeriod, startTime, publishTime
  FROM iris.bmrs_itsdo_unified
  WHERE settlementDate BETWEEN first_day AND last_day
  UNION ALL
  SELECT 'MID', settlementDate, settlementPeriod, startTime, startTime
  FROM iris.bmrs_mid_unified
  WHERE settlementDate BETWEEN first_day AND last_day
), present AS (
  SELECT
    dataset,
    settlementDate,
    settlementPeriod,
    COUNT(DISTINCT startTime) AS times,
    MAX(referenceTime) AS newest_time
  FROM facts
  GROUP BY dataset, settlementDate, settlementPeriod
), periods AS (
  SELECT
    calendar.settlementDate,
    datasets.dataset,
    calendar.settlementPeriod,
    datasets.times_a_period,
    DATETIME_ADD(calendar.startTime, INTERVAL 30 MINUTE)
      <= DATETIME(CURRENT_TIMESTAMP(), 'UTC') AS is_due,
    COALESCE(present.times, 0) AS times,
    present.newest_time
  FROM iris.settlement_calendar(first_day, last_day) AS calendar
  CROSS JOIN datasets
  LEFT JOIN present
    ON present.dataset = datasets.dataset
    AND present.settlementDate = calendar.settlementDate
    AND present.settlementPeriod = calendar.settlementPeriod
), days AS (
  SELECT
    settlementDate,
    dataset,
    COUNT(*) AS periods_expected,
    COUNTIF(is_due) AS periods_due,
    COUNTIF(is_due AND times > 0) AS periods_present,
    STRING_AGG(
      IF(is_due AND times = 0, CAST(settlementPeriod AS STRING), NULL), ', '
      ORDER BY settlementPeriod
    ) AS missing_periods,
    SUM(IF(is_due, times_a_period, 0)) AS times_due,
    SUM(IF(is_due, times, 0)) AS times_present,
    MAX(newest_time) AS newest_time
  FROM periods
  GROUP BY settlementDate, dataset
), copies AS (
  SELECT 'DISEBSP' AS dataset, settlementDate, COUNT(*) - 1 AS surplus
  FROM iris.bmrs_disebsp_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, settlementPeriod, createdDateTime
  UNION ALL
  SELECT 'FREQ', iris.settlement_date(measurementTime), COUNT(*) - 1
  FROM iris.bmrs_freq_iris
  WHERE measurementTime >= DATETIME_SUB(CAST(first_day AS DATETIME), INTERVAL 1 HOUR)
    AND measurementTime < CAST(DATE_ADD(last_day, INTERVAL 1 DAY) AS DATETIME)
  GROUP BY measurementTime
  UNION ALL
  SELECT 'FUELHH', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_fuelhh_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, fuelType, publishTime
  UNION ALL
  SELECT 'FUELINST', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_fuelinst_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, fuelType, publishTime
  UNION ALL
  SELECT 'INDO', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_indo_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, publishTime
  UNION ALL
  SELECT 'ITSDO', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_itsdo_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, publishTime
  UNION ALL
  SELECT 'MID', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_mid_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, dataProvider
), surpluses AS (
  SELECT dataset, settlementDate, SUM(surplus) AS surplus
  FROM copies
  GROUP BY dataset, settlementDate
)
SELECT
  days.settlementDate,
  days.dataset,
  days.periods_expected,
  days.periods_due,
  days.periods_present,
  days.missing_periods,
  days.times_due,
  days.times_present,
  days.newest_time,
  COALESCE(surpluses.surplus, 0) AS surplus_rows,
  days.times_present >= days.times_due AND days.periods_present = days.periods_due AS is_complete,
  COALESCE(surpluses.surplus, 0) = 0 AS is_duplicate_free
FROM days
LEFT JOIN surpluses
  ON surpluses.dataset = days.dataset
  AND surpluses.settlementDate = days.settlementDate
