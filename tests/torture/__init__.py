"""What mailwatch must survive: kills at any moment, sick mail servers, a sick machine. `make torture` plays all of it.

    python -m torture [--kills N] [--database sqlite|postgres] [--only WORDS]

kills    services killed under load, started again and again; then mailboxes, database and what left are compared
trials   one named fault after another, on the machine (trials.machine) and on the network (trials.imap, trials.smtp)

What was seen stands in docs/reliability.md.
"""
