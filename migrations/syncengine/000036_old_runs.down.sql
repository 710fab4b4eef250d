DROP FUNCTION drop_runs(integer, integer);
DROP FUNCTION drop_runs_at(timestamptz, integer, integer);
DROP POLICY keeping ON directories;
DROP POLICY keeping ON held_decisions;
DROP POLICY keeping ON held_identities;
DROP POLICY keeping ON entra_sync_runs;
DROP INDEX held_decisions_started;
DROP INDEX entra_sync_runs_begun;
DROP INDEX entra_sync_runs_age;
