DROP TABLE sync_statistics, sync_failures;
