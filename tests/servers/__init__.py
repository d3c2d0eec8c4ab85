"""Real mail servers as fixtures: each in a temporary folder, on 127.0.0.1, on free ports. They need root.

with Dovecot(users=["marie@example.test"], password="pw") as dovecot, Postfix(dovecot) as postfix:
    dovecot.deliver("marie@example.test", b"Subject: ...")
"""
