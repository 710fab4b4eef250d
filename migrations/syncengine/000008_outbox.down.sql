DROP VIEW effects_ended;
DROP VIEW effects_dead;
DROP VIEW effects_waiting;
DROP TABLE outbox;
