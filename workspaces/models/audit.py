from typing import NoReturn

from django.db import models

from core import clock
from workspaces.models.user import User
from workspaces.models.workspace import Workspace


class Action(models.TextChoices):
    """Every action in the audit trail, as ``subject:verb``."""

    WORKSPACE_CONNECTED = "workspace:connected", "Workspace connected"
    WORKSPACE_CHANGED = "workspace:changed", "Workspace changed"
    WORKSPACE_REMOVED = "workspace:removed", "Workspace removed"
    API_KEY_REPLACED = "credential:api_key_replaced", "API key credential replaced"
    API_KEY_REMOVED = "credential:api_key_removed", "API key credential removed"
    SESSION_REPLACED = "credential:session_replaced", "Management session replaced"
    SESSION_REMOVED = "credential:session_removed", "Management session removed"
    CREDENTIAL_REJECTED = "credential:rejected", "Credential rejected by Cleanlist"
    CREDENTIAL_ACCEPTED = "credential:accepted", "Credential accepted by Cleanlist again"
    KEY_CREATED = "key:created", "API key created"
    KEY_REVOKED = "key:revoked", "API key revoked"
    KEYS_ALL_REVOKED = "key:all_revoked", "All API keys revoked"
    KEY_SECRET_SEEN = "key:secret_seen", "New API key's secret shown"
    ALERT_RULE_CREATED = "alert_rule:created", "Alert rule created"
    ALERT_RULE_CHANGED = "alert_rule:changed", "Alert rule changed"
    ALERT_RULE_REMOVED = "alert_rule:removed", "Alert rule removed"
    ALERT_ACKNOWLEDGED = "alert:acknowledged", "Alert acknowledged"
    ALERT_SNOOZED = "alert:snoozed", "Alert snoozed"
    ALERT_WOKEN = "alert:woken", "Snooze ended"
    ALERT_TEST_SENT = "alert:test_sent", "Test email sent"
    RECIPIENT_CHANGED = "alert_recipient:changed", "Alert recipient changed"
    RECIPIENT_UNSUBSCRIBED = "alert_recipient:unsubscribed", "Recipient unsubscribed"
    BALANCE_MARKED = "balance:marked", "Balance change explained"
    BALANCE_UNMARKED = "balance:unmarked", "Balance change explanation removed"
    BALANCE_IMPORTED = "balance:imported", "Balance history imported"
    BALANCE_IMPORT_UNDONE = "balance:import_undone", "Balance import undone"
    BUDGET_SET = "budget:set", "Budget set"
    BUDGET_CHANGED = "budget:changed", "Budget changed"
    BUDGET_REMOVED = "budget:removed", "Budget removed"
    REFRESHED = "mirror:refreshed", "Manual sync"
    POLLING_PAUSED = "workspace:polling_paused", "Polling paused"
    POLLING_RESUMED = "workspace:polling_resumed", "Polling resumed"
    MFA_REQUIRED = "workspace:mfa_required", "Two-factor required"
    MFA_NOT_REQUIRED = "workspace:mfa_not_required", "Two-factor no longer required"
    INVITATION_SENT = "invitation:sent", "Invitation sent"
    INVITATION_ACCEPTED = "invitation:accepted", "Invitation accepted"
    INVITATION_REVOKED = "invitation:revoked", "Invitation revoked"
    ROLE_CHANGED = "member:role_changed", "Role changed"
    MEMBER_REMOVED = "member:removed", "Member removed"
    SIGNED_IN = "person:signed_in", "Signed in"
    SIGN_IN_FAILED = "person:sign_in_failed", "Sign-in failed"
    SIGNED_OUT = "person:signed_out", "Signed out"
    SESSION_ENDED = "person:session_ended", "Session revoked"
    SESSION_LIMITS_CHANGED = "session_limits:changed", "Session limits changed"
    CONFIRMED = "person:confirmed", "Re-authenticated"
    CONFIRMATION_FAILED = "person:confirmation_failed", "Re-authentication failed"
    PASSWORD_CHANGED = "person:password_changed", "Password changed"
    PASSWORD_RESET = "person:password_reset", "Password reset by email"
    TOTP_ADDED = "person:totp_added", "Authenticator app added"
    TOTP_REMOVED = "person:totp_removed", "Authenticator app removed"
    PASSKEY_ADDED = "person:passkey_added", "Passkey added"
    PASSKEY_REMOVED = "person:passkey_removed", "Passkey removed"
    RECOVERY_CODES_MADE = "person:recovery_codes_made", "Recovery codes generated"
    RECOVERY_CODES_SHOWN = "person:recovery_codes_shown", "Recovery codes shown"
    RECOVERY_CODES_REMOVED = "person:recovery_codes_removed", "Recovery codes removed"
    SSO_LINKED = "person:sso_linked", "Single sign-on linked"
    SSO_UNLINKED = "person:sso_unlinked", "Single sign-on unlinked"
    ENROLMENT_PROVED = "person:enrolment_proved", "Second factor setup confirmed by email"
    ACCOUNT_OPENED = "person:account_opened", "Account created"
    ACCOUNT_DEACTIVATED = "person:deactivated", "Account deactivated"
    ACCOUNT_REACTIVATED = "person:reactivated", "Account reactivated"
    MFA_RESET = "person:mfa_reset", "Second factor reset by a site admin"
    AUDIT_EXPORTED = "audit:exported", "Audit trail exported"
    REQUESTS_EXPORTED = "request_log:exported", "Request log exported"
    DELIVERIES_EXPORTED = "webhook_delivery:exported", "Webhook deliveries exported"
    WORKFLOW_FOLLOWED = "workflow:followed", "Workflow looked up and followed"
    RESULTS_REVEALED = "workflow:results_revealed", "Contact data of a result viewed"
    RESULTS_EXPORTED = "workflow:results_exported", "Workflow result downloaded"
    ENDPOINT_CHECKED = "webhook_endpoint:checked", "Webhook endpoint checked"
    REDELIVERY_STARTED = "redelivery:started", "Redelivery started"
    REDELIVERY_PAUSED = "redelivery:paused", "Redelivery paused"
    REDELIVERY_RESUMED = "redelivery:resumed", "Redelivery resumed"
    REDELIVERY_CANCELLED = "redelivery:cancelled", "Redelivery canceled"
    REDELIVERY_FINISHED = "redelivery:finished", "Redelivery finished"
    SANDBOX_CREDITS_SET = "sandbox:credits_set", "Balance of the sandbox set"
    SANDBOX_RESET = "sandbox:reset", "Sandbox demo data reset"
    SUPPORT_BUNDLE_MADE = "support_bundle:made", "Support bundle created"
    AUDIT_PRUNED = "audit:pruned", "Old audit events deleted"
    ENCRYPTION_KEYS_ROTATED = "credential:resealed", "Stored secrets re-encrypted"


class Outcome(models.TextChoices):
    """How a command ended. "unknown" means that it was sent and no valid response came back."""

    SUCCEEDED = "succeeded", "Succeeded"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Queries on the audit trail. It is append-only, so ``update`` and ``delete`` raise TypeError."""

    def update(self, **_: object) -> NoReturn:
        raise TypeError("Audit events cannot be changed.")

    def delete(self) -> NoReturn:
        raise TypeError("Audit events cannot be deleted.")

    def of(self, workspace: Workspace) -> "AuditEventQuerySet":
        """Return the events of ``workspace``, newest first."""
        return self.filter(workspace_id=workspace.pk).order_by("-pk")


class AuditEvent(models.Model):
    """Who did what to which subject, when, from where, and how it ended.

    Names of people and workspaces are stored beside their ids, and the foreign keys do not cascade, so an event still
    reads the same after the person or the workspace is deleted.
    """

    at = models.DateTimeField(default=clock.cached_now, db_index=True)
    workspace = models.ForeignKey(
        Workspace, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    workspace_name = models.CharField(max_length=80, blank=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    actor_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=40, choices=Action.choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    subject_id = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    message = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)

    objects = models.Manager.from_queryset(AuditEventQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["workspace", "-id"], name="audit_by_workspace")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} by {self.actor_email or 'the console'}"

    def save(self, **_: object) -> None:
        """Insert a new event. Raises TypeError for one that is stored already."""
        if not self._state.adding:
            raise TypeError("Audit events cannot be changed.")
        super().save(force_insert=True)

    def delete(self, **_: object) -> NoReturn:  # type: ignore[override]
        raise TypeError("Audit events cannot be deleted.")


class AuditHead(models.Model):
    """The single row with the length, the beginning and the end of the trail.

    Appending and pruning both lock this row. ``cut_count`` and ``cut_hash`` are the anchor that pruning leaves: the
    number of events removed so far, and the hash of the last of them, which the oldest remaining event must follow.
    """

    ONLY = 1

    count = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, blank=True)
    cut_count = models.BigIntegerField(default=0)
    cut_hash = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.count} events"
