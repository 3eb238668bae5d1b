-- The second wall, of PostgreSQL alone: each transaction says in `vitrine.who` as whom it stands, and the database lets
-- through what goes with it. A person's identifier: rows of practices, care teams, cases and grants that the person is
-- part of. `facts`: what deciding needs, to be read. `system`: everything. Where nothing is said: nothing.
--
-- Who may do what with these rows is the policy's to say; this keeps a statement that forgot to ask from seeing more.
-- Tables that hold no row of anybody's are left out: meta, keys, ingests, objects, pending_objects, ledger.

-- What a person is to something, each a question about facts: it is looked up as `facts`, and the transaction stands as
-- before when it is answered.
DO $questions$
DECLARE
    question RECORD;
BEGIN
    FOR question IN SELECT * FROM (VALUES
        ('vitrine_is_member', 'practice TEXT',
            'EXISTS (SELECT 1 FROM members m WHERE m.practice_id = practice AND m.user_id = who AND m.state = ''active'')'),
        ('vitrine_has_emergency', 'practice TEXT',
            'EXISTS (SELECT 1 FROM emergencies e WHERE e.practice_id = practice AND e.user_id = who
             AND e.ended_ms IS NULL AND e.until_ms > extract(epoch FROM clock_timestamp()) * 1000)'),
        ('vitrine_works_in', 'practice TEXT',
            'vitrine_is_member(who, practice) OR vitrine_has_emergency(who, practice)'),
        ('vitrine_operates', 'account TEXT',
            'EXISTS (SELECT 1 FROM users u WHERE u.id = who AND u.id = account AND u.operator = 1)'),
        -- Of the care team and still a member, or an administrator of the practice, or the patient, or a guardian.
        ('vitrine_tends', 'patient TEXT',
            'EXISTS (SELECT 1 FROM patients p JOIN members m ON m.practice_id = p.practice_id AND m.user_id = who
                 AND m.state = ''active'' WHERE p.id = patient AND (m.role = ''administrator''
                 OR EXISTS (SELECT 1 FROM care_team t WHERE t.patient_id = patient AND t.user_id = who)))
             OR EXISTS (SELECT 1 FROM patient_users l WHERE l.patient_id = patient AND l.user_id = who)'),
        ('vitrine_is_granted', 'of_case TEXT',
            'EXISTS (SELECT 1 FROM grants g WHERE g.case_id = of_case AND g.user_id = who AND g.revoked_ms IS NULL
             AND g.until_ms > extract(epoch FROM clock_timestamp()) * 1000)'),
        -- Whom a case concerns, and so its grants.
        ('vitrine_sees_case', 'of_case TEXT',
            'EXISTS (SELECT 1 FROM cases c WHERE c.id = of_case AND (vitrine_tends(who, c.patient_id)
             OR vitrine_has_emergency(who, c.practice_id)))'),
        -- Whom the content of a case is for: of the patient''s side only where it is shared. A space is for its owner.
        ('vitrine_opens', 'of_case TEXT',
            'EXISTS (SELECT 1 FROM cases c JOIN care_team t ON t.patient_id = c.patient_id AND t.user_id = who
                 JOIN members m ON m.practice_id = c.practice_id AND m.user_id = who AND m.state = ''active''
                 WHERE c.id = of_case)
             OR vitrine_is_granted(who, of_case)
             OR EXISTS (SELECT 1 FROM cases c JOIN patient_users l ON l.patient_id = c.patient_id AND l.user_id = who
                 WHERE c.id = of_case AND c.shared_ms IS NOT NULL)
             OR EXISTS (SELECT 1 FROM spaces s WHERE s.case_id = of_case AND s.user_id = who)
             OR EXISTS (SELECT 1 FROM cases c WHERE c.id = of_case AND vitrine_has_emergency(who, c.practice_id))'),
        ('vitrine_opens_item', 'item TEXT',
            'EXISTS (SELECT 1 FROM items i WHERE i.id = item AND vitrine_opens(who, i.case_id))')
    ) AS questions (name, about, answer)
    LOOP
        EXECUTE format(
            'CREATE FUNCTION %I (who TEXT, %s) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $body$
             DECLARE
                 before CONSTANT TEXT := current_setting(''vitrine.who'', TRUE);
                 answer BOOLEAN;
             BEGIN
                 PERFORM set_config(''vitrine.who'', ''facts'', TRUE);
                 answer := %s;
                 PERFORM set_config(''vitrine.who'', before, TRUE);
                 RETURN answer;
             END $body$',
            question.name, question.about, question.answer);
    END LOOP;
END $questions$;

-- For each table whether `facts` reads it, which of its rows a person has to do with, and which rows a person may leave
-- behind, where those are fewer: what gives somebody a part in something is not for that somebody to write.
DO $walls$
DECLARE
    wall RECORD;
    standing CONSTANT TEXT := 'COALESCE(current_setting(''vitrine.who'', TRUE), '''')';
    seen TEXT;
    written TEXT;
BEGIN
    FOR wall IN SELECT * FROM (VALUES
        ('users', TRUE, 'id = $who', 'id = $who AND (operator = 0 OR vitrine_operates($who, $who))'),
        ('credentials', TRUE, 'user_id = $who', NULL),
        ('sessions', TRUE, 'user_id = $who', 'FALSE'),
        ('links', TRUE, 'user_id = $who OR created_by = $who', 'FALSE'),
        ('ceremonies', FALSE, 'user_id = $who', 'FALSE'),
        ('acceptances', TRUE, 'user_id = $who', NULL),
        ('practices', TRUE, 'vitrine_works_in($who, id)', 'vitrine_is_member($who, id)'),
        ('members', TRUE, 'user_id = $who OR vitrine_works_in($who, practice_id)', 'vitrine_is_member($who, practice_id)'),
        ('patients', TRUE,
            'created_by = $who AND vitrine_is_member($who, practice_id) OR vitrine_tends($who, id)', NULL),
        ('patient_tokens', FALSE, 'vitrine_is_member($who, practice_id)', NULL),
        ('care_team', TRUE,
            'user_id = $who OR vitrine_tends($who, patient_id)',
            'EXISTS (SELECT 1 FROM patients p WHERE p.id = patient_id AND vitrine_is_member($who, p.practice_id))'),
        ('patient_users', TRUE,
            'user_id = $who OR vitrine_tends($who, patient_id)',
            'EXISTS (SELECT 1 FROM patients p WHERE p.id = patient_id AND vitrine_is_member($who, p.practice_id))'),
        ('cases', TRUE,
            'practice_id IS NULL AND created_by = $who OR vitrine_tends($who, patient_id)
             OR vitrine_is_granted($who, id) OR vitrine_has_emergency($who, practice_id)',
            'vitrine_tends($who, patient_id) AND vitrine_is_member($who, practice_id)'),
        ('case_tokens', FALSE, 'vitrine_is_member($who, practice_id)', NULL),
        ('grants', TRUE,
            'user_id = $who OR vitrine_sees_case($who, case_id)',
            'EXISTS (SELECT 1 FROM cases c WHERE c.id = case_id AND vitrine_is_member($who, c.practice_id))'),
        ('originals', TRUE, 'vitrine_opens($who, case_id)', NULL),
        ('items', TRUE, 'vitrine_opens($who, case_id)', NULL),
        ('item_originals', TRUE, 'vitrine_opens_item($who, item_id)', NULL),
        ('artifacts', FALSE, 'vitrine_opens_item($who, item_id)', NULL),
        ('artifact_objects', FALSE, 'EXISTS (SELECT 1 FROM artifacts a WHERE a.id = artifact_id)', NULL),
        ('upload_sets', TRUE,
            'user_id = $who', 'user_id = $who AND EXISTS (SELECT 1 FROM cases c WHERE c.id = case_id)'),
        ('uploads', TRUE, 'EXISTS (SELECT 1 FROM upload_sets s WHERE s.id = set_id)', NULL),
        ('upload_parts', FALSE, 'EXISTS (SELECT 1 FROM uploads u WHERE u.id = upload_id)', NULL),
        ('jobs', FALSE, 'user_id = $who', NULL),
        ('marks', TRUE, 'vitrine_opens($who, case_id)', NULL),
        ('mark_versions', FALSE, 'EXISTS (SELECT 1 FROM marks m WHERE m.id = mark_id)', NULL),
        ('connections', TRUE, 'patient_user = $who OR doctor = $who', NULL),
        ('releases', TRUE, 'signed_by = $who OR vitrine_tends($who, patient_id)', 'vitrine_tends($who, patient_id)'),
        ('spaces', TRUE, 'user_id = $who', 'FALSE'),
        ('requests', TRUE, 'asked_by = $who OR vitrine_tends($who, patient_id)', 'vitrine_tends($who, patient_id)'),
        ('emergencies', TRUE,
            'user_id = $who OR vitrine_works_in($who, practice_id) OR vitrine_operates($who, $who)',
            'vitrine_operates($who, $who) OR vitrine_is_member($who, practice_id)'),
        ('sights', FALSE, 'viewer = $who OR vitrine_opens_item($who, item_id)', NULL),
        ('news', FALSE, 'user_id = $who', NULL),
        ('person_colors', TRUE, 'user_id = $who OR vitrine_sees_case($who, case_id)', 'FALSE'),
        ('events', FALSE,
            'actor = $who OR vitrine_works_in($who, practice) OR vitrine_tends($who, patient)', 'FALSE')
    ) AS walls (name, is_fact, seen, written)
    LOOP
        seen := replace(wall.seen, '$who', standing);
        written := replace(COALESCE(wall.written, wall.seen), '$who', standing);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', wall.name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', wall.name);
        EXECUTE format(
            'CREATE POLICY wall ON %I USING (CASE %s WHEN ''system'' THEN TRUE WHEN ''facts'' THEN %s WHEN '''' THEN FALSE '
            'ELSE (%s) END) WITH CHECK (CASE %s WHEN ''system'' THEN TRUE WHEN ''facts'' THEN FALSE WHEN '''' THEN FALSE '
            'ELSE (%s) END)',
            wall.name, standing, CASE WHEN wall.is_fact THEN 'TRUE' ELSE 'FALSE' END, seen, standing, written);
        -- A deletion has no new row to be checked.
        EXECUTE format('CREATE POLICY facts_stay ON %I AS RESTRICTIVE FOR DELETE USING (%s <> ''facts'')',
            wall.name, standing);
    END LOOP;
END $walls$;
