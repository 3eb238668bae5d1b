-- The second wall of registrations, as `0009_walls.sql` builds it: whoever opens the case has to do with them.
DO $wall$
DECLARE
    standing CONSTANT TEXT := 'COALESCE(current_setting(''vitrine.who'', TRUE), '''')';
    seen CONSTANT TEXT := format('vitrine_opens(%s, case_id)', standing);
BEGIN
    ALTER TABLE registrations ENABLE ROW LEVEL SECURITY;
    ALTER TABLE registrations FORCE ROW LEVEL SECURITY;
    EXECUTE format(
        'CREATE POLICY wall ON registrations USING (CASE %s WHEN ''system'' THEN TRUE WHEN ''facts'' THEN FALSE '
        'WHEN '''' THEN FALSE ELSE (%s) END) WITH CHECK (CASE %s WHEN ''system'' THEN TRUE WHEN ''facts'' THEN FALSE '
        'WHEN '''' THEN FALSE ELSE (%s) END)',
        standing, seen, standing, seen);
    EXECUTE format('CREATE POLICY facts_stay ON registrations AS RESTRICTIVE FOR DELETE USING (%s <> ''facts'')',
        standing);
END $wall$;
