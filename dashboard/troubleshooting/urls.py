"""Addresses of the troubleshooter."""

from django.urls import path

from dashboard.troubleshooting import views

urlpatterns = [
    path("w/<slug:slug>/troubleshoot/", views.troubleshoot, name="troubleshoot"),
    path("w/<slug:slug>/troubleshoot/all/", views.check_all, name="troubleshoot_all"),
    path("w/<slug:slug>/troubleshoot/checks/<slug:step>/", views.check, name="troubleshoot_check"),
]
