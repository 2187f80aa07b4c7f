from keys.models.creation import KeyCreation
from keys.models.key import ApiKey
from keys.models.request_log import LoggedRequest

__all__ = ["ApiKey", "KeyCreation", "LoggedRequest"]
