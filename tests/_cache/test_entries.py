from kubeinformer._cache.entries import Entry

ENTRY = Entry("u", "7", 3, 1, b"hunter2")


def test_what_is_shown_of_an_entry_is_which_state_it_is_and_not_its_body() -> None:
    assert repr(ENTRY) == "Entry(uid='u', resource_version='7')"
    assert list(ENTRY.__rich_repr__()) == [("uid", "u"), ("resource_version", "7")]


def test_what_is_new_was_found_by_no_check() -> None:
    assert ENTRY.checked == 0
