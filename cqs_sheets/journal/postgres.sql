-- What the journal's tables rest on in PostgreSQL. The tables themselves are those of the migrations, see dialect.py.
CREATE SCHEMA IF NOT EXISTS cqs_sheets;

CREATE TABLE cqs_sheets.schema_version (version INTEGER NOT NULL);
INSERT INTO cqs_sheets.schema_version VALUES (0);

CREATE TABLE cqs_sheets.tenants (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT
);
COMMENT ON COLUMN cqs_sheets.tenants.role IS
    'only members of this role may be that tenant; NULL: whoever may use the journal';

-- The session's tenant, if it may be that one. Policies ask this, not the setting.
CREATE FUNCTION cqs_sheets.allowed_tenant() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT t.id FROM cqs_sheets.tenants t
    WHERE t.id = nullif(current_setting('cqs.tenant', true), '')::bigint
        AND (t.role IS NULL OR pg_has_role(session_user, t.role, 'member'))
$$;

-- Ids count within a tenant, as in a file of SQLite; writers of one tenant take turns.
CREATE FUNCTION cqs_sheets.next_id(of_table text) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE found bigint;
    BEGIN
        EXECUTE format('SELECT coalesce(max(id), 0) + 1 FROM cqs_sheets.%I', of_table) INTO found;
        RETURN found;
    END
$$;

-- SQLite's functions of these names, as far as the journal uses them.
CREATE FUNCTION cqs_sheets.json_each(list text) RETURNS TABLE (value text) LANGUAGE sql IMMUTABLE AS $$
    SELECT json_array_elements_text(list::json)
$$;
CREATE FUNCTION cqs_sheets.json_extract(content text, VARIADIC paths text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(coalesce((replace(content, '\u0000', '\ufffd')::json
        #> string_to_array(substr(path, 3), '.'))::text, 'null'), ',' ORDER BY place)
    FROM unnest(paths) WITH ORDINALITY AS asked (path, place)
$$;
