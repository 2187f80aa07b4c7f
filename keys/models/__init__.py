from keys.models.completeness import Completeness
from keys.models.creation import KeyCreation
from keys.models.gap import LogGap
from keys.models.key import ApiKey
from keys.models.log_value import LogValue
from keys.models.request_log import LoggedRequest
from keys.models.rollup import KeyEndpoint, KeyTraffic, WorkspaceTraffic

__all__ = [
    "ApiKey",
    "Completeness",
    "KeyCreation",
    "KeyEndpoint",
    "KeyTraffic",
    "LogGap",
    "LogValue",
    "LoggedRequest",
    "WorkspaceTraffic",
]
