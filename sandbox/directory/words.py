"""The vocabulary of the world. Names are syllables put together by rule, so that none is a real person's."""

import random

_GIVEN = (("Zor", "Kel", "Tash", "Vim", "Bru", "Nol", "Quin", "Fep", "Hul", "Wex"), ("vi", "mun", "rel", "do", "zka"))
_FAMILY = (
    ("Vosti", "Quando", "Brelu", "Tarmo", "Zelki", "Pondra", "Fimbo", "Gorva", "Hespi", "Wumla", "Drosti", "Klavo"),
    ("mark", "threx", "zund", "pell", "gosh", "wick", "drum", "tzen", "flor", "bask"),
)
_BRAND = (
    ("Brel", "Zum", "Vex", "Tork", "Quil", "Farn", "Glyp", "Hod", "Wub", "Plinx", "Drav", "Skor", "Nim", "Jaxt", "Ooz"),
    ("a", "o", "i", "u", "e"),
    ("vox", "lume", "dyne", "tron", "fab", "grid", "nest", "spark", "works", "loom", "peak", "forge"),
)
KINDS = ("Systems", "Labs", "Group", "Partners", "Logistics", "Foods", "Health", "Energy", "Media", "Software")

INDUSTRIES = (
    "Computer Software", "Information Technology", "Financial Services", "Hospital & Health Care", "Biotechnology",
    "Logistics & Supply Chain", "Renewables & Environment", "Food & Beverages", "Marketing & Advertising",
    "Construction", "Education Management", "Automotive", "Retail", "Insurance", "Telecommunications",
)  # fmt: skip
PLACES = (
    ("Austin", "Texas", "United States"), ("Denver", "Colorado", "United States"),
    ("Boston", "Massachusetts", "United States"), ("Seattle", "Washington", "United States"),
    ("Toronto", "Ontario", "Canada"), ("Vancouver", "British Columbia", "Canada"),
    ("London", "England", "United Kingdom"), ("Manchester", "England", "United Kingdom"),
    ("Berlin", "Berlin", "Germany"), ("Munich", "Bavaria", "Germany"), ("Vienna", "Vienna", "Austria"),
    ("Zurich", "Zurich", "Switzerland"), ("Paris", "Île-de-France", "France"), ("Lyon", "Rhône-Alpes", "France"),
    ("Madrid", "Madrid", "Spain"), ("Milan", "Lombardy", "Italy"), ("Sydney", "New South Wales", "Australia"),
    ("Singapore", "Singapore", "Singapore"),
)  # fmt: skip
# Upper bounds of headcount, and what goes with it.
SIZES = (
    (10, "1-10", "$0-$1M"), (50, "11-50", "$1M-$10M"), (200, "51-200", "$10M-$25M"), (500, "201-500", "$25M-$50M"),
    (1_000, "501-1000", "$50M-$100M"), (5_000, "1001-5000", "$100M-$500M"), (10_000, "5001-10000", "$500M-$1B"),
)  # fmt: skip
FUNDING = (
    (None, 0), ("Pre-Seed", 500_000), ("Seed", 3_000_000), ("Series A", 15_000_000), ("Series B", 45_000_000),
    ("Series C", 110_000_000), ("Private Equity", 250_000_000), ("IPO", 400_000_000),
)  # fmt: skip
TECHNOLOGIES = (
    "AWS", "Azure", "Google Cloud", "Cloudflare", "HubSpot", "Salesforce", "Marketo", "Snowflake", "PostgreSQL",
    "Python", "React", "Kubernetes", "Stripe", "Segment", "Zendesk", "Slack",
)  # fmt: skip
DEPARTMENTS = ("Sales", "Marketing", "Engineering", "Finance", "Human Resources", "Operations", "Product", "Support")
# Seniority, level of management and the form of the title, with how many there are.
LEVELS = (
    ("entry", "individual contributor", "{} Associate", 30),
    ("senior", "individual contributor", "Senior {} Specialist", 28),
    ("manager", "manager", "{} Manager", 20), ("director", "director", "Director of {}", 12),
    ("vp", "executive", "VP of {}", 6), ("c_suite", "executive", "Chief {} Officer", 4),
)  # fmt: skip


def given_name(rng: random.Random) -> str:
    """Return a given name of two syllables."""
    return _put_together(rng, _GIVEN)


def family_name(rng: random.Random) -> str:
    """Return a family name of two parts."""
    return _put_together(rng, _FAMILY)


def brand(rng: random.Random) -> str:
    """Return the name of a company without its kind."""
    return _put_together(rng, _BRAND)


def _put_together(rng: random.Random, parts: tuple[tuple[str, ...], ...]) -> str:
    return "".join(rng.choice(part) for part in parts)
