"""Every address of the console, who asks for it, and the status they get.

The columns: signed out, stranger, owner of another workspace, viewer, operator, owner, site admin. "in" is a
redirect to the sign-in form; "confirm" at the end means that who proved long ago who they are is asked to do it again.
An address that is asked for by a method without a row answers 405 and does nothing.
"""

from keys.forms import REVOKE_ALL_PHRASE
from tests.cast import API_KEY

WHO = ("out", "stranger", "elsewhere", "viewer", "operator", "owner", "admin")
TABLE = """
home                                   GET    in 200 200 200 200 200 200
healthz                                GET   200 200 200 200 200 200 200
readyz                                 GET   200 200 200 200 200 200 200
metrics                                GET   404 404 404 404 404 404 404
account_login                          GET   200 302 302 302 302 302 302
account_login                          POST  200 302 302 302 302 302 302
mfa_authenticate                       GET   302 302 302 302 302 302 302
mfa_authenticate                       POST  302 302 302 302 302 302 302
mfa_login_webauthn                     GET   302 302 302 302 302 302 302
mfa_login_webauthn                     POST  302 302 302 302 302 302 302
account_logout                         GET   302 200 200 200 200 200 200
account_logout                         POST  302 302 302 302 302 302 302
account_inactive                       GET   200 200 200 200 200 200 200
account_reauthenticate                 GET    in 200 200 200 200 200 200
account_reauthenticate                 POST   in 200 200 200 200 200 200
mfa_reauthenticate                     GET    in 302 302 302 302 302 302 confirm
mfa_reauthenticate                     POST   in 302 302 302 302 302 302 confirm
mfa_reauthenticate_webauthn            GET    in 302 302 302 302 302 302 confirm
mfa_reauthenticate_webauthn            POST   in 302 302 302 302 302 302 confirm
account_change_password                GET    in 200 200 200 200 200 200
account_change_password                POST   in 200 200 200 200 200 200
account_set_password                   GET    in 302 302 302 302 302 302 confirm
account_set_password                   POST   in 302 302 302 302 302 302 confirm
account_reset_password                 GET   200 200 200 200 200 200 200
account_reset_password                 POST  302 302 302 302 302 302 302
account_reset_password_done            GET   200 200 200 200 200 200 200
account_reset_password_from_key_done   GET   200 200 200 200 200 200 200
account_reset_password_from_key        GET   200 200 200 200 200 200 200
account_reset_password_from_key        POST  200 200 200 200 200 200 200
mfa_index                              GET    in 200 200 200 200 200 200
mfa_activate_totp                      GET    in 200 200 200 200 200 200 confirm
mfa_activate_totp                      POST   in 200 200 200 200 200 200 confirm
mfa_deactivate_totp                    GET    in 404 404 404 404 404 404 confirm
mfa_deactivate_totp                    POST   in 404 404 404 404 404 404 confirm
mfa_list_webauthn                      GET    in 302 302 302 302 302 302
mfa_list_webauthn                      POST   in 302 302 302 302 302 302
mfa_add_webauthn                       GET    in 200 200 200 200 200 200 confirm
mfa_add_webauthn                       POST   in 200 200 200 200 200 200 confirm
mfa_remove_webauthn                    GET    in 404 404 404 404 404 404 confirm
mfa_remove_webauthn                    POST   in 404 404 404 404 404 404 confirm
mfa_edit_webauthn                      GET    in 404 404 404 404 404 404 confirm
mfa_edit_webauthn                      POST   in 404 404 404 404 404 404 confirm
mfa_view_recovery_codes                GET    in 404 404 404 404 404 404 confirm
mfa_generate_recovery_codes            GET    in 200 200 200 200 200 200 confirm
mfa_generate_recovery_codes            POST   in 200 200 200 200 200 200 confirm
mfa_download_recovery_codes            GET    in 404 404 404 404 404 404 confirm
mfa_download_recovery_codes            POST   in 404 404 404 404 404 404 confirm
ask_enrolment                          POST   in 302 302 302 302 302 302
prove_enrolment                        GET    in 302 302 302 302 302 302
unlink_identity                        GET    in 404 404 404 404 404 404 confirm
unlink_identity                        POST   in 404 404 404 404 404 404 confirm
usersessions_list                      GET    in 200 200 200 200 200 200
end_all_sessions                       POST   in 302 302 302 302 302 302
end_other_sessions                     POST   in 302 302 302 302 302 302
end_session                            POST   in 404 404 404 404 404 404
openid_connect_login                   GET   404 404 404 404 404 404 404
openid_connect_login                   POST  404 404 404 404 404 404 404
openid_connect_callback                GET   404 404 404 404 404 404 404
openid_connect_callback                POST  404 404 404 404 404 404 404
socialaccount_login_cancelled          GET   200 200 200 200 200 200 200
socialaccount_login_error              GET    in 401 401 401 401 401 401
workspaces:profile                     GET    in 200 200 200 200 200 200
workspaces:profile                     POST   in 302 302 302 302 302 302
workspaces:site_audit                  GET    in 403 403 403 403 403 200
workspaces:site_audit_export           POST   in 403 403 403 403 403 200 confirm
workspaces:people                      GET    in 403 403 403 403 403 200
workspaces:deactivate                  GET    in 403 403 403 403 403 200 confirm
workspaces:deactivate                  POST   in 403 403 403 403 403 302 confirm
workspaces:reactivate                  POST   in 403 403 403 403 403 302 confirm
workspaces:unlink_identity             GET    in 403 403 403 403 403 200 confirm
workspaces:unlink_identity             POST   in 403 403 403 403 403 302 confirm
workspaces:sign_out                    GET    in 403 403 403 403 403 200 confirm
workspaces:sign_out                    POST   in 403 403 403 403 403 302 confirm
workspaces:reset_mfa                   GET    in 403 403 403 403 403 200 confirm
workspaces:reset_mfa                   POST   in 403 403 403 403 403 302 confirm
workspaces:invitation                  GET   200 200 200 200 200 200 200
workspaces:invitation                  POST  422 403 403 403 403 403 403
workspaces:new                         GET    in 403 200 403 403 200 200 confirm
workspaces:new                         POST   in 403 422 403 403 422 422 confirm
workspaces:new_test                    POST   in 403 422 403 403 422 422
workspaces:polling                     GET    in 404 404 200 200 200 200
workspaces:audit                       GET    in 404 404 200 200 200 200
workspaces:audit_export                POST   in 404 404 403 403 200 200 confirm
workspaces:members                     GET    in 404 404 403 403 200 200
workspaces:invite                      POST   in 404 404 403 403 302 302 confirm
workspaces:require_mfa                 POST   in 404 404 403 403 302 302 confirm
workspaces:change_role                 GET    in 404 404 403 403 302 302 confirm
workspaces:change_role                 POST   in 404 404 403 403 302 302 confirm
workspaces:remove_member               GET    in 404 404 403 403 200 200 confirm
workspaces:remove_member               POST   in 404 404 403 403 302 302 confirm
workspaces:resend_invitation           POST   in 404 404 403 403 302 302 confirm
workspaces:revoke_invitation           POST   in 404 404 403 403 302 302 confirm
workspaces:refresh                     POST   in 404 404 302 302 302 302
workspaces:settings                    GET    in 404 404 200 200 200 200
workspaces:change_details              POST   in 404 404 403 403 302 302 confirm
workspaces:replace_api_key             POST   in 404 404 403 403 422 422 confirm
workspaces:remove_api_key              GET    in 404 404 403 403 200 200 confirm
workspaces:remove_api_key              POST   in 404 404 403 403 302 302 confirm
workspaces:replace_session             POST   in 404 404 403 403 422 422 confirm
workspaces:remove_session              GET    in 404 404 403 403 200 200 confirm
workspaces:remove_session              POST   in 404 404 403 403 302 302 confirm
workspaces:retry_credentials           POST   in 404 404 403 403 302 302
workspaces:remove                      GET    in 404 404 403 403 200 200 confirm
workspaces:remove                      POST   in 404 404 403 403 302 302 confirm
keys:list                              GET    in 404 404 200 200 200 200
keys:new                               GET    in 404 404 403 200 200 200 confirm
keys:new                               POST   in 404 404 403 422 422 422 confirm
keys:seen                              POST   in 404 404 403 204 204 204
keys:revoke_selected                   GET    in 404 404 403 302 302 302
keys:revoke_selected                   POST   in 404 404 403 200 200 200
keys:revoke_all                        GET    in 404 404 403 200 200 200 confirm
keys:revoke_all                        POST   in 404 404 403 200 200 200 confirm
keys:detail                            GET    in 404 404 200 200 200 200
keys:requests                          GET    in 404 404 200 200 200 200
keys:log                               GET    in 404 404 200 200 200 200
keys:log_figures                       GET    in 404 404 200 200 200 200
keys:log_tally                         GET    in 404 404 200 200 200 200
keys:log_further                       GET    in 404 404 302 302 302 302
keys:requests_tally                    GET    in 404 404 200 200 200 200
keys:requests_further                  GET    in 404 404 302 302 302 302
keys:log_export                        POST   in 404 404 200 200 200 200
keys:requests_figures                  GET    in 404 404 200 200 200 200
keys:revoke                            GET    in 404 404 403 200 200 200
keys:revoke                            POST   in 404 404 403 200 200 200
keys:dismiss                           POST   in 404 404 403 302 302 302
webhooks:check                         GET    in 404 404 200 200 200 200
webhooks:check                         POST   in 404 404 403 302 302 302
webhooks:check_result                  GET    in 404 404 200 200 200 200
webhooks:developers                    GET    in 404 404 200 200 200 200
webhooks:unattempted                   GET    in 404 404 200 200 200 200
webhooks:redeliver                     GET    in 404 404 403 200 200 200
webhooks:redeliver                     POST   in 404 404 403 302 302 302
webhooks:redeliveries                  GET    in 404 404 200 200 200 200
webhooks:redelivery                    GET    in 404 404 200 200 200 200
webhooks:redelivery_report             POST   in 404 404 200 200 200 200
webhooks:redelivery_pause              POST   in 404 404 403 302 302 302
webhooks:redelivery_resume             POST   in 404 404 403 302 302 302
webhooks:redelivery_cancel             POST   in 404 404 403 302 302 302
usage:overview                         GET    in 404 404 200 200 200 200
usage:export                           GET    in 404 404 200 200 200 200
webhooks:list                          GET    in 404 404 200 200 200 200
webhooks:figures                       GET    in 404 404 200 200 200 200
webhooks:tally                         GET    in 404 404 200 200 200 200
webhooks:export                        POST   in 404 404 200 200 200 200
webhooks:look_up                       POST   in 404 404 302 302 302 302
webhooks:workflow                      GET    in 404 404 200 200 200 200
webhooks:result                        POST   in 404 404 200 200 200 200
webhooks:result_file                   POST   in 404 404 403 302 302 302
troubleshoot_body                      GET    in 404 404 200 200 200 200
troubleshoot_body                      POST   in 404 404 200 200 200 200
troubleshoot_batches                   POST   in 404 404 200 200 200 200
support_bundle                         GET    in 404 404 200 200 200 200
support_bundle                         POST   in 404 404 200 200 200 200
support_bundle_take                    POST   in 404 404 200 200 200 200
overview                               GET    in 404 404 200 200 200 200
troubleshoot                           GET    in 404 404 200 200 200 200
troubleshoot                           POST   in 404 404 302 302 302 302
troubleshoot_all                       POST   in 404 404 200 200 200 200
troubleshoot_check                     POST   in 404 404 404 404 404 404
alerts:unsubscribe                     GET  200 200 200 200 200 200 200
alerts:unsubscribe                     POST 200 200 200 200 200 200 200
alerts:list                            GET   in 404 404 200 200 200 200
alerts:alert                           GET   in 404 404 200 200 200 200
alerts:acknowledge                     POST  in 404 404 403 302 302 302
alerts:snooze                          POST  in 404 404 403 422 422 422
alerts:wake                            POST  in 404 404 403 302 302 302
alerts:choose_kind                     GET   in 404 404 403 403 200 200
alerts:new_rule                        GET   in 404 404 403 403 200 200
alerts:new_rule                        POST  in 404 404 403 403 422 422
alerts:rule                            GET   in 404 404 200 200 200 200
alerts:rule                            POST  in 404 404 403 403 422 422
alerts:remove_rule                     GET   in 404 404 403 403 200 200
alerts:remove_rule                     POST  in 404 404 403 403 302 302
alerts:switch_rule                     POST  in 404 404 403 403 302 302
alerts:emails                          GET   in 404 404 200 200 200 200
alerts:email                           GET   in 404 404 200 200 200 200
alerts:test                            POST  in 404 404 403 302 302 302
alerts:quiet_hours                     POST  in 404 404 403 403 302 302
alerts:add_recipient                   POST  in 404 404 403 403 422 422
alerts:recipient                       POST  in 404 404 403 403 302 302
"""
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
    "webhooks:export": {"format": "jsonl"},
    "webhooks:result_file": {"format": "csv"},
    "webhooks:look_up": {"workflow_id": "{workflow_id}"},
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
    "alerts:new_rule": {"name": "x", "threshold": "1", "recovery": "2"},
    "alerts:rule": {"name": "Taken over"},
    "alerts:add_recipient": {"address": "newcomer@example.test"},
    "alerts:test": {"address": "pager@example.test"},
    "troubleshoot": {"text": "401"},
    "keys:new": {"name": "x", "expiry": "never", "form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12"},
    "keys:seen": {"form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12"},
    "keys:revoke_selected": {"key": "{key_id}"},
    "keys:revoke_all": {"phrase": REVOKE_ALL_PHRASE},
}


def rows():
    """Yield (name of the address, method, {who: status}, whether a fresh confirmation is asked for)."""
    for line in filter(None, TABLE.splitlines()):
        name, method, *statuses = line.split()
        yield name, method, dict(zip(WHO, statuses[:7], strict=True)), statuses[7:] == ["confirm"]


def sent_to(name, names):
    """Return the form that is sent to this address."""
    return {field: value.format(**names) for field, value in SENT.get(name, {}).items()}
