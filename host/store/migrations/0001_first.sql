-- Schema 1. Why it has this shape: docs/adr/0002-sqlite-schema.md.
-- Unsigned numbers of 64 bits are stored with the same bits. A row id is a place in `journal`; 0 is none.

CREATE TABLE store (
    id INTEGER NOT NULL                         -- random: tells two stores with the same names apart
) STRICT;
INSERT INTO store VALUES ((random() & 0x1fffffffffffff) | 1);

CREATE TABLE lease (
    node INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    counter INTEGER NOT NULL,                   -- of the last committed batch
    instance TEXT NOT NULL,                     -- the holder, as are the next three
    pid INTEGER NOT NULL,
    process_start INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    released INTEGER NOT NULL,
    heir TEXT                                   -- whom a released lease names
) STRICT;

CREATE TABLE watermark (
    node INTEGER NOT NULL,
    switch TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (node, switch)
) STRICT, WITHOUT ROWID;

-- What a session is made for, and the session that has it (node, epoch, number).
CREATE TABLE visit_claim (
    interaction TEXT NOT NULL,
    switch TEXT NOT NULL,
    incarnation INTEGER NOT NULL,               -- the life of the switch in which the visit was told
    visit INTEGER NOT NULL,
    node INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (interaction, switch, incarnation, visit)
) STRICT, WITHOUT ROWID;

CREATE TABLE request_claim (
    by_node INTEGER NOT NULL,                   -- the request's key: session, incarnation, request
    by_epoch INTEGER NOT NULL,
    by_number INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    request INTEGER NOT NULL,
    node INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (by_node, by_epoch, by_number, incarnation, request)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id INTEGER PRIMARY KEY,                     -- its first opening's row
    node INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,               -- the newest, as is what follows
    opening INTEGER NOT NULL,
    snapshot INTEGER NOT NULL,                  -- the last one whose step stands directly before it
    last INTEGER NOT NULL,                      -- the session's last row: `journal.prev` leads back from it
    seq INTEGER NOT NULL,                       -- the last step
    ended INTEGER NOT NULL,
    UNIQUE (node, epoch, number)
) STRICT;
CREATE INDEX session_live ON session (node) WHERE ended = 0;

-- Only ever appended to, in commit order, ids without holes.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,                   -- session.id
    kind INTEGER NOT NULL,                      -- 1 opened, 2 step, 3 snapshot, 4 ended
    seq INTEGER NOT NULL,
    prev INTEGER NOT NULL,                      -- the session's row before this one
    data BLOB NOT NULL                          -- the record: host/journal
) STRICT;

CREATE TABLE component (
    version BLOB PRIMARY KEY,                   -- its SHA-256
    name TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
