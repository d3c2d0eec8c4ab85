"""What can be wrong with a calendar or a table, in plain words, English and French: what, and what to do about it.

No sentence holds an address of a calendar: it may be a secret by itself. A host is all that is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mailwatch.domain.languages import Language
from mailwatch.errors import CalendarUnavailable, CalendarUnreadable

_SENTENCES: dict[str, tuple[str, str]] = {
    # --- what a calendar holds -----------------------------------------------------------------------------------
    "too_large": (
        "the calendar is larger than {limit} MB; publish or export a shorter period of it",
        "le calendrier dépasse {limit}\u00a0Mo\u00a0; publiez-en ou exportez-en une période plus courte",
    ),
    "too_many_lines": (
        "the calendar has more than {limit} lines; publish or export a shorter period of it",
        "le calendrier compte plus de {limit} lignes\u00a0; publiez-en ou exportez-en une période plus courte",
    ),
    "not_a_calendar": (
        "this isn't an iCalendar file: it doesn't begin with BEGIN:VCALENDAR. A web page often comes in its place "
        "when the calendar is no longer shared; check its address, or export it again",
        "ce n’est pas un fichier iCalendar\u00a0: il ne commence pas par BEGIN:VCALENDAR. Une page web le remplace "
        "souvent quand le calendrier n’est plus partagé\u00a0; vérifiez son adresse ou exportez-le de nouveau",
    ),
    "cut_short": (
        "the calendar ends in the middle: END:VCALENDAR is missing; export it again",
        "le calendrier s’arrête au milieu\u00a0: END:VCALENDAR manque\u00a0; exportez-le de nouveau",
    ),
    "too_often": (
        "an out-of-office event repeats within a day ({rule}); give it one long span, or a daily or rarer repetition",
        "un événement d’absence se répète au cours d’une journée ({rule})\u00a0; donnez-lui une seule longue durée, "
        "ou une répétition quotidienne ou plus rare",
    ),
    "year": (
        "an out-of-office event lies in the year {year}, where 1970 to 2200 was expected; correct its date",
        "un événement d’absence se situe en l’an {year}, alors que 1970 à 2200 est attendu\u00a0; corrigez-en la date",
    ),
    "too_many_events": (
        "the calendar holds more than {limit} absences; publish or export a shorter period, or check every_event",
        "le calendrier contient plus de {limit} absences\u00a0; publiez-en ou exportez-en une période plus courte, "
        "ou vérifiez every_event",
    ),
    "too_many_repetitions": (
        "the repetitions of the out-of-office events reach too far; give them an end, or a later start",
        "les répétitions des événements d’absence vont trop loin\u00a0; donnez-leur une fin ou un début plus tardif",
    ),
    "too_many_dates": (
        "the out-of-office events name more than {limit} single dates; remove past ones from the calendar",
        "les événements d’absence énumèrent plus de {limit} dates\u00a0; retirez du calendrier celles du passé",
    ),
    # --- how a calendar is fetched -------------------------------------------------------------------------------
    "location": (
        "the calendar's address isn't one; write https://…, webcal://… or the path of a file",
        "l’adresse du calendrier n’en est pas une\u00a0; écrivez https://…, webcal://… ou le chemin d’un fichier",
    ),
    "insecure": (
        "{host}: the calendar would be fetched without encryption; write https://, or set allow_http = true",
        "{host}\u00a0: le calendrier serait lu sans chiffrement\u00a0; écrivez https:// ou réglez allow_http = true",
    ),
    "private_address": (
        "{host} is an address of this machine or of an inner network; set allow_private = true if that is meant",
        "{host} est une adresse de cette machine ou d’un réseau interne\u00a0; si c’est voulu, réglez "
        "allow_private = true",
    ),
    "certificate": (
        "{host}: the server's certificate doesn't verify; correct it there, or name its authority by ca_file",
        "{host}\u00a0: le certificat du serveur n’est pas vérifiable\u00a0; corrigez-le, ou indiquez son autorité "
        "par ca_file",
    ),
    "refused": (
        "{host} answered {status}; check that the calendar is still shared, and its address",
        "{host} a répondu {status}\u00a0; vérifiez que le calendrier est toujours partagé, et son adresse",
    ),
    "redirects": (
        "{host} sends on from one address to another; write the last one",
        "{host} renvoie d’une adresse à l’autre\u00a0; écrivez la dernière",
    ),
    "encoding": (
        "{host} compresses the calendar in an unknown or broken way ({encoding}); ask for it uncompressed",
        "{host} comprime le calendrier d’une façon inconnue ou fautive ({encoding})\u00a0; demandez-le non comprimé",
    ),
    "file": (
        "the calendar's file can't be read: {reason}; check its path and who may read it",
        "le fichier du calendrier est illisible\u00a0: {reason}\u00a0; vérifiez son chemin et qui peut le lire",
    ),
    "unreachable": (
        "{host} can't be reached; it is tried again",
        "{host} est injoignable\u00a0; un autre essai suivra",
    ),
    "slow": (
        "{host} didn't deliver the calendar within {limit} seconds; it is tried again",
        "{host} n’a pas livré le calendrier en {limit} secondes\u00a0; un autre essai suivra",
    ),
    "server": (
        "{host} answered {status}; it is tried again",
        "{host} a répondu {status}\u00a0; un autre essai suivra",
    ),
    # --- tables --------------------------------------------------------------------------------------------------
    "table_too_large": (
        "the table is larger than {limit} MB; split it",
        "le tableau dépasse {limit}\u00a0Mo\u00a0; divisez-le",
    ),
    "table_too_long": (
        "the table has more than {limit} rows; split it",
        "le tableau compte plus de {limit} lignes\u00a0; divisez-le",
    ),
    "table_empty": (
        "the table is empty; its first line names the columns, such as who,away_from,returns_on",
        "le tableau est vide\u00a0; sa première ligne nomme les colonnes, par exemple qui;absent_du;retour_le",
    ),
    "table_broken": (
        "this isn't a table of text: save it as CSV (UTF-8)",
        "ce n’est pas un tableau de texte\u00a0: enregistrez-le au format CSV (UTF-8)",
    ),
    "column_unknown": (
        'no column is called "{value}"; known: {known}',
        "aucune colonne ne s’appelle «\u00a0{value}\u00a0»\u00a0; connues\u00a0: {known}",
    ),
    "column_twice": (
        'the column "{value}" stands there twice',
        "la colonne «\u00a0{value}\u00a0» y est deux fois",
    ),
    "column_missing": (
        'the column "{value}" is missing',
        "la colonne «\u00a0{value}\u00a0» manque",
    ),
    "cells": (
        "this line has more cells than there are columns; a text with a separator stands in quotes",
        "cette ligne a plus de cases qu’il n’y a de colonnes\u00a0; un texte avec un séparateur se met entre "
        "guillemets droits",
    ),
    "who_missing": (
        "who is away? An e-mail address was expected",
        "qui est absent\u00a0? Une adresse de courriel est attendue",
    ),
    "address": (
        '"{value}" isn\'t an e-mail address; write name@example.org',
        "«\u00a0{value}\u00a0» n’est pas une adresse de courriel\u00a0; écrivez nom@example.org",
    ),
    "own_delegate": (
        "{value} can't stand in for themselves; name another person, or leave the cell empty",
        "{value} ne peut se remplacer soi-même\u00a0; nommez une autre personne ou laissez la case vide",
    ),
    "away_from_missing": (
        "away from when? A date was expected",
        "à partir de quand\u00a0? Une date est attendue",
    ),
    "date": (
        '"{value}" isn\'t a date; write 2026-12-07 or 07/12/2026 (day first)',
        "«\u00a0{value}\u00a0» n’est pas une date\u00a0; écrivez 2026-12-07 ou 07/12/2026 (le jour d’abord)",
    ),
    "reversed": (
        "the return ({value}) must be later than the first day away",
        "le retour ({value}) doit suivre le premier jour d’absence",
    ),
    "audience": (
        '"{value}" isn\'t an audience; write all, internal or external',
        "«\u00a0{value}\u00a0» n’est pas un public\u00a0; écrivez tous, internes ou externes",
    ),
    "same_twice": (
        "the same absence stands on line {value} already",
        "la même absence figure déjà à la ligne {value}",
    ),
}

MAX_SHOWN = 80  # characters of a wrong value that are repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProblem:
    """Something wrong in a table; `line` counts from 1, `kind` is a key of the sentences."""

    line: int
    kind: str
    value: str = ""
    known: str = ""


def tell_table_problem(problem: TableProblem, language: Language) -> str:
    """`line 4: sentence`."""
    sentence = _sentence(
        problem.kind, {"value": problem.value, "known": problem.known, "limit": problem.value}, language
    )
    return f"ligne {problem.line}\u00a0: {sentence}" if language is Language.FR else f"line {problem.line}: {sentence}"


def tell_calendar_problem(error: CalendarUnreadable | CalendarUnavailable, language: Language) -> str:
    """The sentence for an error of a calendar."""
    return _sentence(error.kind, error.facts, language)


def unreadable(kind: str, **facts: object) -> CalendarUnreadable:
    """The error of that kind; its text is English."""
    return CalendarUnreadable(_sentence(kind, facts, Language.EN), kind, facts)


def unavailable(kind: str, **facts: object) -> CalendarUnavailable:
    """The error of that kind; its text is English."""
    return CalendarUnavailable(_sentence(kind, facts, Language.EN), kind, facts)


def _sentence(kind: str, facts: Mapping[str, object], language: Language) -> str:
    english, french = _SENTENCES[kind]
    shown = {key: _shown(value) for key, value in facts.items()}
    return (french if language is Language.FR else english).format_map(shown)


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
