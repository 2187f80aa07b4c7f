"""Sessions as the tests want them: confirmed just now, or long ago."""

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY


def sign_in(client, user, *, minutes_ago=0):
    """Sign ``user`` in as if by password that long ago."""
    client.force_login(user)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - minutes_ago * 60}]
    session.save()
    return client
