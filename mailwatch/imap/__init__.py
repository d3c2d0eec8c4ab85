"""Mailboxes over IMAP (RFC 3501, RFC 2177), read-only: EXAMINE and BODY.PEEK are the only ways in.

watcher  one light task per mailbox: look, idle or poll, look again
gates    what bounds it: connections, logins at once, pauses after failures
session  one connection as the services see it; its blocking commands run in a thread of the pool
inspection  what `check` asks of an account

connection, commands, folders, idling, failures: IMAPClient and its ways, which nothing above them knows
"""
