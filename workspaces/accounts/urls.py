"""URLs for signing in and for one's own account. Only the views of allauth that we use: no sign-up, no email pages."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as sso
from django.urls import path, re_path
from django.views.generic import RedirectView

from workspaces.accounts.sign_in_rules import with_password
from workspaces.accounts.single_sign_on import sso_callback, sso_login
from workspaces.views import own_account
from workspaces.views.enrolment import ask, mailbox_proved, prove
from workspaces.views.identities import unlink_own
from workspaces.views.own_account import confirmed, recorded, with_way_back

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("login/code/", mfa.authenticate, name="mfa_authenticate"),
    path("login/passkey/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("confirm/password/", with_way_back(account.reauthenticate), name="account_reauthenticate"),
    path("confirm/code/", with_way_back(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("confirm/passkey/", with_way_back(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("password/change/", with_password(confirmed(account.password_change)), name="account_change_password"),
    path("password/set/", with_password(confirmed(account.password_set)), name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    # Twelve digits in base 36 are the most that fit an id; a larger number would cause a database error.
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]{1,12})-(?P<key>[^/]+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("security/", mfa.index, name="mfa_index"),
    path("security/app/add/", confirmed(mailbox_proved(totp.activate_totp)), name="mfa_activate_totp"),
    path("security/app/remove/", confirmed(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("security/passkeys/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("security/passkeys/add/", confirmed(mailbox_proved(passkeys.add_webauthn)), name="mfa_add_webauthn"),
    path("security/passkeys/<int:pk>/remove/", confirmed(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("security/passkeys/<int:pk>/rename/", confirmed(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path(
        "security/recovery-codes/",
        confirmed(recorded(recovery_codes.view_recovery_codes)),
        name="mfa_view_recovery_codes",
    ),
    path(
        "security/recovery-codes/new/",
        confirmed(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "security/recovery-codes/download/",
        confirmed(recorded(recovery_codes.download_recovery_codes)),
        name="mfa_download_recovery_codes",
    ),
    path("security/mail/", ask, name="ask_enrolment"),
    path("security/mail/<str:token>/", prove, name="prove_enrolment"),
    path("security/identities/<int:identity_id>/unlink/", unlink_own, name="unlink_identity"),
    path("sessions/", own_account.list_sessions, name="usersessions_list"),
    path("sessions/end-others/", own_account.end_other_sessions, name="end_other_sessions"),
    path("sessions/end-all/", own_account.end_all_sessions, name="end_all_sessions"),
    path("sessions/<int:session_id>/end/", own_account.end_session, name="end_session"),
    # These return 404 unless OIDC_ISSUER_URL is set.
    path("identity/<str:provider_id>/login/", sso_login, name="openid_connect_login"),
    path("identity/<str:provider_id>/login/callback/", sso_callback, name="openid_connect_callback"),
    path("identity/cancelled/", sso.login_cancelled, name="socialaccount_login_cancelled"),
    path("identity/error/", sso.login_error, name="socialaccount_login_error"),
]
