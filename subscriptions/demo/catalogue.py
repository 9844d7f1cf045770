"""The demo's publishers, as `register_publisher` files. An offer id's word after `--` is how its vendor behaves."""

from typing import Any

# slug, name, adapter, offers
Row = tuple[str, str, str, list[dict[str, Any]]]
# By slug: so that a licence changed by hand at the vendor is seen while one looks on.
_POLICIES = {"northwind-sign": {"drift_check_every": "PT1M"}}


def document(row: Row, site: str) -> dict[str, Any]:
    """The file that registers one publisher, whose pages are served under `site` (a URL without a trailing slash)."""
    slug, name, adapter, offers = row
    home = f"{site}/{slug}"
    return {
        "name": name,
        "adapter": adapter,
        "fulfillment_base_url": home,
        "landing_url": f"{home}/landing",
        "webhook_url": f"{home}/webhook",
        "policies": _POLICIES.get(slug, {}),
        "offers": offers,
    }


def _offer(offer_id: str, title: str, description: str, *plans: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"offer_id": offer_id, "title": title, "description": description, "plans": list(plans), **more}


def _seats(plan_id: str, title: str, lowest: int, highest: int, *terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    limits = {"min_quantity": lowest, "max_quantity": highest}
    return {"plan_id": plan_id, "title": title, "pricing": "per_user", **limits, "terms": list(terms), **more}


def _flat(plan_id: str, title: str, *terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    limits = {"min_quantity": 1, "max_quantity": 1}
    return {"plan_id": plan_id, "title": title, "pricing": "flat_rate", **limits, "terms": list(terms), **more}


def _term(term: str, billing_cycle: str, eur: str, pln: str, usd: str) -> dict[str, Any]:
    return {"term": term, "billing_cycle": billing_cycle, "prices": {"EUR": eur, "PLN": pln, "USD": usd}}


def _question(key: str, kind: str, label: str, polish: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "label": label, "labels": {"pl": polish}, **more}


_DOMAIN = _question("domain", "domain", "Domain of your company", "Domena firmy", required=True)
_OWNER = _question("owner", "email", "E-mail of the administrator", "E-mail administratora", required=True)
_START = _question("start", "date", "When do you want to start?", "Od kiedy chcą Państwo zacząć?")
_REGION = _question(
    "region",
    "choice",
    "Where the documents are kept",
    "Gdzie przechowywać dokumenty",
    required=True,
    choices=["Frankfurt", "Warszawa", "Paris"],
)
_SEALS = _question("seals", "number", "How many people will seal?", "Ile osób będzie pieczętować?")

NORTHWIND: Row = (
    "northwind-sign",
    "Northwind Sign",
    "saas_v2_poll",
    [
        _offer(
            "esign",
            "Northwind eSign",
            "Electronic signatures for contracts, with an audit trail and templates in nine languages.",
            _seats(
                "team",
                "Team",
                1,
                300,
                _term("P1M", "monthly", "10.08", "43.20", "11.40"),
                _term("P1Y", "monthly", "8.40", "36.00", "9.50"),
                _term("P1Y", "annual", "96.00", "412.00", "108.00"),
                description="Unlimited signatures for up to 300 people.",
                setup_questions=[_DOMAIN, _OWNER, _REGION, _START],
            ),
            _seats(
                "business",
                "Business",
                5,
                2000,
                _term("P1Y", "annual", "168.00", "722.00", "189.00"),
                _term("P3Y", "annual", "144.00", "619.00", "162.00"),
                _term("P3Y", "one_time", "403.20", "1733.00", "453.60"),
                description="Adds approval chains, bulk sending and the archive connector.",
            ),
        ),
        _offer(
            "esign-express--prompt",
            "Northwind eSign Express",
            "Signatures without a set-up: licences are assigned the moment the link is opened.",
            _seats(
                "starter",
                "Starter",
                1,
                50,
                _term("P1M", "monthly", "5.90", "25.40", "6.70"),
                _term("P1Y", "annual", "56.40", "243.00", "63.60"),
            ),
            _seats(
                "trial",
                "Starter with a 30-day trial",
                1,
                25,
                _term("P1Y", "annual", "56.40", "243.00", "63.60"),
                trial_days=30,
            ),
        ),
        _offer(
            "archive--slow",
            "Northwind Archive",
            "Ten years of tamper-proof storage for signed documents. The vault is built for you, which takes a while.",
            _flat(
                "vault-1tb",
                "1 TB vault",
                _term("P1Y", "annual", "1188.00", "5100.00", "1336.00"),
                _term("P3Y", "one_time", "2994.00", "12870.00", "3368.00"),
            ),
            countries=["AT", "CZ", "DE", "FR", "PL"],
        ),
        _offer(
            "contracts--partial",
            "Northwind Contracts",
            "Contract management with reminders. Licences are assigned in waves, as people are trained.",
            _seats(
                "standard",
                "Standard",
                1,
                500,
                _term("P1M", "monthly", "14.90", "64.00", "16.80"),
                _term("P1Y", "annual", "149.00", "640.00", "168.00"),
            ),
        ),
        _offer(
            "seal--asks",
            "Northwind Seal",
            "One qualified electronic seal per company. The vendor asks for the VAT number before issuing it.",
            _flat(
                "qualified",
                "Qualified seal",
                _term("P1Y", "annual", "390.00", "1680.00", "439.00"),
                setup_questions=[_DOMAIN, _SEALS],
            ),
            one_per_customer=True,
        ),
        _offer(
            "forms--refuses-changes",
            "Northwind Forms",
            "Forms that end in a signature. Ready at once; its vendor turns every later change down.",
            _seats("standard", "Standard", 1, 200, _term("P1M", "monthly", "5.00", "21.50", "5.70")),
        ),
        _offer(
            "scan--late-changes",
            "Northwind Scan",
            "Paper made searchable. Ready at once; a change shows a few seconds after its vendor calls it done.",
            _seats("standard", "Standard", 1, 200, _term("P1M", "monthly", "4.00", "17.20", "4.60")),
        ),
    ],
)

CONTOSO: Row = (
    "contoso-desk",
    "Contoso Desk",
    "saas_v2_push",
    [
        _offer(
            "helpdesk",
            "Contoso Helpdesk",
            "Tickets, a customer portal and a knowledge base for support teams.",
            _seats(
                "professional",
                "Professional",
                1,
                1000,
                _term("P1M", "monthly", "24.00", "103.00", "27.00"),
                _term("P1Y", "monthly", "19.90", "85.50", "22.40"),
                _term("P1Y", "annual", "228.00", "980.00", "257.00"),
                policies={"billing_frequency_change": "now"},
            ),
            _seats(
                "enterprise",
                "Enterprise",
                25,
                10000,
                _term("P1Y", "annual", "420.00", "1806.00", "473.00"),
                _term("P3Y", "annual", "372.00", "1600.00", "419.00"),
                description="Service levels, sandboxes and single sign-on.",
                policies={
                    "cancel_after_window": "by_agreement",
                    "cancel_steps": [
                        "Export the tickets and hand them to the customer.",
                        "Close the sandboxes in Contoso's administration.",
                    ],
                },
            ),
        ),
        _offer(
            "helpdesk-lite--prompt",
            "Contoso Helpdesk Lite",
            "A shared inbox for small teams, ready at once.",
            _seats(
                "lite",
                "Lite",
                1,
                10,
                _term("P1M", "monthly", "6.00", "25.80", "6.80"),
                _term("P1Y", "annual", "60.00", "258.00", "68.00"),
            ),
            _seats(
                "plus",
                "Lite Plus",
                1,
                50,
                _term("P1M", "monthly", "9.00", "38.70", "10.20"),
                _term("P1Y", "annual", "90.00", "387.00", "102.00"),
                description="For up to 50 people, with canned answers.",
            ),
        ),
        _offer(
            "voice--silent-changes",
            "Contoso Voice",
            "Calls inside the help desk. Ready at once; its vendor neither agrees nor objects to a change.",
            _seats("standard", "Standard", 1, 500, _term("P1M", "monthly", "8.00", "34.40", "9.10")),
        ),
        _offer(
            "rota--silent-changes",
            "Contoso Rota",
            "Shift plans for support teams. Ready at once; its vendor decides on changes by hand, which takes days.",
            _seats("standard", "Standard", 1, 500, _term("P1M", "monthly", "4.20", "18.10", "4.80")),
            policies={"silence_means": "wait", "change_waits": "P5D"},
        ),
        _offer(
            "survey--refuses-changes",
            "Contoso Survey",
            "Asks customers how it went. Ready at once; its vendor turns every later change down.",
            _seats("standard", "Standard", 1, 200, _term("P1M", "monthly", "3.50", "15.10", "4.00")),
        ),
        _offer(
            "routing--refuses-later",
            "Contoso Routing",
            "Finds the right person. Ready at once; its vendor takes a change up and then turns it down.",
            _seats("standard", "Standard", 1, 200, _term("P1M", "monthly", "6.50", "27.90", "7.40")),
        ),
    ],
)

TAILSPIN: Row = (
    "tailspin-cloud",
    "Tailspin Cloud",
    "both",
    [
        _offer(
            "backup",
            "Tailspin Backup",
            "Daily backups of mailboxes and files, restored by anybody in two clicks.",
            _seats(
                "per-seat",
                "Per mailbox",
                1,
                5000,
                _term("P1M", "monthly", "3.20", "13.80", "3.60"),
                _term("P1Y", "annual", "34.80", "150.00", "39.60"),
            ),
            _flat(
                "server",
                "Server",
                _term("P1M", "monthly", "49.00", "211.00", "55.00"),
                _term("P3Y", "one_time", "1470.00", "6320.00", "1655.00"),
                description="One file server of any size.",
            ),
            policies={"cancel_after_window": "by_agreement"},
        ),
        _offer(
            "mailguard--prompt",
            "Tailspin Mailguard",
            "Filters phishing before it reaches anybody.",
            _seats(
                "standard",
                "Standard",
                5,
                5000,
                _term("P1M", "monthly", "1.95", "8.40", "2.20"),
                _term("P1Y", "annual", "21.00", "90.00", "24.00"),
            ),
        ),
    ],
)

FABRIKAM: Row = (
    "fabrikam-chaos",
    "Fabrikam Chaos",
    "saas_v2_poll",
    [
        _offer(
            "vault--refuses",
            "Fabrikam Vault",
            "A password vault whose vendor turns orders down.",
            _seats(
                "team",
                "Team",
                1,
                200,
                _term("P1M", "monthly", "4.50", "19.40", "5.10"),
                _term("P1Y", "annual", "48.00", "206.00", "54.00"),
            ),
        ),
        _offer(
            "meter--error500",
            "Fabrikam Meter",
            "Usage reports from a vendor whose servers answer with errors.",
            _flat("site", "One site", _term("P1M", "monthly", "29.00", "125.00", "33.00")),
        ),
        _offer(
            "chat--garbage",
            "Fabrikam Chat",
            "Team chat from a vendor whose answers cannot be read.",
            _seats("standard", "Standard", 1, 500, _term("P1M", "monthly", "3.00", "12.90", "3.40")),
        ),
        _offer(
            "radar--silent",
            "Fabrikam Radar",
            "Network monitoring from a vendor who never answers.",
            _seats("probe", "Probe", 1, 100, _term("P1Y", "annual", "79.00", "340.00", "89.00")),
        ),
    ],
)


def _tried(offer_id: str, title: str, description: str) -> dict[str, Any]:
    """An offer of a vendor that tries what a hub can bear."""
    return _offer(
        offer_id,
        title,
        description,
        _seats("standard", "Standard", 1, 200, _term("P1M", "monthly", "2.00", "8.60", "2.30")),
    )


LITWARE: Row = (
    "litware-trials",
    "Litware Trials",
    "saas_v2_poll",
    [
        _tried("gauge--drips", "Litware Gauge", "Sensors on a map, from a vendor whose answers come a byte a second."),
        _tried(
            "relay--redirects", "Litware Relay", "Mail relays, from a vendor who sends callers to private addresses."
        ),
        _tried("surge--throttles", "Litware Surge", "Load tests, from a vendor who has too much to do at first."),
        _tried("babel--wrong-words", "Litware Babel", "Translations, from a vendor who speaks another dialect."),
        _tried("replay--reorders", "Litware Replay", "Recordings, from a vendor whose answers are one question old."),
        _tried(
            "clock--too-late", "Litware Clock", "Time sheets, from a vendor who answers when nobody listens any more."
        ),
    ],
)

PROSEWARE: Row = (
    "proseware-trials",
    "Proseware Trials",
    "saas_v2_push",
    [
        _tried(
            "brink--refuses-at-the-last-moment",
            "Proseware Brink",
            "Deadlines, from a vendor who refuses a change when its time is all but over.",
        ),
        _tried("tardy--too-late", "Proseware Tardy", "Reminders, from a vendor who refuses when the time is over."),
        _tried("echo--duplicates", "Proseware Echo", "Announcements, from a vendor who makes every call five times."),
        _tried("shuffle--reorders", "Proseware Shuffle", "Rosters, from a vendor who decides before it answers."),
        _tried("argot--wrong-words", "Proseware Argot", "Glossaries, from a vendor who says yes in words of its own."),
        _tried("mask--forges", "Proseware Mask", "Screening, from a vendor who signs its tokens itself."),
        _tried("detour--redirects", "Proseware Detour", "Routes, from a vendor whose webhook is always elsewhere."),
    ],
)

PUBLISHERS: list[Row] = [NORTHWIND, CONTOSO, TAILSPIN, FABRIKAM, LITWARE, PROSEWARE]
