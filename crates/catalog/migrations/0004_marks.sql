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
