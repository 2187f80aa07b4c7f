from keys.models.completeness import Completeness
from keys.models.creation import KeyCreation
from keys.models.gap import LogGap
from keys.models.key import ApiKey
from keys.models.request_log import LoggedRequest

__all__ = ["ApiKey", "Completeness", "KeyCreation", "LogGap", "LoggedRequest"]
