"""Absence notices sent by Dovecot, Cyrus and the like: Sieve scripts (RFC 5228), over ManageSieve (RFC 5804)."""
