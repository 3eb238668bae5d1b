-- What somebody saw of an item on a day: how much of it, nothing of what is in it.
CREATE TABLE sights (
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    viewer TEXT NOT NULL REFERENCES users (id),
    -- In UTC, such as 2026-11-22.
    day TEXT NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    looked_ms BIGINT NOT NULL,
    frames BIGINT NOT NULL,
    questions BIGINT NOT NULL,
    sweeps BIGINT NOT NULL,
    -- The numbers that tell slices and directions apart, in order, four bytes each.
    slices BLOB NOT NULL,
    directions BLOB NOT NULL,
    PRIMARY KEY (item_id, viewer, day)
);
