ALTER TABLE outbox VALIDATE CONSTRAINT outbox_dead_check;
