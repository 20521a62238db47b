"""How many objects to ask for in the next page, so that a page stays near a number of bytes.

Theory. What a list costs the server is bytes, not objects: with objects of 1 MB, pages of 50 made an API server that
buffers its answers grow by 1.5 GB for 16 clients, pages of 4 by nothing, and were no slower. So the first page is
small, and each page's average object says how many make up the target.
"""

__all__ = ["FIRST_PAGE_LIMIT", "next_page_limit"]

TARGET_PAGE_BYTES = 4 * 2**20
FIRST_PAGE_LIMIT = 4  # of the usual largest objects, 1.5 MB, a page of 6 MB; pods of 6.5 KB fill the fourth page
LARGEST_LIMIT = 5_000  # beyond this a page of tiny objects gains nothing: it is already a few hundred KB
_MOST_GROWTH = 8  # one page of unusually small objects must not make the next one unusually large


def next_page_limit(limit: int, size: int, items: int) -> int:
    """Objects to ask for next.

    Args:
        limit: Objects asked for in the page that just came.
        size: Its bytes of JSON.
        items: The objects in it.
    """
    if items == 0:
        return limit
    fitting = TARGET_PAGE_BYTES * items // max(size, 1)
    return max(1, min(fitting, limit * _MOST_GROWTH, LARGEST_LIMIT))
