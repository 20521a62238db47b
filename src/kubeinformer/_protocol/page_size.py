"""How many objects to request in the next page, so that a page has about a certain number of bytes.

Theory. What a list costs the server depends on its bytes, not on the number of objects. With objects of 1 MB and 16
clients, pages of 50 objects made an API server that buffers its answers grow by 1.5 GB. Pages of 4 did not make it
grow, and were no slower. So the first page is small. Then the average size of the objects in each page determines how
many objects to request.
"""

__all__ = ["FIRST_PAGE_LIMIT", "next_page_limit"]

TARGET_PAGE_BYTES = 4 * 2**20
FIRST_PAGE_LIMIT = 4  # of the usual largest objects, 1.5 MB, a page of 6 MB; pods of 6.5 KB fill the fourth page
LARGEST_LIMIT = 5_000  # beyond this a page of tiny objects gains nothing: it is already a few hundred KB
_MOST_GROWTH = 8  # one page of unusually small objects must not make the next one unusually large


def next_page_limit(limit: int, size: int, items: int) -> int:
    """The number of objects to request next.

    Args:
        limit: The number of objects that was requested for the last page.
        size: The size of that page, in bytes of JSON.
        items: The number of objects in it.
    """
    if items == 0:
        return limit
    fitting = TARGET_PAGE_BYTES * items // max(size, 1)
    return max(1, min(fitting, limit * _MOST_GROWTH, LARGEST_LIMIT))
