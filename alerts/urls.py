"""URLs of alerts, their rules and their e-mails."""

from django.urls import path

from alerts.views import alerts, banners, emails, rules

app_name = "alerts"

urlpatterns = [
    path("unsubscribe/<str:token>/", emails.unsubscribe, name="unsubscribe"),
    path("alerts/live/", banners.live, name="live_everywhere"),
    path("w/<slug:slug>/alerts/", alerts.alerts, name="list"),
    path("w/<slug:slug>/alerts/live/", banners.live, name="live"),
    path("w/<slug:slug>/alerts/<int:pk>/", alerts.alert, name="alert"),
    path("w/<slug:slug>/alerts/<int:pk>/acknowledge/", alerts.acknowledge, name="acknowledge"),
    path("w/<slug:slug>/alerts/acknowledge/", alerts.acknowledge_selected, name="acknowledge_selected"),
    path("w/<slug:slug>/alerts/withdraw/", alerts.withdraw, name="withdraw"),
    path("w/<slug:slug>/alerts/banner/", banners.dismiss, name="dismiss_banner"),
    path("w/<slug:slug>/alerts/<int:pk>/snooze/", alerts.snooze, name="snooze"),
    path("w/<slug:slug>/alerts/<int:pk>/wake/", alerts.wake, name="wake"),
    path("w/<slug:slug>/alerts/rules/new/", rules.choose_kind, name="choose_kind"),
    path("w/<slug:slug>/alerts/rules/new/<slug:kind>/", rules.new, name="new_rule"),
    path("w/<slug:slug>/alerts/rules/<int:pk>/", rules.rule, name="rule"),
    path("w/<slug:slug>/alerts/rules/<int:pk>/remove/", rules.remove, name="remove_rule"),
    path("w/<slug:slug>/alerts/rules/<int:pk>/level/", rules.set_level, name="set_level"),
    path("w/<slug:slug>/alerts/rules/<int:pk>/switch/", rules.switch, name="switch_rule"),
    path("w/<slug:slug>/alerts/emails/", emails.log, name="emails"),
    path("w/<slug:slug>/alerts/emails/<int:pk>/", emails.email, name="email"),
    path("w/<slug:slug>/alerts/emails/<int:pk>/html/", emails.rendered, name="email_html"),
    path("w/<slug:slug>/alerts/emails/test/", emails.test, name="test"),
    path("w/<slug:slug>/alerts/emails/quiet/", emails.quiet_hours, name="quiet_hours"),
    path("w/<slug:slug>/alerts/recipients/add/", emails.add_recipient, name="add_recipient"),
    path("w/<slug:slug>/alerts/recipients/<int:pk>/", emails.change_recipient, name="recipient"),
]
