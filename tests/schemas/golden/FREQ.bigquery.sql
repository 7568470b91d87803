CREATE TABLE IF NOT EXISTS `my-project.iris.bmrs_freq_iris` (
  `dataset` STRING OPTIONS(description='Dataset acronym as the record itself gives it.'),
  `measurementTime` DATETIME OPTIONS(description='Time of the reading, UTC; one every 15 seconds.'),
  `frequency` FLOAT64 OPTIONS(description='System frequency, Hz.'),
  `source` STRING OPTIONS(description='Door by which the row came in: IRIS, FILE, ARCHIVE or REPLAY.'),
  `ingested_utc` TIMESTAMP OPTIONS(description='Time at which the pipeline wrote the row, UTC.'),
  `_message_id` STRING OPTIONS(description='Id of the message that held the record (in IRIS a file name).'),
  `_record_index` INT64 OPTIONS(description='Place of the record in its message, from 0; rejected records count too.'),
  `_enqueued_utc` TIMESTAMP OPTIONS(description='Time at which the message was enqueued, UTC; NULL where its door knows none.'),
  `_extra` JSON OPTIONS(description='Fields that have no column, and values that do not fit theirs, by field name; NULL when there are none.')
)
PARTITION BY DATETIME_TRUNC(`measurementTime`, DAY)
OPTIONS(description='IRIS dataset FREQ: System frequency.\nOne reading per 15 seconds, 5,760 a day, about 8 per message.\nNo publication time and no settlement period.');
