"""URLs of the delivery inspector."""

from django.urls import URLPattern, path

from webhooks.checks import views as checks
from webhooks.redelivery import views as redelivery
from webhooks.views import deliveries, developers, workflows

app_name = "webhooks"

urlpatterns: list[URLPattern] = [
    path("w/<slug:slug>/webhooks/", deliveries.delivery_list, name="list"),
    path("w/<slug:slug>/webhooks/figures/", deliveries.figures, name="figures"),
    path("w/<slug:slug>/webhooks/tally/", deliveries.tally, name="tally"),
    path("w/<slug:slug>/webhooks/export/", deliveries.export, name="export"),
    path("w/<slug:slug>/webhooks/look-up/", workflows.look_up, name="look_up"),
    path("w/<slug:slug>/webhooks/check/", checks.check, name="check"),
    path("w/<slug:slug>/webhooks/check/<uuid:check_id>/", checks.check_result, name="check_result"),
    path("w/<slug:slug>/webhooks/unattempted/", workflows.unattempted_workflows, name="unattempted"),
    path("w/<slug:slug>/webhooks/developers/", developers.developers, name="developers"),
    path("w/<slug:slug>/webhooks/redeliver/", redelivery.redeliver, name="redeliver"),
    path("w/<slug:slug>/webhooks/redeliveries/", redelivery.redeliveries, name="redeliveries"),
    path("w/<slug:slug>/webhooks/redeliveries/<uuid:job_id>/", redelivery.redelivery, name="redelivery"),
    path("w/<slug:slug>/webhooks/redeliveries/<uuid:job_id>/report/", redelivery.report, name="redelivery_report"),
    path("w/<slug:slug>/webhooks/redeliveries/<uuid:job_id>/pause/", redelivery.pause, name="redelivery_pause"),
    path("w/<slug:slug>/webhooks/redeliveries/<uuid:job_id>/resume/", redelivery.resume, name="redelivery_resume"),
    path("w/<slug:slug>/webhooks/redeliveries/<uuid:job_id>/cancel/", redelivery.cancel, name="redelivery_cancel"),
    # After all others: a workflow's id is any text.
    path("w/<slug:slug>/webhooks/<str:workflow_id>/", workflows.workflow, name="workflow"),
    path("w/<slug:slug>/webhooks/<str:workflow_id>/result/", workflows.result, name="result"),
    path("w/<slug:slug>/webhooks/<str:workflow_id>/result/file/", workflows.result_file, name="result_file"),
]
