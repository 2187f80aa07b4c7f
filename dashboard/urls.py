"""URLs of the start page, of workspaces' overviews, and of the search."""

from django.urls import path

from dashboard import views
from dashboard.checklist import views as checklist

urlpatterns = [
    path("", views.home, name="home"),
    path("find/", views.find_anywhere, name="find_anywhere"),
    path("w/<slug:slug>/find/", views.find_here, name="find"),
    path("w/<slug:slug>/", views.overview, name="overview"),
    path("w/<slug:slug>/first-steps/", checklist.first_steps, name="first_steps"),
    path("w/<slug:slug>/sandbox/reset/", checklist.sandbox_reset, name="sandbox_reset"),
    path("w/<slug:slug>/sandbox/credits/", checklist.sandbox_credits, name="sandbox_credits"),
]
