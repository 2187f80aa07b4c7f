from datetime import timedelta

from django.db import migrations
from django.utils import timezone

# Readings older than this are thinned to one an hour: what is known of their changes stays as it was.
KEPT_WHOLE = timedelta(days=35)
NO_WORDS = {"postgresql": "'[]'::jsonb"}
COPY = """
INSERT INTO usage_balancechange
    (reading_id, workspace_id, since, until, "before", "after", is_gap, topped_up, top_up_low, top_up_high, corrected,
     returned, certainty, why, is_settled, mark, note)
SELECT id, workspace_id, since, first_read_at, "before", credits, gap_seconds > 0, topped_up, topped_up, topped_up, 0,
    CASE WHEN credits - "before" > topped_up THEN credits - "before" - topped_up ELSE 0 END,
    'certain', {no_words}, first_read_at < %s, '', ''
FROM (
    SELECT *, LAG(read_at) OVER earlier AS since, LAG(credits) OVER earlier AS "before"
    FROM usage_balancereading WINDOW earlier AS (PARTITION BY workspace_id ORDER BY first_read_at)
) AS readings
WHERE since IS NOT NULL AND (credits <> "before" OR gap_seconds > 0)
"""


def copy(apps, schema_editor):
    """Make a change of each two readings, as they were understood so far; the next landings read them anew."""
    no_words = NO_WORDS.get(schema_editor.connection.vendor, "'[]'")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(COPY.format(no_words=no_words), [timezone.now() - KEPT_WHOLE])


class Migration(migrations.Migration):
    dependencies = [("usage", "0004_changes_of_balance")]

    operations = [migrations.RunPython(copy, migrations.RunPython.noop)]
