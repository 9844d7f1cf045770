"""The regimes of cancelling and reducing that marketplaces have had, as data: values by term, blank for any term."""

from collections.abc import Mapping

PACKS: dict[str, Mapping[str, Mapping[str, str]]] = {
    # Monthly 24 hours, longer terms 14 days; later the cancellation waits for the end of the term (rule 47).
    "24h-14d": {
        "": {
            "cancel_within": "P14D",
            "reduce_within": "P14D",
            "cancel_after_window": "at_term_end",
            "multi_year_locked": "yes",
        },
        "P1M": {"cancel_within": "PT24H", "reduce_within": "PT24H"},
    },
    # The marketplace today: 72 hours, then only when the publisher agrees (rules 45, 46, 48).
    "72h": {
        "": {
            "cancel_within": "P3D",
            "reduce_within": "P7D",
            "cancel_after_window": "by_agreement",
            "multi_year_locked": "yes",
        }
    },
    # As licences of the platform's own: 7 days for cancelling and for reducing, then locked into the term (rule 39).
    "7d": {
        "": {
            "cancel_within": "P7D",
            "reduce_within": "P7D",
            "cancel_after_window": "at_term_end",
            "multi_year_locked": "yes",
        }
    },
}
