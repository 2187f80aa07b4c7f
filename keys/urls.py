from django.urls import path

from keys.log import views as log
from keys.views import create, keys, revoke

app_name = "keys"

urlpatterns = [
    path("w/<slug:slug>/keys/", keys.key_list, name="list"),
    path("w/<slug:slug>/keys/new/", create.create, name="new"),
    path("w/<slug:slug>/keys/seen/", create.seen, name="seen"),
    path("w/<slug:slug>/keys/revoke-selected/", revoke.revoke_selected, name="revoke_selected"),
    path("w/<slug:slug>/keys/revoke-all/", revoke.revoke_all, name="revoke_all"),
    path("w/<slug:slug>/keys/<uuid:key_id>/", keys.detail, name="detail"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/", log.requests, name="requests"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/figures/", log.requests_figures, name="requests_figures"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/tally/", log.requests_tally, name="requests_tally"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/further/", log.requests_further, name="requests_further"),
    path("w/<slug:slug>/requests/", log.log, name="log"),
    path("w/<slug:slug>/requests/export/", log.export, name="log_export"),
    path("w/<slug:slug>/requests/figures/", log.log_figures, name="log_figures"),
    path("w/<slug:slug>/requests/tally/", log.log_tally, name="log_tally"),
    path("w/<slug:slug>/requests/further/", log.log_further, name="log_further"),
    path("w/<slug:slug>/keys/<uuid:key_id>/revoke/", revoke.revoke, name="revoke"),
    path("w/<slug:slug>/keys/<uuid:key_id>/dismiss/", create.dismiss, name="dismiss"),
]
