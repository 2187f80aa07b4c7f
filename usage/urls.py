from django.urls import path

from usage import views
from usage.budgets import views as budget_views
from usage.history import views as history_views

app_name = "usage"

urlpatterns = [
    path("w/<slug:slug>/usage/", views.overview, name="overview"),
    path("w/<slug:slug>/usage/budget/", budget_views.budget, name="budget"),
    path("w/<slug:slug>/usage/budget/remove/", budget_views.remove, name="remove_budget"),
    path("w/<slug:slug>/usage/changes/<int:pk>/", views.change, name="change"),
    path("w/<slug:slug>/usage/changes/<int:pk>/undo/", views.undo_mark, name="undo_mark"),
    path("w/<slug:slug>/usage/history/", history_views.history, name="history"),
    path("w/<slug:slug>/usage/history/<int:pk>/undo/", history_views.undo, name="undo_import"),
    path("w/<slug:slug>/usage/readings.csv", history_views.export, name="export"),
]
