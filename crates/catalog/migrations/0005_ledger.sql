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
    -- The bytes that the log's tree is made of.
    bytes BLOB NOT NULL
);
CREATE INDEX events_by_practice ON events (practice, seq);
CREATE INDEX events_by_patient ON events (patient, seq);
CREATE INDEX events_by_case ON events (case_id, seq);

-- One row: how many events there are. Taking it puts writers in order.
CREATE TABLE ledger (
    name TEXT PRIMARY KEY NOT NULL,
    size BIGINT NOT NULL
);
INSERT INTO ledger (name, size) VALUES ('events', 0);
