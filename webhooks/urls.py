"""Addresses of the delivery inspector."""

from django.urls import URLPattern

app_name = "webhooks"

urlpatterns: list[URLPattern] = []
