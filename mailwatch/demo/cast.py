"""Who is in the demo's story, and the configuration that IT wrote for it. Nobody in it exists."""

INSCRIPTIONS = "inscriptions@cscmonavenir.example"
BIBLIOTHEQUE = "bibliotheque@cscmonavenir.example"
SOPHIE = "sophie.nadeau@courriel.example"
DAVID = "david.chen@mail.example"
PAUL = "paul.roy@cscmonavenir.example"
MARC = "marc.gagne@parnet.example"  # mistyped: the provider is parent.example
AMINA = "amina.diallo@courriel.example"
LEA = "lea.fortin@courriel.example"
OMAR = "omar.haddad@mail.example"
NADIA = "nadia.benali@courriel.example"
MARIE = "marie.tremblay@cscmonavenir.example"

CONFIGURATION = """\
[organisation]
name = "Conseil scolaire catholique MonAvenir"
timezone = "America/Toronto"
languages = ["fr", "en"]
domains = ["cscmonavenir.example"]
standards_url = "https://cscmonavenir.example/normes-de-service"

[database]
url = "sqlite:///mailwatch.db"

[calendar]
country = "CA"
subdivision = "ON"
hours = ["08:30-12:00", "13:00-16:30"]

[standard]
acknowledge_within = "48h"
answer_within = "5 business days"

[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"

[imap.main]
host = "127.0.0.1"
port = {imap_port}
security = "none"

[[people]]
email = "marie.tremblay@cscmonavenir.example"
name = "Marie Tremblay"
language = "fr"

[[people]]
email = "paul.roy@cscmonavenir.example"
name = "Paul Roy"
language = "fr"

[[mailbox]]
address = "inscriptions@cscmonavenir.example"
name = {{ fr = "Service des inscriptions", en = "Admissions" }}
kind = "shared"
imap = "main"
username = "inscriptions@cscmonavenir.example"
password = {{ env = "MAILWATCH_DEMO_PASSWORD" }}
owners = ["marie.tremblay@cscmonavenir.example"]
contact = {{ fr = "416-555-0123, poste 2210", en = "416-555-0123, extension 2210" }}

[[mailbox]]
address = "bibliotheque@cscmonavenir.example"
name = {{ fr = "Bibliothèque", en = "Library" }}
kind = "shared"
imap = "main"
username = "bibliotheque@cscmonavenir.example"
password = {{ env = "MAILWATCH_DEMO_PASSWORD" }}
owners = ["paul.roy@cscmonavenir.example"]
"""
