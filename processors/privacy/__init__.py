"""Where values stand that point at a person: e-mail, phone, IP address, IBAN, card, national id.

    scan.py        bytes of a batch in, spans and counts out: one walk, compiled
    number.py      what a number is, by all that follows
    marks.py       what stands around a value, and the groups of digits that a number is written in
    cues.py        words before a number that say what it is
    email.py address.py iban.py card.py phone.py national.py letters.py     a kind each
    checks.py      check digits

Everything is linear in the text: a value has at most some sixty bytes, and each byte is looked at by a bounded number
of candidates. Nothing here reads further back than the value before, so a value that is replaced by a mask takes
nothing from its neighbours and gives them nothing.
"""
