-- An item laid onto another of its case, so that both are seen in one space. None is ever overwritten: what is withdrawn
-- or replaced keeps its row.
CREATE TABLE registrations (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    onto_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    author TEXT NOT NULL REFERENCES users (id),
    created_ms BIGINT NOT NULL,
    -- Until it is kept, only its author sees it.
    kept_ms BIGINT,
    withdrawn_ms BIGINT,
    withdrawn_by TEXT REFERENCES users (id),
    -- The motion, how well it fits, and the points that it started from.
    sealed BLOB NOT NULL
);
CREATE INDEX registrations_by_case ON registrations (case_id, created_ms, id);
CREATE INDEX registrations_by_item ON registrations (item_id);
CREATE INDEX registrations_by_onto ON registrations (onto_id);
-- An item lies in one place.
CREATE UNIQUE INDEX registrations_in_force ON registrations (item_id)
    WHERE kept_ms IS NOT NULL AND withdrawn_ms IS NULL;
