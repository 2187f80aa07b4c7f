"""Addresses of the delivery inspector."""

from django.urls import URLPattern, path

from webhooks.views import checking, developers

app_name = "webhooks"

urlpatterns: list[URLPattern] = [
    path("w/<slug:slug>/webhooks/check/", checking.check, name="check"),
    path("w/<slug:slug>/webhooks/check/<uuid:check_id>/", checking.check_result, name="check_result"),
    path("w/<slug:slug>/webhooks/developers/", developers.developers, name="developers"),
]
