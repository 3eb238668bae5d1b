-- What people are told of: that something has happened which concerns them, nothing of what was said or seen.
CREATE TABLE news (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- mention, sweep, request, answer, connection or capture
    what TEXT NOT NULL,
    -- Who brought it about, where somebody did.
    by_user TEXT REFERENCES users (id),
    case_id TEXT REFERENCES cases (id) ON DELETE CASCADE,
    patient_id TEXT REFERENCES patients (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT
);
CREATE INDEX news_by_user ON news (user_id, created_ms);
