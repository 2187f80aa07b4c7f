"""Models of the delivery inspector."""

from webhooks.models.delivery import Attempt, Delivery, DeliveryGap, DeliveryState, Feed
from webhooks.models.endpoint import Endpoint, EndpointCheck, EndpointDay, EndpointHour
from webhooks.models.redelivery import Item, ItemState, Redelivery, RedeliveryState
from webhooks.models.workflow import (
    BULK_ID_PREFIX,
    LeadList,
    Workflow,
    WorkflowKind,
    WorkflowSource,
    has_known_form,
    kind_of,
)

__all__ = [
    "BULK_ID_PREFIX",
    "Attempt",
    "Delivery",
    "DeliveryGap",
    "DeliveryState",
    "Endpoint",
    "EndpointCheck",
    "EndpointDay",
    "EndpointHour",
    "Feed",
    "Item",
    "ItemState",
    "LeadList",
    "Redelivery",
    "RedeliveryState",
    "Workflow",
    "WorkflowKind",
    "WorkflowSource",
    "has_known_form",
    "kind_of",
]
