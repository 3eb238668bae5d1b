-- Identifiers are UUIDs as text, times are milliseconds since 1970 in UTC, structured values are JSON text.

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE cases (
    id TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    -- The key of the case, encrypted under the root key. Overwriting it destroys the case.
    wrapped_key BLOB NOT NULL,
    created_ms BIGINT NOT NULL
);

-- One run of the pipeline.
CREATE TABLE ingests (
    id TEXT PRIMARY KEY NOT NULL,
    -- Tells whether the run is still alive, in words of the pipeline's.
    process TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT
);

-- Objects of the vault that something here refers to.
CREATE TABLE objects (
    name TEXT PRIMARY KEY NOT NULL,
    -- What the vault needs to open it, the wrapped key included.
    reference BLOB NOT NULL,
    -- Bytes of content.
    len BIGINT NOT NULL
);

-- Objects that a run may have written but nothing refers to yet.
CREATE TABLE pending_objects (
    name TEXT PRIMARY KEY NOT NULL,
    ingest_id TEXT NOT NULL REFERENCES ingests (id)
);
CREATE INDEX pending_objects_by_ingest ON pending_objects (ingest_id);

CREATE TABLE originals (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id),
    sha256 BLOB NOT NULL,
    -- As uploaded; personal data.
    file_name TEXT NOT NULL,
    object TEXT NOT NULL UNIQUE REFERENCES objects (name),
    UNIQUE (case_id, sha256)
);

CREATE TABLE items (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id),
    ingest_id TEXT NOT NULL REFERENCES ingests (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    modality TEXT,
    study_uid TEXT,
    series_uid TEXT,
    -- Hash of what the item is made of: the same files give the same key.
    content_key BLOB NOT NULL,
    -- Dimensions and place in the patient; none for what is no grid.
    grid TEXT,
    findings TEXT NOT NULL,
    details TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (case_id, content_key)
);

CREATE TABLE item_originals (
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    original_id TEXT NOT NULL REFERENCES originals (id),
    PRIMARY KEY (item_id, position)
);
CREATE INDEX item_originals_by_original ON item_originals (original_id);

CREATE TABLE artifacts (
    id TEXT PRIMARY KEY NOT NULL,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    details TEXT NOT NULL,
    UNIQUE (item_id, kind, name)
);

-- The objects that an artifact consists of, each with its part in it.
CREATE TABLE artifact_objects (
    artifact_id TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    object TEXT NOT NULL UNIQUE REFERENCES objects (name),
    PRIMARY KEY (artifact_id, part)
);
