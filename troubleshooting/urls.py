"""URLs of the troubleshooter."""

from django.urls import path

from troubleshooting import views
from troubleshooting.body import views as body_views
from troubleshooting.bundle import views as bundle_views

urlpatterns = [
    path("w/<slug:slug>/troubleshoot/", views.troubleshoot, name="troubleshoot"),
    path("w/<slug:slug>/troubleshoot/all/", views.check_all, name="troubleshoot_all"),
    path("w/<slug:slug>/troubleshoot/checks/<slug:step>/", views.check, name="troubleshoot_check"),
    path("w/<slug:slug>/troubleshoot/body/", body_views.check, name="troubleshoot_body"),
    path("w/<slug:slug>/troubleshoot/body/batches/", body_views.batches, name="troubleshoot_batches"),
    path("w/<slug:slug>/troubleshoot/body/repaired/", body_views.repaired, name="troubleshoot_repaired"),
    path("w/<slug:slug>/troubleshoot/bundle/", bundle_views.bundle, name="support_bundle"),
    path("w/<slug:slug>/troubleshoot/bundle/take/", bundle_views.take, name="support_bundle_take"),
]
