"""Public holidays as known events."""

from __future__ import annotations

from datetime import date, timedelta
from difflib import get_close_matches

from pulse_runner.errors import UsageError
from pulse_runner.known_events.event import KnownEvent


def holidays_of(country: str, first: date, last: date, region: str | None) -> list[KnownEvent]:
    """Return the public holidays of a country or region; UsageError for one that has no calendar."""
    import holidays

    countries = holidays.list_supported_countries()
    code = country.upper()
    if code not in countries:
        close = get_close_matches(code, countries, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(
            f"--country {country}: no public holidays are known for it.{hint} Give an ISO 3166 code such as GB or DE."
        )
    if region is not None and region not in countries[code]:
        raise UsageError(f"--region {region}: {code} has {', '.join(countries[code]) or 'no regions'}.")
    return public_holidays(code, first, last, region)


def public_holidays(country: str, first: date, last: date, subdivision: str | None = None) -> list[KnownEvent]:
    """Return the public holidays of a country (ISO 3166 code) between two dates, from the `holidays` library.

    Raises ValueError for a country that the library does not know.
    """
    import holidays

    try:
        calendar = holidays.country_holidays(country, subdiv=subdivision, years=range(first.year, last.year + 1))
    except NotImplementedError as error:
        raise ValueError(
            f"No public holidays are known for {country!r}; give an ISO 3166 code such as GB or DE."
        ) from error
    found = [
        (first + timedelta(days=n), calendar.get(first + timedelta(days=n))) for n in range((last - first).days + 1)
    ]
    return [KnownEvent(day, day, "all", "", str(name)) for day, name in found if name]
