ALTER TABLE orphan_decisions DROP COLUMN marked;
