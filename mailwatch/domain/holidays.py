"""Public holidays, by the `holidays` library: which dates they are, and what they are called."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from holidays import country_holidays


@lru_cache(maxsize=4096)
def public_holidays(country: str | None, subdivision: str | None, year: int, language: str) -> Mapping[date, str]:
    """The public holidays of a year, observed days included; named in the country's language for want of `language`.

    `country` and `subdivision` are ISO 3166 codes; ValueError if the library knows no such ones. No country, none.
    """
    if country is None:
        return {}
    try:
        supported = country_holidays(country, subdiv=subdivision, expand=False)
    except NotImplementedError as error:
        raise ValueError(str(error)) from error
    # Chosen here, since an unknown language makes the library follow the process's locale.
    languages = (supported.default_language or "", *supported.supported_languages)
    chosen = next((each for each in languages if each.partition("_")[0] == language), supported.default_language)
    found = country_holidays(country, subdiv=subdivision, years=year, expand=False, language=chosen)
    if language == "fr":  # the library leaves this one in English
        return {day: name.replace("Boxing Day", "Lendemain de Noël") for day, name in found.items()}
    return dict(found)
