"""Made-up buyers, the same in the same order each time. Their addresses are of domains that belong to nobody."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys. A name may be empty."""

    email: str
    first_name: str = ""
    last_name: str = ""

    @property
    def name(self) -> str:
        """The whole name; the e-mail where there is none."""
        return f"{self.first_name} {self.last_name}".strip() or self.email

    def plain(self) -> dict[str, str]:
        """As a checkout writes them, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class People:
    """All the people that can be made from these names."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    domains: tuple[str, ...] = ("example.com", "example.org", "example.net")

    def buyer(self, number: int) -> Buyer:
        """The one with this number, from 0 on. No two numbers have the same e-mail."""
        first, last = self.first[number % len(self.first)], self.last[number % len(self.last)]
        rounds = number // (len(self.first) * len(self.last))
        plain = f"{first}.{last}{rounds + 1 if rounds else ''}".lower().replace(" ", "")
        return Buyer(f"{plain}@{self.domains[number % len(self.domains)]}", first, last)


PEOPLE = People(
    ("Ines", "Emil", "Priya", "Tomás", "Lena", "Kofi", "Maren", "Yuki", "Hugo", "Salma", "Noah", "Freja", "Marco"),
    ("Moreau", "Lindqvist", "Nair", "Ortega", "Vogel", "Mensah", "Okafor", "Tanaka", "Brandt", "Haddad", "Keller"),
)
