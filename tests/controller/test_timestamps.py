import datetime as dt

from kubeinformer.controller.timestamps import micro_time, second_time, utc_now

MOMENT = dt.datetime(2026, 5, 4, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def test_times_are_utc_and_of_one_length() -> None:
    assert micro_time(MOMENT) == "2026-05-03T23:02:03.000000Z"
    assert second_time(MOMENT) == "2026-05-03T23:02:03Z"


def test_now_knows_its_zone() -> None:
    assert utc_now().utcoffset() == dt.timedelta(0)
