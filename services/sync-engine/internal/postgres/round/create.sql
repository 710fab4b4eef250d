-- name: create
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
    -- Which pattern the verdict is by.
    pattern    text,
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
    -- So many of the addresses, the first, are its own; the others are aliases.
    own        integer NOT NULL,
    contact_id uuid NOT NULL,
    -- It left the directory: the rest is empty.
    removed    boolean NOT NULL,
    -- As upstream gave it, where that is to be kept.
    properties jsonb,
    -- Null when it is not known.
    licences   integer,
    user_type  text NOT NULL DEFAULT ''
);
-- The links that count: of the identities that were staged and, where everybody was listed, of those that
-- were not. They are found once, and looked up by number from then on.
CREATE TEMP TABLE IF NOT EXISTS staged_link (
    n          integer,
    object_id  text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL,
    status     text NOT NULL,
    -- Listings lacked the identity before.
    gone       boolean NOT NULL,
    -- Made under the client that the directory is mapped to.
    ours       boolean NOT NULL,
    -- It is to be given to a contact of this client: the identity is decided about as one without.
    waits      boolean NOT NULL,
    -- It was staged, and has neither failed nor been hit by a filter.
    passed     boolean NOT NULL
);
CREATE TEMP TABLE IF NOT EXISTS address (
    n       integer NOT NULL,
    ord     bigint NOT NULL,
    address text COLLATE "C" NOT NULL
);
-- Addresses that several identities without a link have.
CREATE TEMP TABLE IF NOT EXISTS duplicate (
    n       integer NOT NULL,
    address text COLLATE "C" NOT NULL,
    PRIMARY KEY (n, address)
);
CREATE INDEX IF NOT EXISTS duplicate_address ON duplicate (address);
-- What an identity without a link hits by its addresses; no row when it hits no contact.
CREATE TEMP TABLE IF NOT EXISTS match (
    n          integer NOT NULL PRIMARY KEY,
    hits       integer NOT NULL,
    taken      boolean NOT NULL,
    -- What is hit, where that is one contact.
    contact_id uuid,
    -- Hit by an alias alone: the person who has the address now may be another one than before.
    alias      boolean NOT NULL DEFAULT false,
    inactive   boolean NOT NULL DEFAULT false,
    -- The identity of the same directory that has the contact, where one has.
    holder     text COLLATE "C",
    -- The names share a word; known where it is asked for: of a contact that is taken, where the
    -- identity that has it is gone, so that the new one takes it over.
    named      boolean NOT NULL DEFAULT false
);
-- Accounts that were made again: whose contact the identity of this number takes over.
CREATE TEMP TABLE IF NOT EXISTS takeover (n integer NOT NULL PRIMARY KEY, holder text COLLATE "C" NOT NULL UNIQUE);
CREATE TEMP TABLE IF NOT EXISTS plan (
    n          integer NOT NULL PRIMARY KEY,
    -- What becomes of the identity. One that is not planned for is unchanged.
    action     text NOT NULL CHECK (action IN (
        'create',     -- No contact has one of its addresses: a contact is made, with a link.
        'link',       -- One contact that is nobody's has its address: the contact gets the link.
        'update',     -- Linked and active: fields that the rules let overwrite differ.
        'reactivate', -- Back, or enabled again: sync made the contact inactive, and makes it active.
        'resume',     -- Back, or enabled again: the link is active; whether the contact is, somebody else has decided.
        'touch',      -- Linked: only metadata differ, the sign-in name or whether the account is enabled.
        'seen',       -- Linked and unchanged: a listing lacked it before, and this one has it.
        'missing',    -- Linked, and a complete listing lacks it for the first time: at most the reason changes.
        'absent',     -- The same of an orphaned link: nothing of the contact changes.
        'inactivate', -- Linked and disabled upstream, or lacking in a complete listing: the contact becomes inactive.
        'queue'       -- Not linked, and a person must decide.
    )),
    -- It counts in the result, and the feed has an entry of it.
    visible    boolean NOT NULL,
    object_id  text COLLATE "C" NOT NULL,
    contact_id uuid,
    reason     text,
    fields     text[] NOT NULL DEFAULT '{}',
    -- A person has approved it: no guard holds it back.
    approved   boolean NOT NULL DEFAULT false
);
-- Links that go from a contact of one client to one of another.
CREATE TEMP TABLE IF NOT EXISTS released (
    n              integer NOT NULL PRIMARY KEY,
    object_id      text COLLATE "C" NOT NULL,
    new_contact_id uuid NOT NULL,
    contact_id     uuid NOT NULL,
    -- Of the link when it was made, and of the contact now.
    old_client_id  uuid NOT NULL,
    client_id      uuid NOT NULL,
    linked_at      timestamptz NOT NULL,
    decision_id    uuid NOT NULL,
    -- The contact shows the identity and loses it.
    freed          boolean NOT NULL
);
-- Identities that came more than once.
CREATE TEMP TABLE IF NOT EXISTS repeated (
    object_id   text COLLATE "C" NOT NULL,
    first       integer NOT NULL,
    -- How often but for the first time.
    more        bigint NOT NULL,
    conflicting boolean NOT NULL
);
-- Of a delta round, identities that left the directory.
CREATE TEMP TABLE IF NOT EXISTS removed (n integer NOT NULL PRIMARY KEY, object_id text COLLATE "C" NOT NULL UNIQUE);
-- Identities that a delta round must know.
CREATE TEMP TABLE IF NOT EXISTS keep (n integer NOT NULL PRIMARY KEY, object_id text COLLATE "C" NOT NULL UNIQUE, linked boolean NOT NULL);
SET work_mem = '64MB';
SET random_page_cost = 1.1;
SET jit = off;
-- Statistics of the tables need to distinguish large ones from small ones, and no more.
SET default_statistics_target = 1;
-- The tables grow from statement to statement: a plan that was made for other numbers of rows would
-- be made for nothing.
SET plan_cache_mode = force_custom_plan;
