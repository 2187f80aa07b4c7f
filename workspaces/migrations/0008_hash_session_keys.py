import hashlib
import time
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.db import migrations
from django.utils import timezone

SALT = "django.contrib.sessions.SessionStore"
HASHED = 40  # characters; Django's ids have 32


def hash_keys(apps, schema_editor):
    """Keep the hash of every session's id in its place, so that people stay signed in; both limits begin now.

    Who has no table of sessions yet has none to hash.
    """
    tables = {model._meta.label: model.objects for model in apps.get_models()}
    if "sessions.Session" in tables:
        _hash_ids(tables["sessions.Session"])
    if "usersessions.UserSession" in tables:
        _hash_list(tables["usersessions.UserSession"])


def _hash_ids(sessions):
    limit = timezone.now() + timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    for row in sessions.iterator():
        if len(row.pk) != HASHED:
            facts = {"session_data": _begun_now(row.session_data), "expire_date": min(row.expire_date, limit)}
            sessions.filter(pk=row.pk).update(session_key=_hashed(row.pk), **facts)


def _hash_list(listed):
    for row in listed.iterator():
        if len(row.session_key) != HASHED:
            listed.filter(pk=row.pk).update(session_key=_hashed(row.session_key))


def _hashed(key):
    return hashlib.sha256(key.encode()).hexdigest()[:HASHED]


def _begun_now(session_data):
    try:
        data = signing.loads(session_data, salt=SALT, serializer=JSONSerializer)
    except signing.BadSignature:  # of a former SECRET_KEY: it opens nothing
        return session_data
    return signing.dumps({**data, "began": time.time()}, salt=SALT, serializer=JSONSerializer, compress=True)


class Migration(migrations.Migration):
    # Not on "usersessions", which depends on 0001: what replaces both would then be in a circle with it.
    dependencies = [("workspaces", "0007_account_mail")]

    # Hashes do not give the ids back: on the way back people sign in once more.
    operations = [migrations.RunPython(hash_keys, migrations.RunPython.noop)]
