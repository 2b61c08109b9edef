"""The glossaries that a translation can ask for, and the matchers of their terms.

    glossaries = Glossaries({"machinery": glossary})
    glossaries.matcher("machinery", "en", "de").find("Is the pump in stock?")

What is here never changes, so whoever holds it reads the same terms from the beginning of a request to its end.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.glossary import Glossary
from data.terms import TermMatcher, Wanted
from serving.errors import Detail, NotFoundError

NO_TERMS = TermMatcher(())
Matchers = dict[tuple[str, str, str], TermMatcher]  # (version of the glossary, source, target) -> its matcher


class Glossaries:
    """The glossaries by industry.

    Args:
        by_industry: the glossaries.
        matchers: those built before for the same versions, which are used again.

    Attributes:
        industries: their names, sorted.
    """

    def __init__(self, by_industry: Mapping[str, Glossary], matchers: Mapping[tuple[str, str, str], TermMatcher] | None = None) -> None:
        self._by_industry = dict(by_industry)
        self.industries = tuple(sorted(self._by_industry))
        versions = {glossary.version for glossary in self._by_industry.values()} if matchers else ()
        self._matchers: Matchers = {key: matcher for key, matcher in (matchers or {}).items() if key[0] in versions}

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
            terms = (Wanted(t.id, tuple(t.read_as(source)), tuple(t.surfaces(target)), t.case == "keep") for t in glossary.terms)
            self._matchers[key] = TermMatcher(t for t in terms if t.sources and t.targets)
        return self._matchers[key]
