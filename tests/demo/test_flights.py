"""The monthly files: complete, in order, and without what is known only after departure."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from calmops_flows.demo.flights import (
    CANCELLED,
    FEATURES,
    TARGET,
    WEATHER,
    Month,
    data_folder,
    read_months,
)
from calmops_flows.errors import MissingExtraError, NotFoundError

# Known only once the flight has left, or only identifying it.
LEAKS = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "flight", "tailnum"}
# Rows of flights.csv whose arr_delay is not NA: 336,776 flights less 9,430.
ARRIVED = 327_346


@pytest.fixture(scope="module")
def year() -> list[Month]:
    return read_months(data_folder())


def test_no_column_is_known_only_after_departure(year: list[Month]) -> None:
    for month in year:
        assert not LEAKS & set(month.rows.columns)
        assert list(month.rows.columns) == [*FEATURES, TARGET]


def test_every_flight_that_arrived_is_in_one_month(year: list[Month]) -> None:
    assert [month.name for month in year] == [f"2013-{number:02}" for number in range(1, 13)]
    assert sum(len(month.rows) for month in year) == ARRIVED


def test_target_is_an_arrival_fifteen_minutes_late(year: list[Month]) -> None:
    raw = pd.read_csv(data_folder() / "flights.csv.zip", usecols=["month", "arr_delay"])
    late = (raw.dropna(subset="arr_delay").set_index("month")["arr_delay"] >= 15).groupby(level=0)

    counts = [int(month.rows[TARGET].sum()) for month in year]

    assert counts == late.sum().tolist()


def test_first_flight_has_its_schedule_and_the_weather_of_the_hour_before(
    year: list[Month],
) -> None:
    weather = pd.read_csv(data_folder() / "weather.csv")
    an_hour_before = weather.query("origin == 'EWR' and month == 1 and day == 1 and hour == 4")

    first = year[0].rows.iloc[0]

    # UA 1545, EWR to IAH: 5:15 to 8:19 on Tuesday 2013-01-01, 1,400 miles.
    schedule = [
        "weekday",
        "scheduled_departure",
        "scheduled_arrival",
        "carrier",
        "dest",
        "distance",
    ]
    assert first[schedule].tolist() == ["Tuesday", 315, 499, "UA", "IAH", 1400]
    assert first["temp"] == an_hour_before["temp"].item()


def test_weather_is_missing_only_where_the_station_has_gaps(year: list[Month]) -> None:
    missing = pd.concat([month.rows for month in year])[list(WEATHER)].isna().mean()

    assert missing["temp"] < 0.01
    assert missing["wind_gust"] > 0.5  # recorded only when there are gusts


def test_every_flight_is_there_where_the_target_is_a_cancellation() -> None:
    """8,255 of the 336,776 flights of 2013 have no departure: 2.45 %."""
    year = read_months(data_folder(), target=CANCELLED)

    cancelled = sum(int(month.rows[CANCELLED].sum()) for month in year)
    assert (sum(len(month.rows) for month in year), cancelled) == (336_776, 8_255)
    assert all(list(month.rows.columns) == [*FEATURES, CANCELLED] for month in year)
    assert year[0].share == pytest.approx(521 / 27_004)


def test_preparation_gives_the_same_rows_each_time(year: list[Month]) -> None:
    again = read_months(data_folder(), 1)

    pd.testing.assert_frame_equal(again[0].rows, year[0].rows)
    assert len(again) == 1


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"calmops-flows\[demo\]"):
        data_folder()


def test_missing_data_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"flights\.csv\.zip"):
        read_months(tmp_path)
