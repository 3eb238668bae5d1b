-- By which color a person is told from the others of a case, by pointer and by marks: the same for as long as the case is.
CREATE TABLE person_colors (
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- From 0 on.
    color BIGINT NOT NULL,
    PRIMARY KEY (case_id, user_id)
);
