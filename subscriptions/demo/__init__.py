"""The demo's world: invented people, publishers, customers and what they bought, in plain rows."""
