-- Every decision and every change, in one order. Rows are never changed or removed.
CREATE TABLE events (
    seq BIGINT PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    actor TEXT,
    session TEXT,
    practice TEXT,
    patient TEXT,
    case_id TEXT,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    -- The event in canonical form, as the leaf of the log's tree that it is; the other columns find it.
    bytes BLOB NOT NULL,
    -- The hash of the leaf.
    hash BLOB NOT NULL
);
CREATE INDEX events_by_practice ON events (practice, seq);
CREATE INDEX events_by_patient ON events (patient, seq);
CREATE INDEX events_by_case ON events (case_id, seq);

-- One row: how many events there are, and the right edge of the tree over them. Taking it puts writers in order.
CREATE TABLE ledger (
    name TEXT PRIMARY KEY NOT NULL,
    size BIGINT NOT NULL,
    -- Roots of the full subtrees, the largest first, 64 hexadecimal digits each.
    roots TEXT NOT NULL,
    -- The checkpoint over all events, signed; none before the first.
    head TEXT
);
INSERT INTO ledger (name, size, roots) VALUES ('events', 0, '');
