CREATE TABLE patients (
    id TEXT PRIMARY KEY NOT NULL,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    created_by TEXT NOT NULL REFERENCES users (id),
    wrapped_key BLOB NOT NULL,
    -- Demographics.
    sealed BLOB NOT NULL,
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- When its deletion was asked for, and until when that can be undone.
    deleted_ms BIGINT,
    undo_ms BIGINT,
    hold BIGINT NOT NULL
);
CREATE INDEX patients_by_practice ON patients (practice_id, created_ms, id);

-- Beginnings of the words of names, under the key of the practice.
CREATE TABLE patient_tokens (
    practice_id TEXT NOT NULL,
    token BLOB NOT NULL,
    patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
    PRIMARY KEY (practice_id, token, patient_id)
);
CREATE INDEX patient_tokens_by_patient ON patient_tokens (patient_id);

CREATE TABLE care_team (
    patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (patient_id, user_id)
);
CREATE INDEX care_team_by_user ON care_team (user_id);

-- Who sees a profile as the patient or for the patient.
CREATE TABLE patient_users (
    patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- As the patient or as a guardian, who may do what and until when, under the key of the patient: the end tells
    -- the day of birth.
    sealed BLOB NOT NULL,
    PRIMARY KEY (patient_id, user_id)
);
CREATE INDEX patient_users_by_user ON patient_users (user_id);

CREATE TABLE cases (
    id TEXT PRIMARY KEY NOT NULL,
    -- None for what the operator of the machine ingests by hand.
    practice_id TEXT REFERENCES practices (id),
    patient_id TEXT REFERENCES patients (id),
    created_by TEXT REFERENCES users (id),
    -- The key of the case, encrypted under the root key. Overwriting it destroys the case.
    wrapped_key BLOB NOT NULL,
    -- Title and date.
    sealed BLOB NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- When it was shared with the patient.
    shared_ms BIGINT,
    hold BIGINT NOT NULL,
    -- Nothing is deleted before.
    retain_until_ms BIGINT NOT NULL,
    -- Whether collaborators see whom the case is of.
    names TEXT NOT NULL,
    deleted_ms BIGINT,
    undo_ms BIGINT
);
CREATE INDEX cases_by_practice ON cases (practice_id, created_ms, id);
CREATE INDEX cases_by_patient ON cases (patient_id, created_ms, id);
CREATE INDEX cases_deleted ON cases (deleted_ms);

-- Beginnings of the words of titles, under the key of the practice.
CREATE TABLE case_tokens (
    practice_id TEXT NOT NULL,
    token BLOB NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    PRIMARY KEY (practice_id, token, case_id)
);
CREATE INDEX case_tokens_by_case ON case_tokens (case_id);

CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- see, annotate or contribute
    level TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    granted_by TEXT NOT NULL REFERENCES users (id),
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
CREATE INDEX grants_by_case ON grants (case_id, user_id);
CREATE INDEX grants_by_user ON grants (user_id, case_id);
