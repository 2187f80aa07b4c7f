from django.urls import path

from keys.log.views import export, page
from keys.views import create, detail, key_list, revoke

app_name = "keys"

urlpatterns = [
    path("w/<slug:slug>/keys/", key_list.key_list, name="list"),
    path("w/<slug:slug>/keys/new/", create.create, name="new"),
    path("w/<slug:slug>/keys/seen/", create.seen, name="seen"),
    path("w/<slug:slug>/keys/revoke-selected/", revoke.revoke_selected, name="revoke_selected"),
    path("w/<slug:slug>/keys/revoke-all/", revoke.revoke_all, name="revoke_all"),
    path("w/<slug:slug>/keys/<uuid:key_id>/", detail.detail, name="detail"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/", page.requests, name="requests"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/figures/", page.requests_figures, name="requests_figures"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/tally/", page.requests_tally, name="requests_tally"),
    path("w/<slug:slug>/keys/<uuid:key_id>/requests/further/", page.requests_further, name="requests_further"),
    path("w/<slug:slug>/requests/", page.log, name="log"),
    path("w/<slug:slug>/requests/export/", export.export, name="log_export"),
    path("w/<slug:slug>/requests/figures/", page.log_figures, name="log_figures"),
    path("w/<slug:slug>/requests/tally/", page.log_tally, name="log_tally"),
    path("w/<slug:slug>/requests/further/", page.log_further, name="log_further"),
    path("w/<slug:slug>/keys/<uuid:key_id>/revoke/", revoke.revoke, name="revoke"),
    path("w/<slug:slug>/keys/<uuid:key_id>/dismiss/", create.dismiss, name="dismiss"),
]
