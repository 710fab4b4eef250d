-- name: CreateStage
-- The round's own tables. They end with the session, which may have served a small round before:
-- making them costs many times what such a round does with them.
SET client_min_messages = warning;
CREATE TEMP TABLE IF NOT EXISTS stage (
    n          integer NOT NULL,
    object_id  text COLLATE "C" NOT NULL,
    content    bigint NOT NULL,
    failure    text,
    -- A failure whose id may not be the one upstream has.
    nameless   boolean NOT NULL,
    verdict    text,
    upn        text NOT NULL,
    enabled    boolean,
    full_name  text NOT NULL,
    name_key   text COLLATE "C" NOT NULL,
    named      boolean NOT NULL,
    email      text NOT NULL,
    email_norm text COLLATE "C",
    mailed     boolean NOT NULL,
    phone      text NOT NULL,
    role       text NOT NULL,
    addresses  text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL
);
CREATE TEMP TABLE IF NOT EXISTS address (
    n       integer NOT NULL,
    ord     bigint NOT NULL,
    address text COLLATE "C" NOT NULL
);
CREATE TEMP TABLE IF NOT EXISTS duplicate (n integer NOT NULL PRIMARY KEY);
CREATE TEMP TABLE IF NOT EXISTS plan (
    n          integer NOT NULL PRIMARY KEY,
    action     text NOT NULL,
    visible    boolean NOT NULL,
    object_id  text COLLATE "C" NOT NULL,
    contact_id uuid,
    reason     text,
    fields     text[] NOT NULL DEFAULT '{}'
);
-- Contacts that lost their identity to one of another client.
CREATE TEMP TABLE IF NOT EXISTS released (
    n          integer NOT NULL,
    contact_id uuid NOT NULL,
    client_id  uuid NOT NULL
);
-- Identities that came more than once.
CREATE TEMP TABLE IF NOT EXISTS repeated (
    object_id   text COLLATE "C" NOT NULL,
    first       integer NOT NULL,
    conflicting boolean NOT NULL
);
SET work_mem = '64MB';
SET random_page_cost = 1.1;
SET jit = off;
