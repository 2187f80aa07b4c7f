"""One style sheet and one script for all pages, joined by ``collectstatic``; others for charts and where people paste.

With ``DEBUG``, pages link the single files. A file that few pages need may stay alone, linked by their templates;
``LINKED_BY_PAGES`` names those.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage
from django.core.files.base import ContentFile
from django.templatetags.static import static
from whitenoise.storage import CompressedManifestStaticFilesStorage

# In the order of the cascade: components, then pages.
_STYLES = (
    *("tokens", "base", "layout", "navigation", "button", "form", "table", "surface", "overlay", "figure"),
    *("find", "chart", "filters"),
    *("workspaces", "account", "alerts", "keys", "log", "outgoing", "support", "troubleshoot", "usage", "webhooks"),
    "print",
)
STYLES = tuple(f"css/{name}.css" for name in _STYLES)
# In the order of their listeners: what cleans or stops a form comes before what sends it.
_SCRIPTS = (
    *("signed_out", "time", "theme", "toast", "dialog", "clipboard", "secret", "guard", "phrase", "select"),
    *("file_size", "submit", "refresh", "go_on", "focus"),
    *("line", "scrollers", "find_key", "new_key", "countdown", "in_place", "shortcuts", "find"),
    *("filters", "drawer", "strip_loader"),
)
SCRIPTS = ("django_htmx/htmx-2.min.js", *(f"js/{name}.js" for name in _SCRIPTS))
LINKED_BY_PAGES = ("js/passkey.js",)  # beside the script of django-allauth, where people sign in
# For the pages on which people paste errors and log lines.
_PASTING = ("js/strip_secrets.js", "js/strip_fields.js", "js/troubleshoot.js")
BUNDLES: Mapping[str, tuple[str, ...]] = {
    "css/console.css": STYLES,
    "js/console.js": SCRIPTS,
    "js/charts.js": ("js/chart.js",),  # for all pages but the few that never have one
    "js/pasting.js": _PASTING,
}


def _css(text: bytes) -> bytes:
    """Return ``text`` without comments, which are a tenth of what is sent, and in one line."""
    first, *others = text.split(b"/*")
    bare = first + b"".join(other.partition(b"*/")[2] for other in others)
    return b" ".join(_lines(bare))


def _js(text: bytes) -> bytes:
    """Return ``text`` without indentation and comments; one that has a quote or a slash in it stays behind its line."""
    return b"\n".join(_COMMENT.sub(b"", line) for line in _lines(text) if not line.startswith(b"//"))


def _lines(text: bytes) -> list[bytes]:
    return [line for each in text.splitlines() if (line := each.strip())]


# Behind code; with a quote or a slash in it, it could be a part of a string or of a pattern.
_COMMENT = re.compile(rb" // [^\"'`/]*$")
# What stands between two files of a bundle, and what is left of each.
_JOINTS: Mapping[str, tuple[bytes, Callable[[bytes], bytes]]] = {"css": (b"\n", _css), "js": (b"\n;\n", _js)}


class BundledStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Joins the files of each bundle before they get their hashed names and are compressed."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Write the bundles, then process them like every other file. Raises KeyError for a file that is not there."""
        if not dry_run:
            for bundle, names in BUNDLES.items():
                self._join(bundle, [paths[name] for name in names])
                paths[bundle] = (self, bundle)
        yield from super().post_process(paths, dry_run, **options)

    def _join(self, bundle: str, sources: list[tuple[StaticFilesStorage, str]]) -> None:
        joint, shortened = _JOINTS[bundle.rpartition(".")[2]]
        parts = []
        for storage, path in sources:
            with storage.open(path) as file:
                parts.append(shortened(file.read()))
        self.delete(bundle)
        self.save(bundle, ContentFile(joint.join(parts)))


def urls(bundle: str) -> list[str]:
    """Return the URLs that a page links for ``bundle``: one, or those of all its files where nothing is collected."""
    is_joined = isinstance(staticfiles_storage, BundledStaticFilesStorage)
    return [static(name) for name in ([bundle] if is_joined else BUNDLES[bundle])]
