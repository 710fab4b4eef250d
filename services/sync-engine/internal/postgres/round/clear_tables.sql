-- name: clear_tables
-- Leaves the session as a request or the next round may find it.
DELETE FROM stage;
DELETE FROM staged_link;
DELETE FROM address;
DELETE FROM duplicate;
DELETE FROM match;
DELETE FROM takeover;
DELETE FROM plan;
DELETE FROM released;
DELETE FROM repeated;
DELETE FROM removed;
DELETE FROM keep;
RESET client_min_messages;
RESET plan_cache_mode;
RESET work_mem;
RESET random_page_cost;
RESET jit;
RESET default_statistics_target;
RESET statement_timeout;
