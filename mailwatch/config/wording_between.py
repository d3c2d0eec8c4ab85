"""The sentences for what only several sections together can tell, and for warnings. See `wording`."""

SENTENCES_BETWEEN: dict[str, tuple[str, str]] = {
    # --- between sections ----------------------------------------------------------------------------------------
    "idle_renew": (
        '"{value}" is too long: IDLE must be renewed before 29 minutes are over (RFC 2177); write "9m"',
        '« {value} » est trop long : IDLE doit être renouvelé avant 29 minutes (RFC 2177) ; écrivez "9m"',
    ),
    "unknown_person": (
        'no [[people]] has the e-mail "{value}"; add that person, or correct the address',
        "aucun [[people]] n'a le courriel « {value} » ; ajoutez cette personne ou corrigez l'adresse",
    ),
    "unknown_who": (
        'neither a [[people]] nor a [[mailbox]] has the address "{value}"; add it, or correct the address',
        "ni [[people]] ni [[mailbox]] n'a l'adresse « {value} » ; ajoutez-la ou corrigez-la",
    ),
    "own_manager": (
        "nobody is their own manager; name another person, or leave the key out",
        "personne n'est son propre supérieur ; nommez une autre personne ou supprimez la clé",
    ),
    "own_delegate": (
        "nobody covers for themselves; name another person, or leave the key out",
        "on ne se remplace pas soi-même ; nommez une autre personne ou supprimez la clé",
    ),
    "absence_circle": (
        "{value}: they cover for each other while all of them are away, so that nobody is there; name somebody else",
        "{value} : ces personnes se remplacent l'une l'autre alors que toutes sont absentes ; nommez quelqu'un d'autre",
    ),
    "duplicate_calendar": (
        'an [[absence_calendar]] named "{value}" stands above already; a name is how its absences are found again',
        "un [[absence_calendar]] nommé « {value} » figure déjà plus haut ; c'est par ce nom que ses absences sont "
        "retrouvées",
    ),
    "unknown_server": (
        "there is no [{section}.{value}]; known: {known}",
        "il n'y a pas de [{section}.{value}] ; connus : {known}",
    ),
    "no_smtp": (
        "no SMTP account submits for this mailbox; add [smtp] with its host",
        "aucun compte SMTP n'envoie pour cette boîte ; ajoutez [smtp] avec son hôte",
    ),
    "which_smtp": (
        'there are several SMTP accounts; write smtp = "NAME", one of {known}',
        'il y a plusieurs comptes SMTP ; écrivez smtp = "NOM", parmi {known}',
    ),
    "duplicate_person": (
        'a [[people]] with the e-mail "{value}" stands above already',
        "un [[people]] avec le courriel « {value} » figure déjà plus haut",
    ),
    "duplicate_address": (
        '"{value}" is already the address or an alias of a [[mailbox]] above',
        "« {value} » est déjà l'adresse ou un alias d'une [[mailbox]] plus haut",
    ),
    "country": (
        'no public holidays are known for country "{value}"; write an ISO 3166 code such as "CA"',
        'aucun jour férié connu pour le pays « {value} » ; écrivez un code ISO 3166 comme "CA"',
    ),
    "subdivision": (
        '"{value}" isn\'t a subdivision of {country}; known: {known}',
        "« {value} » n'est pas une subdivision de {country} ; connues : {known}",
    ),
    "retention_order": (
        "what is deleted can't be anonymised later: delete_after must be longer than anonymise_after ({value})",
        "on n'anonymise pas ce qui est supprimé : delete_after doit dépasser anonymise_after ({value})",
    ),
    "folder_twice": (
        '"{value}" stands in {key} already; a folder serves one purpose',
        "« {value} » figure déjà dans {key} ; un dossier n'a qu'un seul rôle",
    ),
    "sender_missing": (
        'no mailbox submits through the SMTP account "{value}": write from = "ADDRESS", an address it may send from',
        "aucune boîte n'envoie par le compte SMTP « {value} » : écrivez from = \"ADRESSE\", une adresse qu'il a le "
        "droit d'utiliser",
    ),
    "no_smtp_alerts": (
        "no SMTP account can send alerts; add [smtp] with its host",
        "aucun compte SMTP ne peut envoyer d'alertes ; ajoutez [smtp] avec son hôte",
    ),
    # --- warnings ------------------------------------------------------------------------------------------------
    "closure_past": (
        '"{value}" is past; you may remove it',
        "« {value} » est passée ; vous pouvez la supprimer",
    ),
    "absence_past": (
        "this absence is past; you may remove it",
        "cette absence est passée ; vous pouvez la supprimer",
    ),
    "closures_next_year": (
        "no closure of {value} is listed yet; add next year's, so that due dates count right",
        "aucune fermeture de {value} n'est indiquée ; ajoutez celles de l'an prochain pour que les échéances soient "
        "justes",
    ),
    "notice_names_nobody": (
        "its absence notice can name nobody to turn to: name a delegate, a manager, or a contact of the mailbox",
        "son avis d'absence ne peut nommer personne à qui s'adresser : nommez une personne remplaçante, une "
        "supérieure ou un supérieur, ou le contact de la boîte",
    ),
    "no_country": (
        'no country: public holidays count as business days; write country = "CA", subdivision = "ON"',
        'aucun pays : les jours fériés comptent comme jours ouvrables ; écrivez country = "CA", subdivision = "ON"',
    ),
    "no_mailbox": (
        "no enabled [[mailbox]]: nothing is watched",
        "aucune [[mailbox]] activée : rien n'est surveillé",
    ),
    "no_owner": (
        "nobody owns this mailbox's requests; name owners",
        "personne ne répond des demandes de cette boîte ; nommez des responsables (owners)",
    ),
    "clear_text": (
        'security = "none": passwords and personal information travel in clear',
        'security = "none" : mots de passe et renseignements personnels circulent en clair',
    ),
    "no_such_file": (
        "{value} isn't there, or this user may not see it",
        "{value} est introuvable, ou cet utilisateur ne peut pas y accéder",
    ),
    "unused_password": (
        "SQLite asks for no password; the key does nothing",
        "SQLite ne demande pas de mot de passe ; la clé est sans effet",
    ),
    "alerts_after": (
        "a mailbox is looked at hardly more often than that: it could be told as silent between two polls; "
        "write more than one and a half times `poll` of [imap]",
        "une boîte n'est guère relevée plus souvent : elle pourrait passer pour muette entre deux relèves ; écrivez "
        "plus d'une fois et demie `poll` de [imap]",
    ),
    "nobody_alerted": (
        "nobody is told when mailwatch itself is in trouble; name the people who run it",
        "personne n'est prévenu quand mailwatch lui-même est en difficulté ; nommez les personnes qui l'exploitent",
    ),
}
