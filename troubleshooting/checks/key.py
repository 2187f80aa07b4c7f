"""Checks of the key: its header, which one it is, what Cleanlist says now, scopes, plan, and how many there are."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from cleanlist import Client, Whoami
from cleanlist.errors import AuthenticationError
from core.formatting import counted
from core.net.curl import curl_command
from keys.models import ApiKey
from keys.models.key import MOST_ACTIVE_KEYS
from keys.presenters import key_slots
from keys.scopes import calls_of, required_scope
from keys.status import key_status
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, link, result_of_error
from troubleshooting.live_calls import FAILURES, call_upstream, call_with_session
from troubleshooting.mistakes import COPIED_WRONG, GOOD, IF_UNKNOWN, MISTAKES, RIGHT, UNKNOWN_HEADER
from troubleshooting.topic import HeaderMistake
from workspaces.credentials.states import session_state
from workspaces.models import Action, AuditEvent, Workspace
from workspaces.polling.registry import KEYS
from workspaces.services.polling import refresh

FEATURE = "API_ACCESS"
MOST_EVENTS = 20


def header(_: Workspace, case: Case) -> CheckResult:
    """Look at the form of the header that was pasted; nothing is asked upstream."""
    found = [MISTAKES[name] for name in case.slips if name in MISTAKES]
    if found:
        return CheckResult(
            "failed",
            " ".join(f"{slip.title}. {slip.text}" for slip in found),
            title=found[0].title,
            fix=_fix_of(found),
            facts=(("Expected", RIGHT),),
        )
    if GOOD in case.slips and case.is_sound and case.status:
        return CheckResult("ok", f"Cleanlist accepted the header: it returned {case.status}.")
    if GOOD in case.slips:
        key = (
            ". A variable or a mask is in place of the key: make sure that what is sent is the complete key."
            if case.hides_key
            else " and a complete key."
        )
        return CheckResult("ok", f"The header format is correct: Authorization, the word Bearer, one space{key}")
    if case.hides_key:
        return CheckResult("skipped", f"{UNKNOWN_HEADER}. {IF_UNKNOWN}")
    return CheckResult(
        "skipped",
        "Paste the curl command or header to check its format. Your browser removes the secret first.",
        facts=(("Expected", RIGHT),),
    )


def _fix_of(found: Sequence[HeaderMistake]) -> str:
    """Return what to do about mistakes, each once: that the key is to be copied again isn't said twice."""
    copies = [slip for slip in found if slip.name in COPIED_WRONG]
    return " ".join(dict.fromkeys(slip.fix for slip in found if slip not in copies[1:]))


def key(workspace: Workspace, case: Case) -> CheckResult:
    """Return which key it is and whether it is active; the key list is refreshed first if possible."""
    refreshed = workspace.has_session and refresh(workspace, KEYS).ok
    if case.key is None:
        return _without_key(workspace, refreshed=refreshed)
    found = ApiKey.objects.of(workspace).with_people().filter(key_id=case.key).first()
    if found is None:
        return CheckResult("skipped", "The console no longer has this key.")
    found.workspace = workspace
    result = about_key(found)
    read = "" if refreshed else " The list couldn't be synced just now; this is the last known state."
    return replace(result, text=result.text + read)


def _without_key(workspace: Workspace, *, refreshed: bool) -> CheckResult:
    count = ApiKey.objects.of(workspace).count()
    read = "" if refreshed else " That list couldn't be synced just now."
    return CheckResult(
        "skipped",
        f"The console doesn't know which of the {count} keys was used. Choose it above, or paste it: your browser "
        f"compares it and doesn't send it. The list has no keys of other users or organizations.{read}",
        links=link(workspace, "View keys", "keys:list"),
    )


def about_key(found: ApiKey) -> CheckResult:
    """Return what is known of a key in the mirror; its ``workspace`` is loaded."""
    workspace, status = found.workspace, key_status(found)
    links = link(workspace, "View key", "keys:detail", found.key_id)
    facts = (("Key", f"{found.label} ({found.masked})" if found.name else found.masked), ("Owner", found.owner or "—"))
    if found.is_usable:
        words = status.reason or "Listed as active in Cleanlist"
        return CheckResult(
            "ok", f"“{found.label}” is active. {words}.", facts=facts, links=links, snippet=_validate(workspace)
        )
    ended = _who_revoked(found) or (f"{status.reason}." if status.reason else "")
    word = status.text[0].lower() + status.text[1:]
    return CheckResult(
        "failed",
        f"“{found.label}” is no longer active: {word}. {ended}".strip(),
        title=f"The key “{found.label}” is no longer active: {word}",
        fix="This can't be undone. Create a new key and replace the old one wherever it's used.",
        facts=facts,
        links=(*links, *link(workspace, "Create key", "keys:new")),
    )


def _who_revoked(found: ApiKey) -> str:
    """Return who revoked the key and when, by the audit trail; empty where it was not done here."""
    trail = AuditEvent.objects.of(found.workspace)
    event = trail.filter(action=Action.KEY_REVOKED, subject_id=found.upstream_id, outcome="succeeded").first()
    if event is None:
        swept = trail.filter(action=Action.KEYS_ALL_REVOKED)[:MOST_EVENTS]
        event = next((one for one in swept if found.upstream_id in (one.details.get("revoked") or ())), None)
    if event is None:
        return ""
    who = event.actor_email or "this console"
    return f"According to the audit trail, {who} revoked it on {event.at:%-d %b %Y at %H:%M} UTC."


def credential(workspace: Workspace, _: Case) -> CheckResult:
    """Call validate-key with the console's own key, which shows whether Cleanlist answers and accepts it."""
    if workspace.api_key is None:
        text = "The console has no API key of its own to test with. Test yours with this command:"
        return CheckResult(
            "skipped", text, links=link(workspace, "Open settings", "workspaces:settings"), snippet=_validate(workspace)
        )
    try:
        answer = call_upstream(workspace, "auth/validate-key", lambda client: client.validate_key())
    except AuthenticationError as error:
        return _own_key_refused(workspace, error)
    except FAILURES as error:
        return result_of_error(error, workspace)
    if not answer.valid:
        return _own_key_refused(workspace, AuthenticationError("validate-key returned that the key isn't valid"))
    text = "Cleanlist responds and accepts the console's key. Check your key with the same call:"
    facts = (("Organization", answer.organization_id or "—"), ("User", answer.user_id or "—"))
    return CheckResult("ok", text, facts=facts, snippet=_validate(workspace))


def _own_key_refused(workspace: Workspace, error: AuthenticationError) -> CheckResult:
    """Explain why the console's own key was refused, as far as the mirror knows the key."""
    refused = result_of_error(error, workspace)
    ends = {"prefix": workspace.api_key_prefix, "last4": workspace.api_key_last4}
    own = ApiKey.objects.of(workspace).with_people().filter(**ends).first() if all(ends.values()) else None
    if own is None:
        return replace(refused, title="Cleanlist doesn't accept the console's API key")
    own.workspace = workspace
    known = about_key(own)
    return refused if known.state == "ok" else replace(known, facts=(*known.facts, *refused.facts))


def scopes(workspace: Workspace, case: Case) -> CheckResult:
    """Compare the scopes that a credential has with the one that the endpoint needs."""
    wanted = case.scope or required_scope(case.endpoint)
    try:
        identity = _whoami(workspace)
    except FAILURES as error:
        return result_of_error(error, workspace)
    facts = (
        ("Owner", identity.user_email or identity.user_id or "—"),
        ("Scopes", ", ".join(identity.scopes) or "none"),
    )
    if not wanted:
        whose = identity.user_email or "the console's credential"
        text = f"Paste the error or choose the endpoint to compare its scope. These are the scopes of {whose}."
        return CheckResult("ok", text, facts=facts)
    if wanted in identity.scopes:
        text = (
            f"The call requires {wanted}, and the owner of the console's credential has it. If your key was rejected, "
            "it belongs to someone else, or the scope was granted later."
        )
        return CheckResult("ok", text, facts=facts)
    return CheckResult(
        "failed",
        f"The call requires {wanted}, which isn't among the granted scopes.",
        title=f"Missing scope {wanted}",
        fix="Grant the scope to the owner and create a new key, or use the key of someone who has it.",
        facts=(*facts, *((("Fails without it", calls),) if (calls := calls_of(wanted)) else ())),
    )


def _whoami(workspace: Workspace) -> Whoami:
    """Return who the console is upstream: by its API key, or where it has none by its session."""
    call = call_with_session if workspace.api_key is None and workspace.has_session else call_upstream
    return call(workspace, "whoami", lambda client: client.whoami())


def plan(workspace: Workspace, _: Case) -> CheckResult:
    """See whether the plan includes key management."""
    try:
        identity = _whoami(workspace)
    except FAILURES as error:
        return result_of_error(error, workspace)
    facts = (("Plan", identity.tier or "—"), ("Features", ", ".join(identity.features) or "none"))
    if FEATURE in identity.features:
        return CheckResult("ok", f"Your plan includes {FEATURE}: you can create and list keys.", facts=facts)
    return CheckResult(
        "failed",
        f"Your plan doesn't include {FEATURE}, so you can't create or list keys. You can still revoke keys.",
        title=f"Your plan lacks the feature {FEATURE}",
        fix="Upgrade the plan in the portal under Settings > Billing.",
        facts=facts,
    )


def session(workspace: Workspace, _: Case) -> CheckResult:
    """List keys with the management session, which shows whether key management works."""
    stored = session_state(workspace)
    settings = link(workspace, "Open settings", "workspaces:settings")
    if workspace.management_session is None:
        return CheckResult("skipped", stored.sentence, links=settings)
    if not workspace.has_session:
        return CheckResult(
            "failed", stored.sentence, title="Management session expired", fix="Renew it.", links=settings
        )
    try:
        count = len(call_with_session(workspace, "api-keys", _list_keys))
    except FAILURES as error:
        return result_of_error(error, workspace)
    return CheckResult("ok", f"Key management works: {counted(count, 'key')} listed.")


def _list_keys(client: Client) -> tuple[object, ...]:
    return client.api_keys.list()


def slots(workspace: Workspace, _: Case) -> CheckResult:
    """Count the active keys against the limit."""
    refreshed = workspace.has_session and refresh(workspace, KEYS).ok
    used = key_slots(workspace)
    active = used.active or used.others
    to = partial(link, workspace)
    unused, idle = _candidates(workspace)
    facts = (
        ("Active", f"{active} of {MOST_ACTIVE_KEYS}"),
        ("Never used", str(unused)),
        ("Idle for 30 days", str(idle)),
    )
    links = (
        *to("Keys never used", "keys:list", query="?status=unused"),
        *to("Idle keys", "keys:list", query="?status=idle"),
    )
    read = "" if refreshed else " The list couldn't be synced just now; this is the last known state."
    text = f"{active} of {MOST_ACTIVE_KEYS} keys are active.{read}"
    if active < MOST_ACTIVE_KEYS:
        return CheckResult("ok", text, facts=facts, links=(*to("Create key", "keys:new"), *links))
    return CheckResult(
        "failed",
        f"{text} Cleanlist rejects new keys until you revoke one.",
        title=f"All {MOST_ACTIVE_KEYS} keys are in use",
        fix="Revoke an unused key: first those never used or idle for a month.",
        facts=facts,
        links=(*links, *to("Revoke all", "keys:revoke_all")),
    )


def _candidates(workspace: Workspace) -> tuple[int, int]:
    counts = ApiKey.objects.of(workspace).count_by_status()
    return counts["unused"], counts["idle"]


def _validate(workspace: Workspace) -> str:
    return curl_command(f"{workspace.base_url.rstrip('/')}/api/v1/public/auth/validate-key")
