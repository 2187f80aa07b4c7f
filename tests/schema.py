"""What a database consists of, without what is in it, to be compared with another's."""

OF_POSTGRESQL = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
    pg_get_expr(d.adbin, d.adrelid), row_number() OVER (PARTITION BY c.oid ORDER BY attnum)
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
    LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') AND attnum > 0 AND NOT attisdropped;
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace;
SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public';
SELECT 'partition', relname, pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p');
SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal;
SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def describe_schema(connection):
    """Return a set of facts; two databases that behave alike have the same."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            return {(kind, name, *_parts(kind, sql)) for kind, name, _, sql in cursor.fetchall()}
        rows = set()
        for query in OF_POSTGRESQL.split(";"):
            cursor.execute(query)
            rows |= set(cursor.fetchall())
        return rows


def _parts(kind, sql):
    """Return the columns of a table in their order, and the constraints in any order."""
    sql = " ".join(sql.split())
    if kind != "table":
        return [sql]
    _, _, body = sql.partition("(")
    parts = split_clauses(body.rpartition(")")[0])
    columns = [part for part in parts if not part.startswith("CONSTRAINT")]
    return [*columns, *sorted(set(parts) - set(columns))]


def split_clauses(body):
    """Return what commas separate, outside of brackets."""
    parts, depth = [""], 0
    for letter in body:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
