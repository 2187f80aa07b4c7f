import pytest

from tests.browser.walks.walker import HEIGHTS, ByKeyboard, ByPointer


@pytest.fixture
def way(request):
    """The means and the width; see ``walked``."""
    return request.param


@pytest.fixture
def stranger(way, page):
    """A walk of somebody who has not signed in."""
    means, width = way
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    walk = (ByKeyboard if means == "keyboard" else ByPointer)(page, width)
    yield walk
    if not page.is_closed():
        walk.fits()
    walk.has_moved_little()


@pytest.fixture
def walk(stranger, signed_in):
    """A walk of the first admin."""
    return stranger
