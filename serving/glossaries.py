"""The glossaries that a translation can ask for, and the matchers of their terms.

    glossaries = Glossaries({"machinery": glossary})
    glossaries.matcher("machinery", "en", "de").find("Is the pump in stock?")

What is here never changes, so whoever holds it reads the same terms from the beginning of a request to its end.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.glossary import Glossary, Term
from data.terms import TermMatcher, Wanted
from serving.errors import Detail, NotFoundError

PIVOT = "en"  # the language between two that no model joins
NO_TERMS = TermMatcher(())


class Glossaries:
    """The glossaries by industry.

    Args:
        by_industry: the glossaries.
        former: others, whose matchers are used again where the version is the same.

    Attributes:
        industries: their names, sorted.
    """

    def __init__(self, by_industry: Mapping[str, Glossary], former: Glossaries | None = None) -> None:
        self._by_industry = dict(by_industry)
        self.industries = tuple(sorted(self._by_industry))
        versions = {glossary.version for glossary in self._by_industry.values()} if former else set()
        built = dict(former._matchers) if former else {}  # a copy: other threads may be building more
        self._matchers: dict[tuple[str, str, str], TermMatcher]
        self._matchers = {key: matcher for key, matcher in built.items() if key[0] in versions}  # (version, source, target)

    def over(self, own: Glossaries, former: Glossaries) -> Glossaries:
        """These in the place of `own` of the same industries, the others of `own` as they are; `former` as for a new one."""
        return Glossaries({**own._by_industry, **self._by_industry}, former)

    def find(self, industry: str) -> Glossary | None:
        """The glossary of an industry, if it has one."""
        return self._by_industry.get(industry)

    def get(self, industry: str) -> Glossary:
        """The glossary of an industry.

        Raises:
            NotFoundError: it has none.
        """
        if industry not in self._by_industry:
            problem = f"no glossary for industry {industry!r}; there are: {', '.join(self.industries)}"
            raise NotFoundError(problem, [Detail("industry", problem)])
        return self._by_industry[industry]

    def matcher(self, industry: str | None, source: str, target: str) -> TermMatcher:
        """What finds the terms of an industry that have a translation, built at the first call; without an industry it finds nothing.

        Raises:
            NotFoundError: the industry has no glossary.
        """
        if industry is None:
            return NO_TERMS
        glossary = self.get(industry)
        key = (glossary.version, source, target)
        if key not in self._matchers:
            terms = (_wanted(term, source, target) for term in glossary.terms)
            self._matchers[key] = TermMatcher(t for t in terms if t.sources and t.targets)
        return self._matchers[key]


def _wanted(term: Term, source: str, target: str) -> Wanted:
    """The term as it is asked for; one that is not translated and has no word in the target language has none in between, either."""
    words = {language: term.words(language)[0] for language in (PIVOT, target) if term.words(language) and term.words(target)}
    return Wanted(term.id, tuple(term.read_as(source)), tuple(term.surfaces(target)), term.case == "keep", words)
