"""A call that can't be understood is explained in the language of the call."""

import pytest
from cli.program import EXAMPLE, Program, plain

CALLS = [
    (("nosuch",), "Erreur : commande inconnue : nosuch"),
    (("report",), "Erreur : il manque --month"),
    (("requests", "close", "MW-7F3K9Q"), "Erreur : il manque --why"),
    (("requests", "show"), "Erreur : il manque REFERENCE"),
    (("requests", "list", "--regster"), "Erreur : option inconnue : --regster ; peut-être --register"),
    (("requests", "list", "--since", "hier"), "pour --since : une date telle que 2026-11-30 est attendue"),
    (("requests", "list", "--limit", "0"), "pour --limit : un nombre entier, au moins 1, est attendu"),
    (("requests", "release", "x", "--why", "y"), "un nombre entier, au moins 1, est attendu"),
    (("report", "--month"), "Erreur : l'option --month demande une valeur"),
    (("status", "--json=1"), "Erreur : l'option --json ne prend pas de valeur"),
    (("status", "quoi"), "Erreur : argument en trop : quoi"),
    (("report", "--month", "2026-13"), "Erreur : valeur non valide pour --month : '2026-13' : attendu, un mois"),
    (("requests", "list", "--standing", "late"), "un de ceux-ci est attendu : within, at-risk, overdue"),
]


@pytest.mark.parametrize(("arguments", "expected"), CALLS)
def test_bad_usage_is_told_in_french(program: Program, arguments: tuple[str, ...], expected: str) -> None:
    done = program(*arguments, config=EXAMPLE, lang="fr")
    assert (done.code, done.out) == (2, "")
    assert expected in plain(done.err)
    assert plain(done.err).startswith(("Utilisation : mailwatch", "Erreur : l'option"))
    assert "Error" not in done.err


def test_the_environment_s_language_holds_where_the_call_names_none(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Error: No such command" in program("nosuch").err
    monkeypatch.setenv("LANG", "fr_CA.UTF-8")
    assert "commande inconnue : nosuch" in plain(program("nosuch").err)
    assert "Error: No such command" in program("--lang=en", "nosuch").err
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert "commande inconnue : nosuch" in plain(program("--lang=fr", "nosuch").err)
