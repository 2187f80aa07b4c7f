"""Headers that are the same on every response, whatever sends it; most are instructions for the browser."""

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Features that no page of ours uses; passkeys and the clipboard keep the browser's default, our own origin only.
_UNUSED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "midi",
    "payment",
    "usb",
)
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {source}" for name, source in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _UNUSED),
    "Referrer-Policy": "same-origin",
    "Server": "console",  # otherwise the web server adds its own name
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# For style sheets and scripts, which no browser opens as a document: the others add to what a first page weighs.
OF_PARTS = {name: HEADERS[name] for name in ("Cross-Origin-Resource-Policy", "Server", "X-Content-Type-Options")}
