"""The one guarded sender for URLs that people or upstream supply; nothing else in the console calls them.

HTTPS to public addresses only. A name is resolved once, all of its addresses are checked, and the connection goes to
one of these, so that the name cannot change its meaning in between (DNS rebinding). The certificate is checked for the
name. Redirects are not followed; there are no cookies, no proxies and nothing from the environment;
time and size are bounded, whatever the other side does.
"""

from core.net.public_addresses import Address
from webhooks.outgoing.sender import PostResult, post
from webhooks.outgoing.targets import RequestFailed, Target, URLNotAllowed, parse_target

__all__ = ["Address", "PostResult", "RequestFailed", "Target", "URLNotAllowed", "parse_target", "post"]
