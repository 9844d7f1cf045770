"""A believable software vendor that runs as its own process: `python -m publishers.demo --help`.

It is somebody else's company: it imports nothing of the hub and speaks to it over HTTP only, so it doubles as a second,
independent implementation of the wire protocol, seen from the publisher's side:

* `orders` and `personalities` - what an order is here and how each vendor works through it; pure.
* `config`, `store` - who we are (the hub's demo.json, read when it changes) and what we remember (SQLite).
* `hub` - the calls we make: token, resolve, activate, our word on a change, the hub's signing keys.
* `api`, `guard` - our own fulfilment status for hubs that poll, and who may ask for it.
* `site`, `pages` - the landing page and the order page a person works on.
* `notices` - what the hub's webhook tells us, and the word we give on it.
* `desk` - brings an order up to date and confirms it, whichever door asked for that.
"""
