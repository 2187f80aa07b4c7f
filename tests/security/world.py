"""Two workspaces, everybody who may meet them, and one of everything that an address can name."""

import threading
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.db import connection
from django.utils import timezone

from alerts.mail.messages import unsubscribe_url
from alerts.models import Alert, Notification, Recipient, Rule
from cleanlist import Secret
from core.encryption import EncryptedValue
from keys.models import ApiKey
from tests.fixtures import API_KEY, PASSWORD
from tests.keys.conftest import log_request, make_key, note_poll
from tests.webhooks.attempts import run
from usage.models import BalanceChange, BalanceImport
from usage.readings import record_reading
from webhooks.ingest.attempts import ingest_page
from webhooks.models import EndpointCheck, Redelivery
from workspaces.models import Invitation, ManagementSession, Membership, Role, User, Workspace

WORKFLOW = "public_bulk_0123"
HERE, ELSEWHERE = "example-works", "other-works"
CLIENT_TOKEN = "client-token-of-the-tests-0123456789"
# Written by every request of a signed-in person, or by a probe, and nobody's data.
PASSING = {
    "sessions.Session",
    "usersessions.UserSession",
    "contenttypes.ContentType",
    "auth.Permission",
    "workspaces.Heartbeat",
}


class Upstream:
    """Counts what is asked of it, on a loopback port, and refuses everything at once."""

    def __init__(self):
        self.calls = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def handler(self):
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                calls.append(f"{self.command} {self.path}")
                self.send_response(403)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"detail": "Not for the tests."}')

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the standard library's names

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def person(name, workspace=None, role=None, **facts):
    user = User.objects.create_user(f"{name}@example.test", PASSWORD, **facts)
    if workspace:
        Membership.objects.create(user=user, workspace=workspace, role=role)
    return user


def make_workspace(slug, upstream):
    workspace = Workspace.objects.create(
        name=slug.replace("-", " ").title(),
        slug=slug,
        base_url=upstream.url,
        organization_id=f"org_{slug}",
        api_key=EncryptedValue.encrypt(Secret(API_KEY)),
        api_key_prefix=API_KEY[:10],
        api_key_last4=API_KEY[-4:],
    )
    ManagementSession.objects.create(
        workspace=workspace,
        kind="clerk",
        frontend_api_url=upstream.url,
        session_id="sess_tests",
        client_token=EncryptedValue.encrypt(Secret(CLIENT_TOKEN)),
    )
    for resource in ("balance", "keys"):
        note_poll(workspace, resource)
    return workspace


class World:
    """Who and what there is; ``names`` gives a value for every part of an address."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.workspace, self.other = make_workspace(HERE, upstream), make_workspace(ELSEWHERE, upstream)
        self.people = {role.value: person(role.value, self.workspace, role) for role in Role}
        self.people["stranger"] = person("stranger")
        self.people["elsewhere"] = person("elsewhere", self.other, Role.OWNER)
        self.people["admin"] = person("admin", is_superuser=True, is_staff=True)
        self.key = make_key(self.workspace, secret_state=ApiKey.SecretState.UNSEEN)
        self.other_key = make_key(self.workspace, name="Key of another program")
        for number in range(2):
            make_key(self.workspace, name=f"Spare key {number}")
        self.foreign_key = make_key(self.other, name="Key of the other workspace")
        log_request(self.key)
        now = timezone.now()
        ingest_page(self.workspace, run(WORKFLOW, start=now - timedelta(hours=1)), now)
        ingest_page(self.other, run("public_bulk_elsewhere", start=now - timedelta(hours=1)), now)
        self.names = self._names()

    def _names(self):
        colleague = person("colleague")
        member = Membership.objects.create(user=colleague, workspace=self.workspace, role=Role.VIEWER)
        invitation = Invitation(workspace=self.workspace, email="guest@example.test", invited_by=self.people["owner"])
        token = invitation.renew_token()
        invitation.save()
        passkey = Authenticator.objects.create(user=colleague, type="webauthn", data={"name": "Key", "credential": {}})
        identity = SocialAccount.objects.create(user=colleague, provider="sso", uid="colleague")
        session = UserSession.objects.create(
            user=colleague, session_key="x" * 32, ip="203.0.113.9", user_agent="Browser/1", last_seen_at=timezone.now()
        )
        # The passkey, the identity and the session are a colleague's: nobody else may reach them.
        return {
            "slug": HERE,
            "key_id": self.key.key_id,
            "other_key_id": self.other_key.key_id,
            "workflow_id": WORKFLOW,
            "user_id": member.user_id,
            "membership_id": member.pk,
            "invitation_id": invitation.pk,
            "token": token,
            "pk": passkey.pk,
            "session_id": session.pk,
            "identity_id": identity.pk,
            "resource": "balance",
            "uidb36": "1",
            "key": "no-such-key",
            "provider_id": "sso",
            "check_id": EndpointCheck.objects.create(
                workspace=self.workspace, url="https://hooks.example.com/"
            ).check_id,
            "step": "header",  # a check belongs to a case, and this address tells of none
            "job_id": Redelivery.objects.create(workspace=self.workspace).job_id,
            "job_id@webhooks:redelivery_resume#elsewhere": Redelivery.objects.create(
                workspace=self.workspace,
                requested_by=self.people["operator"],
                state="paused",
                url="https://hooks.example.com/",
            ).job_id,
            "pk@usage:change usage:undo_mark": self._change().pk,
            "pk@usage:undo_import": BalanceImport.objects.create(
                workspace=self.workspace, name="past.csv", rows=0, first_at=timezone.now(), last_at=timezone.now()
            ).pk,
            **self._alert_names(),
        }

    def _change(self):
        now = timezone.now()
        for minutes, balance in ((30, 5000), (29, 4990)):
            record_reading(self.workspace, Decimal(balance), now - timedelta(minutes=minutes))
        return BalanceChange.objects.get()

    def _alert_names(self):
        rule = Rule.objects.create(
            workspace=self.workspace, kind="balance_below", name="Low balance", threshold=100, recovery=110
        )
        now = timezone.now()
        alert = Alert.objects.create(
            workspace=self.workspace,
            rule=rule,
            kind=rule.kind,
            rule_name=rule.name,
            severity=rule.severity,
            state=Alert.State.FIRING,
            started_at=now,
            fired_at=now,
            evaluated_at=now,
        )
        recipient = Recipient.objects.create(workspace=self.workspace, address="pager@example.test")
        mail = Notification.objects.create(
            key="test", workspace=self.workspace, recipient=recipient, kind="test", message_id="<test@example.test>"
        )
        return {
            "kind": rule.kind,
            "pk@alerts:rule alerts:rule#outsider alerts:remove_rule alerts:set_level alerts:switch_rule": rule.pk,
            "pk@alerts:alert alerts:acknowledge alerts:snooze alerts:wake": alert.pk,
            "pk@alerts:recipient alerts:recipient#outsider": recipient.pk,
            "pk@alerts:email": mail.pk,
            "pk@alerts:email_html": mail.pk,
            "token@alerts:unsubscribe": unsubscribe_url(mail).rstrip("/").rpartition("/")[2],
        }


def everything():
    """Every row of every table, as far as it says anything, as the database has it."""
    names = [model._meta.db_table for model in apps.get_models() if model._meta.label not in PASSING]
    with connection.cursor() as cursor:
        return {name: _rows(cursor, name) for name in names}


def _rows(cursor, name):
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")  # noqa: S608 - names of our own tables
    return sorted(map(repr, cursor.fetchall()))
