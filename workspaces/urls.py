"""URLs of workspaces, site administration, invitations and the profile."""

from django.urls import path

from workspaces.views import (
    audit,
    connect,
    identities,
    invitations,
    members,
    own_account,
    people,
    polling,
    removals,
    settings,
)

app_name = "workspaces"

urlpatterns = [
    path("account/", own_account.profile, name="profile"),
    path("audit/", audit.site_audit, name="site_audit"),
    path("audit/export/", audit.site_export, name="site_audit_export"),
    path("people/", people.people, name="people"),
    path("people/sessions/", people.session_limits, name="session_limits"),
    path("people/<int:user_id>/deactivate/", people.deactivate, name="deactivate"),
    path("people/<int:user_id>/reactivate/", people.reactivate, name="reactivate"),
    path("people/<int:user_id>/sign-out/", people.sign_out, name="sign_out"),
    path("people/<int:user_id>/reset-mfa/", people.reset_mfa, name="reset_mfa"),
    path("people/<int:user_id>/identities/<int:identity_id>/unlink/", identities.unlink, name="unlink_identity"),
    path("invitations/<str:token>/", invitations.accept, name="invitation"),
    path("w/connect/", connect.connect, name="new"),
    path("w/connect/test/", connect.connect_test, name="new_test"),
    path("w/<slug:slug>/audit/", audit.audit, name="audit"),
    path("w/<slug:slug>/audit/export/", audit.export, name="audit_export"),
    path("w/<slug:slug>/members/", members.members, name="members"),
    path("w/<slug:slug>/members/invite/", members.invite, name="invite"),
    path("w/<slug:slug>/members/mfa/", members.require_mfa, name="require_mfa"),
    path("w/<slug:slug>/members/<int:membership_id>/role/", members.change_role, name="change_role"),
    path("w/<slug:slug>/members/<int:membership_id>/remove/", members.remove, name="remove_member"),
    path("w/<slug:slug>/invitations/<int:invitation_id>/resend/", members.resend, name="resend_invitation"),
    path("w/<slug:slug>/invitations/<int:invitation_id>/revoke/", members.revoke, name="revoke_invitation"),
    path("w/<slug:slug>/polling/", polling.polling, name="polling"),
    path("w/<slug:slug>/polling/pause/", polling.pause, name="pause_polling"),
    path("w/<slug:slug>/polling/resume/", polling.resume, name="resume_polling"),
    path("w/<slug:slug>/refresh/<slug:resource>/", polling.refresh, name="refresh"),
    path("w/<slug:slug>/settings/", settings.settings, name="settings"),
    path("w/<slug:slug>/settings/details/", settings.change_details, name="change_details"),
    path("w/<slug:slug>/settings/api-key/", settings.replace_api_key, name="replace_api_key"),
    path("w/<slug:slug>/settings/api-key/remove/", removals.remove_api_key, name="remove_api_key"),
    path("w/<slug:slug>/settings/session/", settings.replace_session, name="replace_session"),
    path("w/<slug:slug>/settings/session/remove/", removals.remove_session, name="remove_session"),
    path("w/<slug:slug>/settings/retry/", settings.retry_credentials, name="retry_credentials"),
    path("w/<slug:slug>/settings/remove/", removals.remove_workspace, name="remove"),
]
