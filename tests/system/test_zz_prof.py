import system.test_answers as t, system.service as sv
from system import town as tw
sv.eventually.__defaults__ = (10.0,)
o=t.a_watched_mailbox
t.a_watched_mailbox=lambda *a, more="", **k: o(*a, more=more+("observe_copies = false\n" if more else ""), **k)
t.ALERTS=t.ALERTS.replace('smtp = "secours"\n','')
from system.test_answers import *
