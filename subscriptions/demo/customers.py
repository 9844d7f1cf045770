"""The demo's customers and indirect resellers. All of them are invented."""

from customers.services.customers import CustomerProfile

# PartnerID, name, country, whether the partner agreement is signed
RESELLERS: list[tuple[str, str, str, bool]] = [
    ("4455661", "Nordlicht IT-Systemhaus GmbH", "DE", True),
    ("5566772", "Bałtyk Cloud sp. z o.o.", "PL", True),
    ("6677883", "Sunbelt Systems LLC", "US", False),
]
NORDLICHT, BALTYK = RESELLERS[0][0], RESELLERS[1][0]


def _customer(
    name: str,
    domain: str,
    where: tuple[str, str, str, str, str],
    billing: tuple[str, str],
    beneficiary: str,
    vat_id: str = "",
    region: str = "",
) -> CustomerProfile:
    country, currency, address_line, postal_code, city = where
    return CustomerProfile(
        name=name,
        domain=domain,
        country=country,
        currency=currency,
        language="pl" if country == "PL" else "en",
        vat_id=vat_id,
        billing_first_name=billing[0],
        billing_last_name=billing[1],
        billing_email=f"billing@{domain}",
        address_line=address_line,
        postal_code=postal_code,
        city=city,
        region=region,
        beneficiary_name=beneficiary,
        beneficiary_email=f"it@{domain}",
    )


# Each with the PartnerID of the reseller it came through, if one. The first one can buy everything.
CUSTOMERS: list[tuple[CustomerProfile, str]] = [
    (
        _customer(
            "Bergkristall Optik GmbH",
            "bergkristall.example",
            ("DE", "EUR", "Lindenallee 14", "07743", "Jena"),
            ("Käthe", "Großmann"),
            "Jürgen Weiß",
            "DE811999005",
        ),
        "",
    ),
    (
        _customer(
            "Müller & Söhne Logistik AG",
            "mueller-soehne.example",
            ("DE", "EUR", "Speicherstraße 3", "20457", "Hamburg"),
            ("Björn", "Müller"),
            "Anke Schröder",
            "DE811999013",
        ),
        NORDLICHT,
    ),
    (
        _customer(
            "Straßenbau Köster KG",
            "koester-bau.example",
            ("DE", "EUR", "Am Güterbahnhof 8", "44137", "Dortmund"),
            ("Günter", "Köster"),
            "Silke Jäger",
        ),
        NORDLICHT,
    ),
    (
        _customer(
            "Alpenglühn Hotels GmbH",
            "alpengluehn.example",
            ("AT", "EUR", "Höhenweg 21", "6020", "Innsbruck"),
            ("Theresa", "Hölzl"),
            "Lukas Brändle",
            "ATU11999006",
        ),
        "",
    ),
    (
        _customer(
            "Pâtisserie Éclair SARL",
            "eclair.example",
            ("FR", "EUR", "12 rue des Frères", "67000", "Strasbourg"),
            ("Chloé", "Lefèvre"),
            "Étienne Noël",
        ),
        "",
    ),
    (
        _customer(
            "Żółta Łódź Stocznia S.A.",
            "zolta-lodz.example",
            ("PL", "PLN", "ul. Nabrzeżna 5", "80-001", "Gdańsk"),
            ("Małgorzata", "Świątek"),
            "Łukasz Jóźwiak",
            "PL1199900044",
        ),
        BALTYK,
    ),
    (
        _customer(
            "Piekarnia Pod Dębem sp. z o.o.",
            "pod-debem.example",
            ("PL", "PLN", "ul. Dębowa 17", "30-002", "Kraków"),
            ("Grażyna", "Dąbrowska"),
            "Zbigniew Krawczyk",
        ),
        BALTYK,
    ),
    (
        _customer(
            "Śląskie Zakłady Precyzyjne S.A.",
            "szp.example",
            ("PL", "PLN", "ul. Hutnicza 40", "40-003", "Katowice"),
            ("Paweł", "Ślązak"),
            "Agnieszka Gawrońska",
            "PL1199900067",
        ),
        "",
    ),
    (
        _customer(
            "Kancelaria Wróbel i Wspólnicy",
            "kancelaria-wrobel.example",
            ("PL", "PLN", "pl. Wolności 2", "61-004", "Poznań"),
            ("Jadwiga", "Wróbel"),
            "Michał Kędzierski",
        ),
        "",
    ),
    (
        _customer(
            "Blue Mesa Outfitters, Inc.",
            "bluemesa.example",
            ("US", "USD", "410 Canyon Road", "87501", "Santa Fe"),
            ("Dolores", "Peña"),
            "Tyler Brooks",
            region="NM",
        ),
        "",
    ),
    (
        _customer(
            "Harbor & Pine Architects LLC",
            "harborpine.example",
            ("US", "USD", "77 Wharf Street", "04101", "Portland"),
            ("Renée", "O'Connell"),
            "Samuel Ortiz",
            region="ME",
        ),
        "",
    ),
    (
        _customer(
            "Prairie Dental Group",
            "prairiedental.example",
            ("US", "USD", "1200 Meadow Avenue", "68102", "Omaha"),
            ("Grace", "Lindström"),
            "Noah Nguyen",
            region="NE",
        ),
        "",
    ),
]
