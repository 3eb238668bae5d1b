-- Annotations, comments, views and tours: each a chain of versions, of which none is ever overwritten.
CREATE TABLE marks (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    item_id TEXT REFERENCES items (id),
    -- annotation, comment, view or tour
    kind TEXT NOT NULL,
    -- The annotation that a comment belongs to.
    parent_id TEXT REFERENCES marks (id),
    author TEXT NOT NULL REFERENCES users (id),
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- Withdrawn ones are no longer drawn; their history stays.
    withdrawn_ms BIGINT
);
CREATE INDEX marks_by_case ON marks (case_id, kind, created_ms, id);
CREATE INDEX marks_by_parent ON marks (parent_id);

CREATE TABLE mark_versions (
    mark_id TEXT NOT NULL REFERENCES marks (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    author TEXT NOT NULL REFERENCES users (id),
    written_ms BIGINT NOT NULL,
    -- Geometry and words.
    sealed BLOB NOT NULL,
    PRIMARY KEY (mark_id, version)
);

-- A link to a doctor that only the patient can start.
CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL,
    patient_user TEXT NOT NULL REFERENCES users (id),
    doctor TEXT NOT NULL REFERENCES users (id),
    state TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    UNIQUE (patient_user, doctor)
);
CREATE INDEX connections_by_doctor ON connections (doctor);

-- The signed consent to captures of a face or head.
CREATE TABLE releases (
    id TEXT PRIMARY KEY NOT NULL,
    patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
    signed_by TEXT NOT NULL REFERENCES users (id),
    version TEXT NOT NULL,
    scope TEXT NOT NULL,
    -- The name that was signed with.
    sealed BLOB NOT NULL,
    signed_ms BIGINT NOT NULL,
    withdrawn_ms BIGINT
);
CREATE INDEX releases_by_patient ON releases (patient_id);

-- A user's own space of captures: a case of nobody's practice and patient.
CREATE TABLE spaces (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    case_id TEXT NOT NULL UNIQUE REFERENCES cases (id)
);

-- What patients and guardians ask a practice for by law: an amendment of the record, or a copy of it.
CREATE TABLE requests (
    id TEXT PRIMARY KEY NOT NULL,
    patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
    asked_by TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What was asked, and what was answered.
    sealed BLOB NOT NULL,
    asked_ms BIGINT NOT NULL,
    answered_by TEXT REFERENCES users (id),
    answered_ms BIGINT
);
CREATE INDEX requests_by_patient ON requests (patient_id, asked_ms, id);

-- An operator of the server looks at pictures of a practice for a while, and the practice is told.
CREATE TABLE emergencies (
    id TEXT PRIMARY KEY NOT NULL,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    -- Why, under the key of the practice.
    sealed BLOB NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    ended_ms BIGINT
);
CREATE INDEX emergencies_by_practice ON emergencies (practice_id, user_id, until_ms);
