"""The sentences for each kind of problem: (English, French). Gaps are filled with facts by `problems`.

The French is written with plain spaces and apostrophes, and typeset here.
"""

from mailwatch.config.wording_between import SENTENCES_BETWEEN
from mailwatch.domain.typography import typeset

_SENTENCES: dict[str, tuple[str, str]] = {
    # --- structure -----------------------------------------------------------------------------------------------
    "syntax": (
        "this isn't valid TOML: {message}",
        "ce n'est pas du TOML valide ({message})",
    ),
    "encoding": (
        "the file isn't UTF-8 text here; save it as UTF-8",
        "le fichier n'est pas en UTF-8 à cet endroit ; enregistrez-le en UTF-8",
    ),
    "missing": (
        "this key is missing; it has no default",
        "cette clé manque ; elle n'a pas de valeur par défaut",
    ),
    "missing_section": (
        "this section is missing; add [{name}]",
        "cette section manque ; ajoutez [{name}]",
    ),
    "unknown_key_close": (
        'unknown key; did you mean "{close}"?',
        "clé inconnue ; vouliez-vous écrire « {close} » ?",
    ),
    "unknown_key": (
        "unknown key; the keys known here are {known}",
        "clé inconnue ; les clés connues ici sont {known}",
    ),
    "array_of_tables": (
        "several may stand here: write [[{name}]] with two brackets",
        "il peut y en avoir plusieurs : écrivez [[{name}]] avec deux crochets",
    ),
    # --- kinds of value ------------------------------------------------------------------------------------------
    "string_type": (
        "a text was expected; put it between quotation marks",
        "un texte est attendu ; mettez-le entre guillemets",
    ),
    "int_type": (
        "a whole number was expected, without quotation marks",
        "un nombre entier est attendu, sans guillemets",
    ),
    "bool_type": (
        "true or false was expected, without quotation marks",
        "true ou false est attendu, sans guillemets",
    ),
    "tuple_type": (
        'a list was expected, such as ["…", "…"]',
        'une liste est attendue, par exemple ["…", "…"]',
    ),
    "dict_type": (
        'a text or a table by language was expected, such as {{ fr = "…", en = "…" }}',
        'un texte ou une table par langue est attendu, par exemple {{ fr = "…", en = "…" }}',
    ),
    "model_type": (
        "a table was expected: [section], or {{ key = value }}",
        "une table est attendue : [section] ou {{ clé = valeur }}",
    ),
    "named_table": (
        "a table with a name was expected, such as [{name}.main]",
        "une table nommée est attendue, par exemple [{name}.main]",
    ),
    "literal_error": (
        '"{value}" isn\'t known here; expected one of {expected}',
        "« {value} » n'est pas connu ici ; valeurs possibles : {expected}",
    ),
    "enum": (
        '"{value}" isn\'t a language of service here; expected one of "fr", "en"',
        '« {value} » n\'est pas une langue de service ; valeurs possibles : "fr", "en"',
    ),
    "language_key": (
        'the keys of this table are languages: "fr", "en"',
        'les clés de cette table sont des langues : "fr", "en"',
    ),
    "greater_than_equal": (
        "the number is too small; {ge} or more was expected",
        "le nombre est trop petit ; {ge} ou plus est attendu",
    ),
    "less_than_equal": (
        "the number is too large; {le} or less was expected",
        "le nombre est trop grand ; {le} ou moins est attendu",
    ),
    "string_too_short": (
        "an empty text says nothing; fill it in, or leave the key out",
        "un texte vide ne dit rien ; remplissez-le ou supprimez la clé",
    ),
    "too_short": (
        "an empty list says nothing; give at least one value",
        "une liste vide ne dit rien ; donnez au moins une valeur",
    ),
    "string_pattern_mismatch": (
        "a plain name was expected, without spaces or slashes",
        "un simple nom est attendu, sans espace ni barre oblique",
    ),
    "other": (
        "{message}",
        "valeur refusée ({message})",
    ),
    # --- our own kinds -------------------------------------------------------------------------------------------
    "limit": (
        '"{value}" isn\'t a limit; write "48h", "30m", "5 business days", "16 business hours" or "90 business minutes"',
        '« {value} » n\'est pas un délai ; écrivez "48h", "30m", "5 business days", "16 business hours" '
        'ou "90 business minutes"',
    ),
    "duration": (
        '"{value}" isn\'t a duration; write "30s", "5m", "24h" or "60 days"',
        '« {value} » n\'est pas une durée ; écrivez "30s", "5m", "24h" ou "60 days"',
    ),
    "pause": (
        '"{value}" isn\'t a duration above zero; write "30s", "5m" or "24h"',
        '« {value} » n\'est pas une durée supérieure à zéro ; écrivez "30s", "5m" ou "24h"',
    ),
    "closure": (
        '"{value}" isn\'t a closure; write a date "2026-12-24", a range "2026-12-21..2027-01-01" '
        'or part of a day "2026-12-24 12:00-24:00"',
        '« {value} » n\'est pas une fermeture ; écrivez une date "2026-12-24", une période '
        '"2026-12-21..2027-01-01" ou une partie de journée "2026-12-24 12:00-24:00"',
    ),
    "segment": (
        '"{value}" isn\'t a span of hours; write "08:30-12:00", the end after the start, at most 24:00',
        '« {value} » n\'est pas une plage horaire ; écrivez "08:30-12:00", la fin après le début, au plus 24:00',
    ),
    "overlap": (
        "these hours overlap: {value}; join them or part them",
        "ces heures se chevauchent : {value} ; réunissez-les ou séparez-les",
    ),
    "hours": (
        'a list of hours for Monday to Friday was expected, such as ["08:30-12:00", "13:00-16:30"], '
        'or a table {{ mon = ["…"], …, sun = ["…"] }}',
        'une liste d\'heures pour lundi à vendredi est attendue, par exemple ["08:30-12:00", "13:00-16:30"], '
        'ou une table {{ mon = ["…"], …, sun = ["…"] }}',
    ),
    "weekday": (
        '"{value}" isn\'t a weekday here; write mon, tue, wed, thu, fri, sat or sun',
        "« {value} » n'est pas un jour de la semaine ici ; écrivez mon, tue, wed, thu, fri, sat ou sun",
    ),
    "never_open": (
        "the service would never be open; give at least one day its hours",
        "le service ne serait jamais ouvert ; donnez des heures à un jour au moins",
    ),
    "date": (
        '"{value}" isn\'t a date; write 2026-12-07 (year-month-day)',
        "« {value} » n'est pas une date ; écrivez 2026-12-07 (année-mois-jour)",
    ),
    "time_of_day": (
        '"{value}" isn\'t a time of day; write "08:30"',
        '« {value} » n\'est pas une heure ; écrivez "08:30"',
    ),
    "address": (
        '"{value}" isn\'t an e-mail address; write name@example.org',
        "« {value} » n'est pas une adresse de courriel ; écrivez nom@example.org",
    ),
    "recipient": (
        '"{value}" can\'t be told; write "owner", "manager" or an e-mail address',
        '« {value} » ne peut pas être avisé ; écrivez "owner", "manager" ou une adresse de courriel',
    ),
    "domain": (
        '"{value}" isn\'t a domain; write example.org, without @',
        "« {value} » n'est pas un domaine ; écrivez example.org, sans @",
    ),
    "timezone": (
        '"{value}" isn\'t a known time zone; write an IANA name such as "America/Toronto"',
        '« {value} » n\'est pas un fuseau horaire connu ; écrivez un nom IANA comme "America/Toronto"',
    ),
    "message_link": (
        '"{value}" isn\'t a link to a message; write an address that begins with https:// or http://, with '
        "{{message_id}}, {{mailbox}} or {{reference}} where they belong",
        "« {value} » n'est pas un lien vers un message ; écrivez une adresse qui commence par https:// ou http://, "
        "avec {{message_id}}, {{mailbox}} ou {{reference}} là où il le faut",
    ),
    "observe_sent": (
        'true, false or "only" was expected',
        'true, false ou "only" est attendu',
    ),
    "plain_secret": (
        "a secret doesn't stand in this file, which is copied, shown and kept in backups; write "
        '{{ env = "NAME" }}, {{ file = "PATH" }}, {{ command = ["…"] }} or {{ credential = "NAME" }}',
        "un secret n'a pas sa place dans ce fichier, qui est copié, montré et sauvegardé ; écrivez "
        '{{ env = "NOM" }}, {{ file = "CHEMIN" }}, {{ command = ["…"] }} ou {{ credential = "NOM" }}',
    ),
    "secret_sources": (
        "exactly one of env, file, command, credential says where the secret is",
        "une seule des clés env, file, command, credential doit dire où se trouve le secret",
    ),
    "oauth2": (
        'auth = "oauth2" is not available in this version; use "password" (an application password, if need be)',
        'auth = "oauth2" n\'est pas offert dans cette version ; utilisez "password" '
        "(au besoin, un mot de passe d'application)",
    ),
    "oauth_credentials": (
        "only one of client_secret, certificate, service_account may be given",
        "une seule des clés client_secret, certificate, service_account peut être donnée",
    ),
    "half_login": (
        "username and password belong together: give both, or neither",
        "username et password vont ensemble : donnez les deux, ou aucun",
    ),
    "host_missing": (
        "host is missing: the name of the SMTP server",
        "host manque : le nom du serveur SMTP",
    ),
    "database_url": (
        'this isn\'t a database mailwatch knows; write "sqlite:///mailwatch.db" or "postgresql://user@host/mailwatch" '
        "(the driver is added for you)",
        'ce n\'est pas une base de données connue de mailwatch ; écrivez "sqlite:///mailwatch.db" ou '
        '"postgresql://user@host/mailwatch" (le pilote est ajouté pour vous)',
    ),
    "database_password": (
        'a password doesn\'t stand in the URL; write [database] password = {{ env = "NAME" }} or {{ file = "…" }}',
        "un mot de passe n'a pas sa place dans l'URL ; donnez-le par [database] password = "
        '{{ env = "NOM" }} ou {{ file = "…" }}',
    ),
    "metrics_listen": (
        "'{value}' isn't an address and a port; write \"127.0.0.1:9464\"",
        '« {value} » n\'est pas une adresse avec un port ; écrivez "127.0.0.1:9464"',
    ),
    "metrics_remote": (
        "other machines reach '{value}'; listen on 127.0.0.1, or say allow_remote = true",
        "d'autres machines atteignent « {value} » ; écoutez sur 127.0.0.1, ou écrivez allow_remote = true",
    ),
    "before_or_after": (
        'exactly one of before, after says when: before = "1 business day" or after = "0 business days"',
        'une seule des clés before, after dit quand : before = "1 business day" ou after = "0 business days"',
    ),
    "rule_condition": (
        "a rule needs a condition: senders, domains or subject_contains",
        "une règle demande une condition : senders, domains ou subject_contains",
    ),
    "rule_effect": (
        "a rule needs an effect: treat_as, acknowledge = false or owner",
        "une règle demande un effet : treat_as, acknowledge = false ou owner",
    ),
    "reversed_absence": (
        "returns_on ({returns_on}) must be later than away_from ({away_from})",
        "returns_on ({returns_on}) doit suivre away_from ({away_from})",
    ),
    "calendar_place": (
        "exactly one place was expected: url, secret_url or file",
        "un seul emplacement est attendu : url, secret_url ou file",
    ),
    "calendar_url": (
        "only https:// (or webcal://) is read; write allow_http = true to read it without encryption",
        "seul https:// (ou webcal://) est lu ; écrivez allow_http = true pour le lire sans chiffrement",
    ),
    **SENTENCES_BETWEEN,
}


SENTENCES = {kind: (english, typeset(french)) for kind, (english, french) in _SENTENCES.items()}
