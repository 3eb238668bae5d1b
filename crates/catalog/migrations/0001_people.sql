-- Identifiers are UUIDs as text, times are milliseconds since 1970 in UTC, structured values are JSON text.
-- A column named `sealed` holds personal values under the key of the row's owner; a `token` finds equal values
-- without reading them. Nothing personal stands in any other column.

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- Keys of owners that have no row of their own, such as the directory of e-mail addresses.
CREATE TABLE keys (
    name TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    wrapped_key BLOB NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    wrapped_key BLOB NOT NULL,
    -- Of the e-mail address, under the key of the directory.
    email_token BLOB NOT NULL UNIQUE,
    -- Name and e-mail address.
    sealed BLOB NOT NULL,
    -- Hash of the password, sealed.
    password BLOB,
    state TEXT NOT NULL,
    -- Whether the person runs the server.
    operator BIGINT NOT NULL DEFAULT 0,
    verified_ms BIGINT,
    -- Wrong passwords and codes since the last right one.
    failures BIGINT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Second factors and passkeys.
CREATE TABLE credentials (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- totp, recovery or passkey
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,
    -- What finds it: of a recovery code or a passkey's identifier.
    token BLOB,
    -- The last time step of a one-time code, or the counter of a passkey: none is taken twice.
    last_step BIGINT NOT NULL,
    -- None while a one-time code is not confirmed.
    confirmed_ms BIGINT,
    used_ms BIGINT
);
CREATE INDEX credentials_by_user ON credentials (user_id, kind);
CREATE INDEX credentials_by_token ON credentials (token);

CREATE TABLE sessions (
    -- Hash of what the cookie holds.
    token BLOB PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- How strong the sign-in was, in a word.
    factors TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    idle_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    -- Address and program of the browser.
    sealed BLOB NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Links that were sent by mail, each good once.
CREATE TABLE links (
    -- Hash of what the link holds.
    token BLOB PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    -- verify, recover, member, grant, patient, guardian
    purpose TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What accepting it gives, as JSON of identifiers and words.
    terms TEXT NOT NULL,
    created_by TEXT,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT
);
CREATE INDEX links_by_user ON links (user_id);

CREATE TABLE practices (
    id TEXT PRIMARY KEY NOT NULL,
    wrapped_key BLOB NOT NULL,
    -- Its name.
    sealed BLOB NOT NULL,
    settings TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE members (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE acceptances (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    agreement TEXT NOT NULL,
    version TEXT NOT NULL,
    -- Of the text that was shown.
    sha256 BLOB NOT NULL,
    accepted_ms BIGINT NOT NULL,
    withdrawn_ms BIGINT
);
CREATE INDEX acceptances_by_user ON acceptances (user_id, agreement);

-- What the second step of setting up or using a passkey needs of the first.
CREATE TABLE ceremonies (
    -- Hash of what the browser gives back.
    token BLOB PRIMARY KEY NOT NULL,
    -- Who is signed in; empty while nobody is.
    user_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX ceremonies_by_end ON ceremonies (expires_ms);
