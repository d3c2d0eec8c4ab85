"""The compliance report as one HTML page: nothing is fetched, nothing told by colour alone; it prints on paper.

Tables have names and header cells (WCAG 2.1, 1.3.1); what can't be broken over two sheets isn't.
"""

from collections.abc import Iterable
from html import escape

from mailwatch.cli.report_forms import is_empty, shown
from mailwatch.cli.report_words import ReportWords
from mailwatch.domain.figures import Report, Scope

_STYLE = """
:root { color-scheme: light; }
body { margin: 0; padding: 1.5rem; background: #fff; color: #1a1a1a; font: 1rem/1.5 Arial, Helvetica, sans-serif; }
main { max-width: 60rem; margin: 0 auto; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; overflow-wrap: anywhere; }
p { margin: 0.5rem 0; max-width: 40rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: 0.25rem 0; color: #404040; }
th, td { border-bottom: 1px solid #767676; padding: 0.35rem 0.75rem 0.35rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom-width: 2px; vertical-align: bottom; }
tbody th { font-weight: normal; }
tbody tr.main th { font-weight: bold; }
section th { width: 50%; }
tr.detail th { padding-left: 1.5rem; }
td { font-variant-numeric: tabular-nums; }
dt { font-weight: bold; margin-top: 0.5rem; }
dd { margin: 0; max-width: 40rem; }
@media print {
  body { padding: 0; font-size: 10pt; }
  section, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
}
"""


def as_html(report: Report, organisation: str, words: ReportWords) -> str:
    """The page."""
    scopes = shown(report)
    title = words.title(report.month)
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(organisation)}<br>{escape(words.stood(report))}</p>",
        f"<p><strong>{escape(words.provisional())}</strong></p>" if report.is_provisional else "",
        _overview(scopes, words) if len(scopes) > 1 else "",
        *(_section(report, scope, words, n) for n, scope in enumerate(scopes, 1)),
        _definitions(words),
    ]
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="{words.language.value}">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(f'{title} – {organisation}')}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *filter(None, body),
            "</main>",
            "</body>",
            "</html>\n",
        )
    )


def _overview(scopes: Iterable[Scope], words: ReportWords) -> str:
    pick = words.pick
    heads = (
        pick("Mailboxes", "Boîtes"),
        pick("Requests", "Demandes"),
        words.acknowledged(),
        words.answered(),
        pick("Median time of service", "Temps de service médian"),
        pick("Still open", "Encore ouvertes"),
        pick("Overdue", "En retard"),
    )
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    rows = "\n".join(_overview_row(scope, words) for scope in scopes)
    caption = escape(pick("Overview", "Vue d’ensemble"))
    return (
        f'<div class="wide" role="region" aria-label="{caption}" tabindex="0"><table>\n<caption>{caption}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _overview_row(scope: Scope, words: ReportWords) -> str:
    figures = scope.figures
    values = (
        words.number(figures.received),
        words.share(figures.acknowledged),
        words.share(figures.answered),
        words.length(figures.business.median),
        words.number(figures.open),
        words.number(figures.overdue),
    )
    cells = "".join(f"<td>{escape(value)}</td>" for value in values)
    return f'<tr><th scope="row">{escape(words.name(scope))}</th>{cells}</tr>'


def _section(report: Report, scope: Scope, words: ReportWords, n: int) -> str:
    heading = f'<h2 id="part-{n}">{escape(words.name(scope))}</h2>'
    if is_empty(scope.figures):
        return f"<section>\n{heading}\n<p>{escape(words.empty(report.month))}</p>\n</section>"
    rows = "\n".join(
        f'<tr class="{"detail" if line.is_detail else "main"}"><th scope="row">{escape(line.label)}</th>'
        f"<td>{escape(line.value)}</td></tr>"
        for line in words.lines(scope.figures)
    )
    table = f'<table aria-labelledby="part-{n}">\n<tbody>\n{rows}\n</tbody>\n</table>'
    return f"<section>\n{heading}\n{table}\n</section>"


def _definitions(words: ReportWords) -> str:
    entries = "\n".join(f"<dt>{escape(term)}</dt>\n<dd>{escape(text)}</dd>" for term, text in words.definitions())
    heading = escape(words.pick("How to read these figures", "Comment lire ces chiffres"))
    return f"<section>\n<h2>{heading}</h2>\n<dl>\n{entries}\n</dl>\n</section>"
