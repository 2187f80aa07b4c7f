"""Every address of the console, who asks for it, and the status they get.

The columns: signed out, stranger, owner of another workspace, viewer, operator, owner, site admin. "in" is a
redirect to the sign-in form and from there back; that of the start page leads on to wherever a person starts. After
them each row says whether who proved long ago who they are is asked to do it again: "confirm" or "no", and for a
command why not. Where that depends on what is sent, a row of its own tells, with a word after "#". An address that is
asked for by a method without a row answers 405 and does nothing.
"""

from keys.forms import REVOKE_ALL_PHRASE
from tests.fixtures import API_KEY

WHO = ("out", "stranger", "elsewhere", "viewer", "operator", "owner", "admin")
TABLE = """
home                                   GET  302 200 200 200 200 200 200 | no
healthz                                GET  200 200 200 200 200 200 200 | no
readyz                                 GET  200 200 200 200 200 200 200 | no
metrics                                GET  404 404 404 404 404 404 404 | no
account_login                          GET  200 302 302 302 302 302 302 | no
account_login                          POST 200 302 302 302 302 302 302 | no: it is the sign-in itself
mfa_authenticate                       GET  302 302 302 302 302 302 302 | no
mfa_authenticate                       POST 302 302 302 302 302 302 302 | no: a step of signing in
mfa_login_webauthn                     GET  302 302 302 302 302 302 302 | no
mfa_login_webauthn                     POST 302 302 302 302 302 302 302 | no: a step of signing in
account_logout                         GET  302 200 200 200 200 200 200 | no
account_logout                         POST 302 302 302 302 302 302 302 | no: gives nothing and must be quick
account_inactive                       GET  200 200 200 200 200 200 200 | no
account_reauthenticate                 GET   in 200 200 200 200 200 200 | no: it is the confirmation itself
account_reauthenticate                 POST  in 200 200 200 200 200 200 | no: it is the confirmation itself
mfa_reauthenticate                     GET   in 302 302 302 302 302 302 | no: it is the confirmation itself
mfa_reauthenticate                     POST  in 302 302 302 302 302 302 | no: it is the confirmation itself
mfa_reauthenticate_webauthn            GET   in 302 302 302 302 302 302 | no: it is the confirmation itself
mfa_reauthenticate_webauthn            POST  in 302 302 302 302 302 302 | no: it is the confirmation itself
account_change_password                GET   in 200 200 200 200 200 200 | confirm
account_change_password                POST  in 200 200 200 200 200 200 | confirm
account_set_password                   GET   in 302 302 302 302 302 302 | confirm
account_set_password                   POST  in 302 302 302 302 302 302 | confirm
account_reset_password                 GET  200 200 200 200 200 200 200 | no
account_reset_password                 POST 302 302 302 302 302 302 302 | no: mails a link to the account's own address
account_reset_password_done            GET  200 200 200 200 200 200 200 | no
account_reset_password_from_key_done   GET  200 200 200 200 200 200 200 | no
account_reset_password_from_key        GET  200 200 200 200 200 200 200 | no
account_reset_password_from_key        POST 200 200 200 200 200 200 200 | no: the link from the mail is the proof
mfa_index                              GET   in 200 200 200 200 200 200 | no
mfa_activate_totp                      GET   in 200 200 200 200 200 200 | confirm
mfa_activate_totp                      POST  in 200 200 200 200 200 200 | confirm
mfa_deactivate_totp                    GET   in 404 404 404 404 404 404 | confirm
mfa_deactivate_totp                    POST  in 404 404 404 404 404 404 | confirm
mfa_list_webauthn                      GET   in 302 302 302 302 302 302 | no
mfa_list_webauthn                      POST  in 302 302 302 302 302 302 | no: leads to the page Security
mfa_add_webauthn                       GET   in 200 200 200 200 200 200 | confirm
mfa_add_webauthn                       POST  in 200 200 200 200 200 200 | confirm
mfa_remove_webauthn                    GET   in 404 404 404 404 404 404 | confirm
mfa_remove_webauthn                    POST  in 404 404 404 404 404 404 | confirm
mfa_edit_webauthn                      GET   in 404 404 404 404 404 404 | confirm
mfa_edit_webauthn                      POST  in 404 404 404 404 404 404 | confirm
mfa_view_recovery_codes                GET   in 404 404 404 404 404 404 | confirm
mfa_generate_recovery_codes            GET   in 200 200 200 200 200 200 | confirm
mfa_generate_recovery_codes            POST  in 200 200 200 200 200 200 | confirm
mfa_download_recovery_codes            GET   in 404 404 404 404 404 404 | confirm
mfa_download_recovery_codes            POST  in 404 404 404 404 404 404 | confirm
ask_enrolment                          POST  in 302 302 302 302 302 302 | no: mails a link to the account's own address
prove_enrolment                        GET   in 302 302 302 302 302 302 | no
unlink_identity                        GET   in 404 404 404 404 404 404 | confirm
unlink_identity                        POST  in 404 404 404 404 404 404 | confirm
usersessions_list                      GET   in 200 200 200 200 200 200 | no
end_all_sessions                       GET   in 200 200 200 200 200 200 | no
end_all_sessions                       POST  in 302 302 302 302 302 302 | no: gives nothing and must be quick
end_other_sessions                     POST  in 302 302 302 302 302 302 | no: gives nothing and must be quick
end_session                            POST  in 404 404 404 404 404 404 | no: gives nothing and must be quick
openid_connect_login                   GET  404 404 404 404 404 404 404 | no
openid_connect_login                   POST 404 404 404 404 404 404 404 | no: it is the sign-in itself
openid_connect_callback                GET  404 404 404 404 404 404 404 | no
openid_connect_callback                POST 404 404 404 404 404 404 404 | no: it is the sign-in itself
socialaccount_login_cancelled          GET  200 200 200 200 200 200 200 | no
socialaccount_login_error              GET   in 401 401 401 401 401 401 | no
workspaces:profile                     GET   in 200 200 200 200 200 200 | no
workspaces:profile                     POST  in 302 302 302 302 302 302 | no: a name and a time zone, of oneself
workspaces:site_audit                  GET   in 403 403 403 403 403 200 | no
workspaces:site_audit_export           POST  in 403 403 403 403 403 200 | confirm
workspaces:people                      GET   in 403 403 403 403 403 200 | no
workspaces:session_limits              GET   in 403 403 403 403 403 200 | confirm
workspaces:session_limits              POST  in 403 403 403 403 403 302 | confirm
workspaces:deactivate                  GET   in 403 403 403 403 403 200 | confirm
workspaces:deactivate                  POST  in 403 403 403 403 403 302 | confirm
workspaces:reactivate                  POST  in 403 403 403 403 403 302 | confirm
workspaces:unlink_identity             GET   in 403 403 403 403 403 200 | confirm
workspaces:unlink_identity             POST  in 403 403 403 403 403 302 | confirm
workspaces:sign_out                    GET   in 403 403 403 403 403 200 | confirm
workspaces:sign_out                    POST  in 403 403 403 403 403 302 | confirm
workspaces:reset_mfa                   GET   in 403 403 403 403 403 200 | confirm
workspaces:reset_mfa                   POST  in 403 403 403 403 403 302 | confirm
workspaces:invitation                  GET  200 200 200 200 200 200 200 | no
workspaces:invitation                  POST 422 403 403 403 403 403 403 | no: the link from the mail is the proof
workspaces:new                         GET   in 403 200 403 403 200 200 | confirm
workspaces:new                         POST  in 403 422 403 403 422 422 | confirm
workspaces:new_test                    POST  in 403 422 403 403 422 422 | no: tries what was typed and stores nothing
workspaces:polling                     GET   in 404 404 200 200 200 200 | no
workspaces:pause_polling               POST  in 404 404 403 403 302 302 | no: every page says so
workspaces:resume_polling              POST  in 404 404 403 403 302 302 | no: gives nothing and must be quick
workspaces:audit                       GET   in 404 404 200 200 200 200 | no
workspaces:audit_export                POST  in 404 404 403 403 200 200 | confirm
workspaces:members                     GET   in 404 404 403 403 200 200 | no
workspaces:invite                      POST  in 404 404 403 403 302 302 | confirm
workspaces:require_mfa                 POST  in 404 404 403 403 302 302 | confirm
workspaces:change_role                 GET   in 404 404 403 403 302 302 | confirm
workspaces:change_role                 POST  in 404 404 403 403 302 302 | confirm
workspaces:remove_member               GET   in 404 404 403 403 200 200 | confirm
workspaces:remove_member               POST  in 404 404 403 403 302 302 | confirm
workspaces:resend_invitation           POST  in 404 404 403 403 302 302 | confirm
workspaces:revoke_invitation           POST  in 404 404 403 403 302 302 | confirm
workspaces:refresh                     POST  in 404 404 302 302 302 302 | no: reads afresh and changes nothing
workspaces:settings                    GET   in 404 404 200 200 200 200 | no
workspaces:change_details              POST  in 404 404 403 403 302 302 | confirm
workspaces:replace_api_key             POST  in 404 404 403 403 422 422 | confirm
workspaces:remove_api_key              GET   in 404 404 403 403 200 200 | confirm
workspaces:remove_api_key              POST  in 404 404 403 403 302 302 | confirm
workspaces:replace_session             POST  in 404 404 403 403 422 422 | confirm
workspaces:remove_session              GET   in 404 404 403 403 200 200 | confirm
workspaces:remove_session              POST  in 404 404 403 403 302 302 | confirm
workspaces:retry_credentials           POST  in 404 404 403 403 302 302 | no: uses what is stored, as polling does
workspaces:remove                      GET   in 404 404 403 403 200 200 | confirm
workspaces:remove                      POST  in 404 404 403 403 302 302 | confirm
keys:list                              GET   in 404 404 200 200 200 200 | no
keys:new                               GET   in 404 404 403 200 200 200 | confirm
keys:new                               POST  in 404 404 403 422 422 422 | confirm
keys:seen                              POST  in 404 404 403 204 204 204 | no: notes that the secret arrived
keys:revoke_selected                   GET   in 404 404 403 302 302 302 | no
keys:revoke_selected                   POST  in 404 404 403 200 200 200 | no: under half of the keys; a leak is urgent
keys:revoke_selected#half              GET   in 404 404 403 200 200 200 | confirm
keys:revoke_selected#half              POST  in 404 404 403 200 200 200 | confirm
keys:revoke_all                        GET   in 404 404 403 200 200 200 | confirm
keys:revoke_all                        POST  in 404 404 403 200 200 200 | confirm
keys:detail                            GET   in 404 404 200 200 200 200 | no
keys:requests                          GET   in 404 404 200 200 200 200 | no
keys:log                               GET   in 404 404 200 200 200 200 | no
keys:log_figures                       GET   in 404 404 200 200 200 200 | no
keys:log_tally                         GET   in 404 404 200 200 200 200 | no
keys:log_further                       GET   in 404 404 302 302 302 302 | no
keys:requests_tally                    GET   in 404 404 200 200 200 200 | no
keys:requests_further                  GET   in 404 404 302 302 302 302 | no
keys:log_export                        POST  in 404 404 200 200 200 200 | confirm
keys:requests_figures                  GET   in 404 404 200 200 200 200 | no
keys:revoke                            GET   in 404 404 403 200 200 200 | no
keys:revoke                            POST  in 404 404 403 200 200 200 | no: one of many keys; a leak is urgent
keys:dismiss                           POST  in 404 404 403 302 302 302 | no: takes a notice away
webhooks:check                         GET   in 404 404 200 200 200 200 | no
webhooks:check                         POST  in 404 404 403 302 302 302 | no: sends a sample without anybody's data
webhooks:check_result                  GET   in 404 404 200 200 200 200 | no
webhooks:developers                    GET   in 404 404 200 200 200 200 | no
webhooks:unattempted                   GET   in 404 404 200 200 200 200 | no
webhooks:redeliver                     GET   in 404 404 403 200 200 200 | no
webhooks:redeliver                     POST  in 404 404 403 302 302 302 | no: to the URLs that the webhooks were for
webhooks:redeliver#elsewhere           POST  in 404 404 403 302 302 302 | confirm
webhooks:redeliveries                  GET   in 404 404 200 200 200 200 | no
webhooks:redelivery                    GET   in 404 404 200 200 200 200 | no
webhooks:redelivery_report             POST  in 404 404 200 200 200 200 | confirm
webhooks:redelivery_pause              POST  in 404 404 403 302 302 302 | no: sends less
webhooks:redelivery_resume             POST  in 404 404 403 302 302 302 | no: to the URLs that the webhooks were for
webhooks:redelivery_resume#elsewhere   POST  in 404 404 403 302 302 302 | confirm
webhooks:redelivery_cancel             POST  in 404 404 403 302 302 302 | no: sends less
usage:overview                         GET   in 404 404 200 200 200 200 | no
usage:export                           GET   in 404 404 200 200 200 200 | confirm
usage:budget                           GET   in 404 404 403 403 200 200 | no
usage:budget                           POST  in 404 404 403 403 422 422 | no: can be set again, and is audited
usage:remove_budget                    GET   in 404 404 403 403 404 404 | no
usage:remove_budget                    POST  in 404 404 403 403 302 302 | no: can be set again, and is audited
usage:change                           GET   in 404 404 200 200 200 200 | no
usage:change                           POST  in 404 404 403 422 422 422 | no: can be taken back, and is audited
usage:history                          GET   in 404 404 403 200 200 200 | confirm
usage:history                          POST  in 404 404 403 422 422 422 | confirm
usage:undo_import                      POST  in 404 404 403 302 302 302 | confirm
usage:undo_mark                        POST  in 404 404 403 302 302 302 | no: can be said again, and is audited
webhooks:list                          GET   in 404 404 200 200 200 200 | no
webhooks:figures                       GET   in 404 404 200 200 200 200 | no
webhooks:tally                         GET   in 404 404 200 200 200 200 | no
webhooks:export                        POST  in 404 404 200 200 200 200 | confirm
webhooks:look_up                       POST  in 404 404 302 302 302 302 | no: leads to a page
webhooks:workflow                      GET   in 404 404 200 200 200 200 | no
webhooks:result                        POST  in 404 404 200 200 200 200 | no: contact data is masked
webhooks:result#reveal                 POST  in 404 404 403 200 200 200 | confirm
webhooks:result_file                   POST  in 404 404 403 302 302 302 | confirm
troubleshoot_body                      GET   in 404 404 200 200 200 200 | no
troubleshoot_body                      POST  in 404 404 200 200 200 200 | no: looks at what was typed
troubleshoot_batches                   POST  in 404 404 200 200 200 200 | no: looks at what was typed
troubleshoot_repaired                  POST  in 404 404 422 422 422 422 | no: looks at what was typed
support_bundle                         GET   in 404 404 200 200 200 200 | no
support_bundle                         POST  in 404 404 200 200 200 200 | no: no secrets, no results of enrichments
support_bundle_take                    POST  in 404 404 200 200 200 200 | no: no secrets, no results of enrichments
find                                   GET   in 404 404 200 200 200 200 | no
find_anywhere                          GET   in 200 200 200 200 200 200 | no
overview                               GET   in 404 404 200 200 200 200 | no
first_steps                            POST  in 404 404 302 302 302 302 | no: hides or shows a card, for oneself
sandbox_credits                        POST  in 404 404 403 302 302 302 | no: reaches only the sandbox of this machine
sandbox_reset                          GET   in 404 404 403 403 200 200 | no
sandbox_reset                          POST  in 404 404 403 403 302 302 | no: reaches only the sandbox of this machine
troubleshoot                           GET   in 404 404 200 200 200 200 | no
troubleshoot                           POST  in 404 404 302 302 302 302 | no: looks at what was typed
troubleshoot_all                       POST  in 404 404 200 200 200 200 | no: looks at what was typed
troubleshoot_check                     POST  in 404 404 404 404 404 404 | no: asks upstream whether something works
alerts:unsubscribe                     GET  200 200 200 200 200 200 200 | no
alerts:unsubscribe                     POST 200 200 200 200 200 200 200 | no: the link from the mail is the proof
alerts:live_everywhere                 GET   in 200 200 200 200 200 200 | no
alerts:live                            GET   in 404 404 200 200 200 200 | no
alerts:list                            GET   in 404 404 200 200 200 200 | no
alerts:alert                           GET   in 404 404 200 200 200 200 | no
alerts:acknowledge                     POST  in 404 404 403 302 302 302 | no: stops reminders of one alert, on record
alerts:acknowledge_selected            POST in 404 404 403 302 302 302 | no: stops reminders of alerts, on record
alerts:withdraw                        POST in 404 404 403 302 302 302 | no: reminds again
alerts:dismiss_banner                  POST in 404 404 302 302 302 302 | no: of the reader's own pages
alerts:snooze                          POST  in 404 404 403 422 422 422 | no: stops reminders of one alert, on record
alerts:wake                            POST  in 404 404 403 302 302 302 | no: tells more
alerts:choose_kind                     GET   in 404 404 403 403 200 200 | no
alerts:new_rule                        GET   in 404 404 403 403 200 200 | no
alerts:new_rule                        POST  in 404 404 403 403 422 422 | no: tells members only
alerts:new_rule#outsider               POST  in 404 404 403 403 302 302 | confirm
alerts:rule                            GET   in 404 404 200 200 200 200 | no
alerts:rule                            POST  in 404 404 403 403 422 422 | no: nobody outside who was not told before
alerts:rule#outsider                   POST  in 404 404 403 403 302 302 | confirm
alerts:remove_rule                     GET   in 404 404 403 403 200 200 | no
alerts:remove_rule                     POST  in 404 404 403 403 302 302 | no: tells less, on record
alerts:set_level                       POST  in 404 404 403 403 422 422 | no: notifies nobody new, on record
alerts:switch_rule                     POST  in 404 404 403 403 302 302 | no: confirmed when its addresses were stored
alerts:emails                          GET   in 404 404 200 200 200 200 | no
alerts:email                           GET   in 404 404 200 200 200 200 | no
alerts:email_html                      GET  in 404 404 403 403 200 200 | no
alerts:test                            POST  in 404 404 403 302 302 302 | no: a member
alerts:test#outsider                   POST  in 404 404 403 302 302 302 | confirm
alerts:quiet_hours                     POST  in 404 404 403 403 302 302 | no: when mails come, on record
alerts:add_recipient                   POST  in 404 404 403 403 302 302 | no: a member
alerts:add_recipient#outsider          POST  in 404 404 403 403 302 302 | confirm
alerts:recipient                       POST  in 404 404 403 403 302 302 | no: gives less
alerts:recipient#outsider              POST  in 404 404 403 403 302 302 | confirm
"""
RULE = {
    "name": "Low balance",
    "severity": "warning",
    "threshold": "100",
    "recovery": "110",
    "pending_minutes": "0",
    "repeat_seconds": "0",
    "unit": "credits",
}
# What would change something if it were allowed.
SENT = {
    "account_login": {"login": "nobody@example.test", "password": "wrong"},
    "account_change_password": {"oldpassword": "wrong", "password1": "new", "password2": "new"},
    "account_reset_password": {"email": "nobody@example.test"},
    "workspaces:profile": {"name": "Batch worker", "time_zone": ""},
    "workspaces:site_audit_export": {"format": "csv"},
    "workspaces:audit_export": {"format": "jsonl"},
    "keys:log_export": {"format": "csv"},
    "webhooks:check": {"url": "https://hooks.example.com/cleanlist"},
    "webhooks:redeliver": {"filters": "state=failed", "expected": "1", "where": "own"},
    "webhooks:redeliver#elsewhere": {
        "filters": "state=failed",
        "expected": "1",
        "where": "other",
        "url": "https://hooks.example.com/cleanlist",
    },
    "webhooks:result#reveal": {"reveal": "1"},
    "webhooks:export": {"format": "jsonl"},
    "webhooks:result_file": {"format": "csv"},
    "webhooks:look_up": {"workflow_id": "{workflow_id}"},
    "workspaces:session_limits": {"idle_minutes": "30", "hours": "8"},
    "workspaces:invite": {"email": "newcomer@example.test", "role": "owner"},
    "workspaces:change_role": {"role": "owner"},
    "workspaces:change_details": {"name": "Taken over", "base_url": "https://api.cleanlist.ai"},
    "workspaces:replace_api_key": {"api_key": API_KEY, "save_anyway": "true"},
    "workspaces:replace_session": {
        "session_kind": "clerk",
        "frontend_api_url": "https://clerk.cleanlist.ai",
        "session_id": "sess_x",
        "client_token": "x" * 40,
    },
    "workspaces:remove": {"phrase": "Example Works"},
    "alerts:new_rule#outsider": {**RULE, "addresses": "newcomer@example.test"},
    "alerts:rule#outsider": {**RULE, "addresses": "newcomer@example.test"},
    "alerts:add_recipient#outsider": {"address": "newcomer@example.test", "summary": "daily"},
    "alerts:recipient#outsider": {"subscribed": "on", "summary": "daily"},
    "alerts:new_rule": {"name": "x", "threshold": "1", "recovery": "2"},
    "alerts:rule": {"name": "Taken over"},
    "alerts:add_recipient": {"address": "owner@example.test", "summary": "daily"},
    "alerts:test": {"address": "owner@example.test"},
    "alerts:test#outsider": {"address": "pager@example.test"},
    "sandbox_credits": {"to": "none"},
    "troubleshoot": {"text": "401"},
    "keys:new": {"name": "x", "expiry": "never", "form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12"},
    "keys:seen": {"form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12"},
    "keys:revoke_selected": {"key": "{key_id}"},
    "keys:revoke_selected#half": {"key": ["{key_id}", "{other_key_id}"]},
    "keys:revoke_all": {"phrase": REVOKE_ALL_PHRASE},
}


def rows():
    """Yield (name of the address, method, {who: status}, what it says about a fresh confirmation)."""
    for line in filter(None, TABLE.splitlines()):
        row, _, says = line.partition("|")
        name, method, *statuses = row.split()
        yield name, method, dict(zip(WHO, statuses, strict=True)), says.strip()


def sent_to(name, names):
    """Return the form that is sent to this address."""
    return {
        field: [one.format(**names) for one in value] if isinstance(value, list) else value.format(**names)
        for field, value in SENT.get(name, {}).items()
    }
