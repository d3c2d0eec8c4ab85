"""French, English, or honestly unsure: short messages to schools and libraries of Ontario and Quebec."""

import pytest

from mailwatch.domain.languages import Language, detect_language, own_words

FRENCH = [
    "Bonjour, mon fils sera absent demain. Merci",
    "Bonjour, à quelle heure ouvre la bibliothèque le samedi?",
    "Ma fille est malade, elle ne viendra pas à l'école aujourd'hui.",
    "Puis-je renouveler mes livres en ligne?",
    "Pouvez-vous m'envoyer le formulaire d'inscription svp",
    "Je n'ai pas reçu le bulletin de mon enfant.",
    "Est-ce que l'autobus 12 passe encore sur la rue Principale?",
    "Nous déménageons en juillet et cherchons une école pour nos deux enfants.",
    "MON FILS EST MALADE AUJOURD'HUI",
    "bonjour est ce que ma fille peut avoir une copie de son bulletin",
    "Quels sont les frais de retard pour les documents?",
    "Il y a une erreur dans mon dossier, qui dois-je appeler?",
    "On voudrait savoir quand commence la maternelle.",
    "J’ai perdu ma carte, comment puis-je en avoir une nouvelle?",
    "C'est inacceptable. L'autobus est encore arrivé en retard et personne ne répond au téléphone.",
    "Suivi de ma demande du 3 novembre : toujours aucune réponse de votre part.",
    "Merci beaucoup pour votre aide, tout est réglé!",
    "Sophie aura un rendez-vous chez le dentiste mardi à 13 h, je passerai la chercher.",
    "Avez-vous le livre « The Cat in the Hat » en français?",
    "Hi, mon fils a oublié sa boîte à lunch dans l'autobus ce matin. Est-ce que vous l'avez trouvée? Thanks",
    "Bonjour,\n\nVeuillez noter que Léa sera absente du 3 au 7 mars.\n\nRegards,\nJohn Smith\nSchool Council Chair",
    "Bonjour,\n\nQuand aura lieu la prochaine rencontre de parents?\n\nMerci,\nJohn\n\n-- \nJohn Smith\n"
    "The Best Company in the World\nThis is what we do and we do it for you",
    "Je confirme ma présence à la réunion.\n\nOn Mon, Nov 23, 2026 at 10:15 AM The School <s@x.ca> wrote:\n"
    "> Will you be there? We would like to know if you are able to come to the meeting.",
    "Oui, nous serons là.\n\n-----Original Message-----\nFrom: The School\nSent: Monday\nPlease confirm that you will come",  # noqa: E501
    "Bonjour, je n'arrive pas à ouvrir le lien que vous m'avez envoyé.\n\nSent from my iPhone",
    "Bonjour,\nJe voudrais inscrire ma fille à la garderie.\nCordialement\nJane\n\nCONFIDENTIALITY NOTICE: this e-mail "
    "and any attachment are for the person to whom they are addressed.",
    "Bonjour, je n'ai toujours pas de nouvelles de l'enseignante de mon garçon. Pourriez-vous faire un suivi?",
    "la bibliotheque est-elle ouverte le lundi de Paques? merci",
    "Au secours! Nous avons besoin d'une place dans votre école dès septembre.",
    "Il n’y avait personne à l’arrêt ce matin.",
    "bonjour je voudrais savoir si l ecole est ouverte",
    "POUVEZ VOUS ME DIRE QUAND LES RELEVES 24 SERONT DISPONIBLES",
    "svp me confirmer la reception de ce courriel",
    "Bonsoir, je cherche a rejoindre la secretaire pour un changement d adresse. Merci de me rappeler au 613 555 0101",
    "ma fille a manqué son bus à matin pis elle va arriver en retard",
    "Mme Tremblay, pouvez vous svp me confirmer que le dossier de Mathis a ete transfere a la nouvelle ecole",
    "Oui c'est correct pour moi.",
    "Ecole fermee en fevrier? reponse svp",
    "Salut à tous, j'ai un souci avec le driver de ma carte réseau sous Debian : kernel panic au boot dès que je lance "
    "le script. Quelqu'un a déjà eu ça ?",
    "> Please confirm your address.\n\nMon adresse n'a pas changé, c'est toujours la même.\n\n> Any other "
    "questions?\n\n"
    "Non, merci.",
    "Oui, nous y serons.\n\nObtenir Outlook pour "
    "iOS<https://aka.example>\n________________________________\nFrom: Office\n"
    "The meeting is on Tuesday and we hope you can come.",
]
ENGLISH = [
    "Hi, is there a bus on Friday?",
    "Hello, my son will be absent tomorrow. Thanks",
    "What time does the library open on Saturday?",
    "I lost my library card. How do I get a new one?",
    "Could you please send me the registration form",
    "My daughter is sick and won't be at school today.",
    "Is the school closed on Monday?",
    "WHY IS THE BUS ALWAYS LATE",
    "We are moving to Toronto in August and would like to enrol our kids.",
    "can i renew my books online",
    "I have not received an answer to my request of November 3.",
    "Thank you so much for your help with the form!",
    "Who should I call about the lunch program?",
    "Please confirm that you received my application.",
    "There is a mistake in my daughter's report card.",
    "Do you have Le Petit Prince in English?",
    "Is École L'Envolée accepting new students for next year?",
    "I'd like to know if École élémentaire catholique Sainte-Madeleine has a daycare.",
    "The meeting is at 3 PM EST, will you be there?",
    "Bonjour, I am writing to you because my son was left at the wrong bus stop this morning. Merci",
    "Hi,\n\nIs there a bus on Friday for the students who stay late?\n\nMerci,\nJean Tremblay\n"
    "Conseiller pédagogique\nÉcole secondaire de la Rivière",
    "Hello,\n\nI need a copy of the report card.\n\nCordialement,\nMarie Côté\nDirection des services aux élèves et à la "  # noqa: E501
    "communauté\nNous sommes là pour vous",
    "Yes, we will be there.\n\nLe lun. 23 nov. 2026 à 10 h 15, École Saint-Jean <ecole@x.ca> a\xa0écrit\xa0:\n"
    "> Serez-vous là? Nous aimerions savoir si vous pouvez venir à la réunion.",
    "Yes, we will be there.\n\nLe lundi 23 novembre 2026 à 10 h 15, École Saint-Jean de la Rivière\n"
    "<ecole-saint-jean@cscmonavenir.example> a écrit :\n\n> Serez-vous là?\n> Nous aimerions le savoir.",
    "I will come by on Tuesday.\n\n-----Message d'origine-----\nDe : École\nEnvoyé : lundi\nÀ : Jane\nObjet : Visite\n"
    "Quand pouvez-vous venir à l'école?",
    "I can't find the link that you sent.\n\nEnvoyé de mon iPhone",
    "That works for us, see you then.\n________________________________\nDe : École\nNous vous attendons à notre école",
    "Can you tell me when the meeting is?\n\nDe : École Saint-Jean <e@x.ca>\nEnvoyé : lundi 23 novembre 2026\n"
    "À : Jane <j@x.ca>\nObjet : Réunion\n\nVous êtes invités à notre réunion de parents.",
    "We'd like to book a room for next Thursday.\n\nAVIS DE CONFIDENTIALITÉ : ce courriel est pour la personne à qui il "  # noqa: E501
    "est adressé. Si vous l'avez reçu par erreur, veuillez nous en aviser.",
    "hey just wondering if u guys are open on monday",
    "Sounds good. Thank you!",
    "Sorry, wrong attachment. Here's the correct one.",
    "Password reset not working",
    "Re the Bélanger file: do we have the signed consent from Mme Côté?",
    "Hi, our son Étienne Gagné-Lévesque attends École secondaire catholique Franco-Cité and lost his OC Transpo card.",
    "Attached patch fixes memory leak in ext3 journal code. Tested on x86 and sparc64. Please apply.",
    "Version 2.4.18 of foo released. Changes: fixed buffer overflow in parser, improved IPv6 support, added German "
    "translation.",
    "A piece of the roof fell down. I desire an answer.",
    "See my answers below.\n\n> Quelle est votre adresse?\n12 Main St.\n> Avez-vous un autre numéro?\nNo, just "
    "the cell.",
]
UNSURE = [
    "",
    "ok",
    "OK merci",
    "test",
    "?",
    "Merci!",
    "Thanks",
    "Bonjour",
    "12345",
    "https://www.example.org/the/library/is/open/and/we/are/here",
    "the-school.is.here@example.org",
    "Question",
    "Jean Tremblay\n416-555-0199",
    "Hola, mi hijo está enfermo y no irá a la escuela hoy. Gracias",
    "Buenos días, quiero una tarjeta de la biblioteca para mi hija",
    "Guten Tag, mein Sohn ist krank und kann nicht zur Schule kommen",
    "Buongiorno, vorrei sapere a che ora apre la biblioteca, grazie",
    "Olá, meu filho não vai à escola amanhã porque está doente, obrigado",
    "Bonjou, pitit mwen malad, li pap vini lekòl jodi a. Mèsi",
    "Hallo, kan iemand mij vertellen hoe laat de bibliotheek open is op zaterdag? Met vriendelijke groet, Jan",
    "De vergadering was gisteren en we hebben het over de planning gehad, maar ik was er niet bij.",
    "Dzien dobry, moj syn jest chory i nie przyjdzie dzis do szkoly. Pozdrawiam",
    "Hallo Liste, bin gerade dabei, meinen Server umzuziehen. Update und Backup laufen, Downloads sind langsam. "
    "So long",
    "Was ist denn da los? So geht das nicht! Am Montag war ich da, und es war zu.",
    "Det er mye bedre at du kommer i morgen, men vi kan se hva vi får til over helgen. For min del er det greit.",
    "Koniec lekcji do szkoly to byl piatek, bo we wtorek przyszla pani i do domu zabrala",
    "Hvem kommer for at hente bogen? Den ligger her i dag, saa kom bare forbi inden lukketid",
    "Si si, va bene, ci vediamo domani.",
    "Dove si trova il modulo?",
    "Poderia me enviar o formulario? Obrigada",
    "Selamat pagi, saya ingin bertanya apakah perpustakaan buka hari Sabtu. Terima kasih",
    "Kumusta po, gusto ko lang itanong kung bukas ang library sa Sabado. Salamat po",
    "Здравствуйте, мой сын заболел",
    "您好，我的儿子今天生病了",
    "مرحبا، ابني مريض اليوم",
    "Bonjour / Hello\n\nMon fils sera absent demain, il est malade.\n\nMy son will be absent tomorrow, he is sick.",
    "Nous cherchons une école pour notre fille. We are looking for a school for our daughter.",
    "> Mon fils sera absent demain, il est malade.\n> Pouvez-vous le noter?",
    "-----Message d'origine-----\nDe : École\nVous êtes invités à notre réunion de parents.",
    "a a a a a a a a",
    "the the the the the le le le le le",
]


@pytest.mark.parametrize("text", FRENCH)
def test_french_is_recognised(text: str) -> None:
    assert detect_language("", text) is Language.FR


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_recognised(text: str) -> None:
    assert detect_language("", text) is Language.EN


@pytest.mark.parametrize("text", UNSURE)
def test_what_is_neither_or_both_stays_open(text: str) -> None:
    assert detect_language("", text) is None


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Absence de mon fils demain", "Jean Tremblay, 3e année", Language.FR),
        ("Is the library open today?", "", Language.EN),
        ("RE: Absence de mon fils demain", "ok", None),
        ("RE: Votre demande du 3 novembre", "Yes, that is what I was looking for", Language.EN),
        ("Question", "ok", None),
    ],
)
def test_a_subject_helps_unless_it_is_a_replys(subject: str, text: str, expected: Language | None) -> None:
    assert detect_language(subject, text) is expected


def test_banners_of_gateways_dont_count() -> None:
    banner = "CAUTION: This email originated from outside of the organization."
    text = f"{banner}\n\nBonjour, mon fils sera absent demain."
    assert detect_language("", text) is None
    assert detect_language("", text, [banner]) is Language.FR


def test_a_banner_that_was_wrapped_doesnt_count() -> None:
    banner = "ATTENTION : ce courriel provient de l'extérieur de l'organisation. Ne cliquez pas sur les liens."
    wrapped = "ATTENTION : ce courriel provient de l'extérieur\nde l'organisation. Ne cliquez pas sur les liens.\n"
    assert own_words(wrapped + "Hi, is there a bus?", [banner]) == "Hi, is there a bus?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bonjour", "Bonjour"),
        ("Oui\n\n> Non?\n> Si", "Oui"),
        ("> Serez-vous là?\n\nOui, nous y serons.", "Oui, nous y serons."),
        ("On Mon, Jean wrote:\n> Serez-vous là?\n\nOui.", "Oui."),
        ("Jean a écrit :\n\n> Serez-vous là?\n\nOui.", "Oui."),
        ("Voici ce que Jean a écrit :\nSerez-vous là?", "Voici ce que Jean a écrit :\nSerez-vous là?"),
        ("Oui\nJean\n-- \nJean Tremblay", "Oui\nJean"),
        ("Oui.\n\nMerci,\n\nJean\n416-555-0199", "Oui."),
        ("Merci\n\nAvez-vous trouvé le livre?", "Merci\n\nAvez-vous trouvé le livre?"),
        ("Merci", "Merci"),
        ("Oui\n\nBegin forwarded message:\n\nFrom: x", "Oui"),
        ("Oui\n\n---------- Forwarded message ---------\nFrom: x", "Oui"),
        ("Oui\n\nDébut du message réexpédié :\n\nDe : x", "Oui"),
        ("Oui\n\n*De :* École\n*Envoyé :* lundi\nNon", "Oui"),
        ("De : Jean\nC'est tout.", "De : Jean\nC'est tout."),
        ("Le directeur m'a dit de vous écrire.\nMerci de répondre.", "Le directeur m'a dit de vous écrire.\nMerci de répondre."),  # noqa: E501
        ("Ce message est pour vous dire bonjour.", "Ce message est pour vous dire bonjour."),
    ],
)  # fmt: skip
def test_own_words_are_what_the_writer_wrote(text: str, expected: str) -> None:
    assert own_words(text) == expected
