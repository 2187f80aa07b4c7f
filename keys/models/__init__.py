from keys.log.models.facet import LogFacet
from keys.log.models.gap import LogGap
from keys.log.models.request import LoggedRequest
from keys.log.models.rollup import KeyEndpoint, KeyTraffic, WorkspaceTraffic
from keys.models.creation import KeyCreation
from keys.models.key import ApiKey, mark_namesakes

__all__ = [
    "ApiKey",
    "KeyCreation",
    "KeyEndpoint",
    "KeyTraffic",
    "LogFacet",
    "LogGap",
    "LoggedRequest",
    "WorkspaceTraffic",
    "mark_namesakes",
]
