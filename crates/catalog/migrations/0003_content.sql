-- One run of the pipeline, or of a server that takes uploads.
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
    -- Empty for the operator of the machine.
    uploader TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    -- Name and path as uploaded.
    sealed BLOB NOT NULL,
    object TEXT NOT NULL UNIQUE REFERENCES objects (name),
    UNIQUE (case_id, uploader, sha256)
);

CREATE TABLE items (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id),
    uploader TEXT NOT NULL,
    ingest_id TEXT NOT NULL REFERENCES ingests (id),
    kind TEXT NOT NULL,
    modality TEXT,
    -- Name, identifiers of study and series, findings, details: files may bring anything.
    sealed BLOB NOT NULL,
    -- Hash of what the item is made of: the same files give the same key.
    content_key BLOB NOT NULL,
    -- Dimensions and place in the patient; none for what is no grid.
    grid TEXT,
    created_ms BIGINT NOT NULL,
    deleted_ms BIGINT,
    undo_ms BIGINT,
    UNIQUE (case_id, uploader, content_key)
);
CREATE INDEX items_by_case ON items (case_id, created_ms, id);

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
    sealed BLOB NOT NULL,
    UNIQUE (item_id, kind, name)
);

-- The objects that an artifact consists of, each with its part in it.
CREATE TABLE artifact_objects (
    artifact_id TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    object TEXT NOT NULL UNIQUE REFERENCES objects (name),
    PRIMARY KEY (artifact_id, part)
);

-- Files that come in together and are ingested as one.
CREATE TABLE upload_sets (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    -- Whether it was said to show a face or a head.
    biometric TEXT NOT NULL,
    -- open, closed, done, failed or dropped
    state TEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX upload_sets_by_case ON upload_sets (case_id);
CREATE INDEX upload_sets_by_user ON upload_sets (user_id, state);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY NOT NULL,
    set_id TEXT NOT NULL REFERENCES upload_sets (id) ON DELETE CASCADE,
    -- Name and path as uploaded.
    sealed BLOB NOT NULL,
    len BIGINT NOT NULL,
    received BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX uploads_by_set ON uploads (set_id, created_ms, id);

-- What has arrived of a file, piece by piece.
CREATE TABLE upload_parts (
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    start BIGINT NOT NULL,
    object TEXT NOT NULL UNIQUE REFERENCES objects (name),
    PRIMARY KEY (upload_id, start)
);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id),
    set_id TEXT NOT NULL REFERENCES upload_sets (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    -- queued, running, done or failed
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Who works on it, and until when nobody else takes it.
    worker TEXT,
    lease_until_ms BIGINT NOT NULL,
    progress TEXT NOT NULL,
    -- What came of it, or why it failed.
    sealed BLOB,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX jobs_waiting ON jobs (state, lease_until_ms, created_ms);
CREATE INDEX jobs_by_case ON jobs (case_id);
CREATE INDEX jobs_by_set ON jobs (set_id);
