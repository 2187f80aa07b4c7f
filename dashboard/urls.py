"""URLs of the start page and of workspaces' overviews."""

from django.urls import path

from dashboard import views
from dashboard.checklist import views as checklist

urlpatterns = [
    path("", views.home, name="home"),
    path("w/<slug:slug>/", views.overview, name="overview"),
    path("w/<slug:slug>/first-steps/", checklist.first_steps, name="first_steps"),
    path("w/<slug:slug>/sandbox/credits/", checklist.sandbox_credits, name="sandbox_credits"),
]
