"""The words of thanks in French and English, and those that may stand beside them: lower case, without accents.

They are few on purpose. A word that isn't here makes a message more than thanks, so each one must be harmless wherever
it stands; what is harmless only in its phrase is one of the phrases.
"""

import re

# fmt: off
THANKS = frozenset(
    """
    merci mercis remercie remercions remercier remerciement remerciements reconnaissant reconnaissante reconnaissants
    reconnaissance gratitude thanks thank thx thanx tks tnx ty grateful thankful
    apprecie appreciee apprecies appreciees apprecions appreciate appreciated
    """.split()  # noqa: SIM905  (as a list of strings it would be nothing to read; so are those below)
)
# What one says of a good answer.
PRAISE = frozenset(
    """
    apprecie appreciee apprecies appreciees apprecions parfait parfaite parfaitement excellent excellente super genial
    geniale formidable formidables fantastique merveilleux merveilleuse note notee notes recu recue recus recues compris
    entendu clair claire clairs regle reglee resolu resolue fonctionne marche utile utiles precieux precieuse precieuses
    rapide rapides rapidement prompt prompte vite efficace efficaces gentil gentille gentils aimable aimables sympa
    ravi ravie content contente contents heureux heureuse bravo chapeau impeccable nickel tiguidou
    appreciate appreciated perfect perfectly great awesome wonderful amazing fantastic brilliant noted received got
    understood clear solved resolved fixed works worked working helpful helps helped useful quick quickly fast
    promptly timely thorough thoughtful kind generous lovely happy glad pleased relieved
    """.split()  # noqa: SIM905
)
COURTESY = frozenset(
    """
    je j vous tu te t on nous me m moi a le la les l un une de d du des et en au aux pour c ce cet cette ces cela ca est
    ete ai avez avons avoir suis sommes es sont tres tellement tant beaucoup bien bon bonne bons bonnes infiniment
    enormement sincerement chaleureusement encore fois mille million millions grand grande gros immense beau belle
    votre vos ton tes mes mon ma y il avec que qu aussi accord ok okay oki oh ah wow bonjour bonsoir allo salut coucou
    cher chere madame monsieur mme mlle mesdames messieurs equipe egalement pareillement cordialement salutations
    respectueusement amicalement tiens tenais voulais tenions voulions tenons simplement vraiment
    i we you your our us my to of the an and so very much many again lot lots it it's this that that's was were been
    have has had i'm we're i've we've am are is be you're team everyone everybody mr mrs ms miss sir madam dr dear hi
    hello hey cheers regards best warm warmest kindest yours too well indeed extremely incredibly absolutely really
    truly sincerely deeply greatly just nice good fine cool with for as
    """.split()  # noqa: SIM905
)
# What one thanks for: harmless after thanks or beside praise only ("Une confirmation, merci" asks for one).
THINGS = frozenset(
    """
    reponse reponses aide information informations info infos renseignement renseignements suivi retour courriel
    courriels message messages mail mails email emails confirmation disponibilite temps patience soutien appui
    collaboration precision precisions explication explications formulaire formulaires lien liens document documents
    documentation attention gentillesse rapidite diligence efficacite professionnalisme comprehension service services
    accueil travail conseil conseils details detail clarification clarifications rappel coup main engagement devouement
    generosite bonte amabilite celerite promptitude effort efforts demarches partage ecoute bienveillance
    tout toute toutes tous repondu aidee aides informe informee informes renseigne renseignee renseignes eclaire
    eclairee rassure rassuree confirme envoye transmis fourni explique pris accompagne accueilli
    reply replies response responses answer answers help assistance update updates e time support explanation form
    forms link links kindness advice guidance understanding follow followup up work hard consideration cooperation
    everything all answering replying responding helping confirming clarifying explaining sharing sending providing
    assisting turnaround heads speed clarity courtesy professionalism
    """.split()  # noqa: SIM905
)
# What joins thanks to the thing: "Thanks, form" isn't "Thanks for the form".
LINKS = frozenset("pour de d du des votre vos cette ces for of your this that".split())  # noqa: SIM905
# fmt: on

_WISHED = (
    r"(?:journee|matinee|apres-midi|soiree|fin de (?:journee|semaine)|semaine|week-?end|rentree|fin d'annee|annee|ete"
    r"|conges?|vacances|fetes|day|morning|afternoon|evening|night|week|weekend|summer|holidays?|one|year)"
)
_WISHING = (
    r"(?:bonnes?|belles?|bel|beau|excellentes?|agreables?|joyeuses?|tres|good|great|nice|wonderful|lovely|fantastic"
    r"|happy|pleasant|super)"
)
_FOR_WHOM = r"(?: (?:a vous(?: aussi)?|a toute l'equipe|to you(?: too| as well)?|egalement|ahead|aussi))?"
_QUESTIONS = r"(?:mes|nos|ma|notre) (?:questions?|courriels?|demandes?|messages?)"

# Harmless as a whole, though not word by word.
PHRASES = re.compile(
    r"\b(?:"
    + "|".join(
        (
            rf"(?:have an? |enjoy |passez une? |passe une? |je vous souhaite une? |et |and )?(?:{_WISHING} )+{_WISHED}"
            + _FOR_WHOM,
            r"(?:enjoy )?(?:the )?rest of (?:the|your) day",
            r"(?:pas de|aucun|sans) (?:probleme|souci)s?|no (?:problems?|worries)",
            r"(?:je n'ai )?(?:plus de|aucune autre|pas d'autres?) questions?|no (?:further|more|other) questions",
            r"d'avoir pris le temps(?: de (?:m[e'] ?|nous )?(?:repondre|aider|ecrire))?",
            rf"(?:d'avoir |avoir )?repondu (?:(?:si |aussi )?vite |rapidement )?a (?:toutes )?{_QUESTIONS}",
            r"for answering (?:all )?(?:of )?(?:my|our) questions?",
            r"for taking the time(?: to (?:answer|reply|respond|help|write)(?: me| us)?)?",
            r"for (?:letting (?:me|us) know|getting back to (?:me|us)(?: so (?:quickly|fast|soon))?)",
            r"for (?:all (?:that )?you do|clearing (?:this|that|it) up|sorting (?:this|that|it) out)",
            r"(?:(?:this|that|it)(?:'s| is| was)? )?(?:exactly |just |all )?what (?:i|we) needed",
            r"(?:that's|that is) all (?:i|we) need(?:ed)?",
            r"c'est (?:tout a fait |exactement )?ce (?:que je cherchais|qu'il me fallait)",
            r"good to know|will do|keep up the good work|you(?:'re| are) the best|you made my day|all (?:good|set)",
            r"(?:je suis |nous sommes )?desolee?s? (?:pour le derangement|de vous avoir derangee?s?)",
            r"sorry for the (?:inconvenience|bother|trouble|confusion)",
            r"(?:tout )?est (?:maintenant )?(?:regle|clair|parfait|beau|en ordre)(?: maintenant)?",
            r"tout est (?:bon|beau)",
            r"(?:fonctionne|marche|regle|clair|works?|working|clear|solved|fixed|fine) (?:maintenant|now)",
            r"quelle (?:efficacite|rapidite|gentillesse)|on ne peut plus (?:clair|rapide)",
            r"quand meme|anyway|si (?:vite|rapidement)|de (?:ma|notre) part|de tout (?:mon |notre )?coeur",
            r"du fond du coeur|from the bottom of my heart|thank(?:s| you) all|a million",
            r"a bientot|a la prochaine|see you soon|take care|au revoir|bye",
        )
    )
    + r")(?![\w'])"
)

# A question whose mark was forgotten; thanks for what is still to come.
ASKING = re.compile(
    r"^(?:is|are|was|were|am|est|es|avez|as|ai|sont|have (?:you|we|i)|has)\b"
    r"|\b(?:vous avez|tu as|you(?: have|'ve)?) (?:bien |already )?(?:recu|received|got|note)\b"
    r"|\bappreci\w+ (?:an?|une?)\b|(?:\bpour |\bd'|\bfor )(?:an?|une?)\b"
)

# What begins with a capital after "Thanks," and is nobody's name.
NO_NAMES = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september
    october november december today tomorrow yes no please but however one when what where how who why which can could
    would will is are do does did also another just still not urgent call send both none morning afternoon evening now
    lundi mardi mercredi jeudi vendredi samedi dimanche janvier fevrier mars avril mai juin juillet aout septembre
    octobre novembre decembre demain aujourd'hui oui non mais svp quand comment ou pourquoi combien est peut pouvez
    aucun aucune rappelez appelez envoyez annulez annulation confirmez repondez attendez cancel confirm reply wait stop
    help aide urgence transport bus autobus matin midi soir question questions suivi rappel maintenant
    """.split()  # noqa: SIM905
)
