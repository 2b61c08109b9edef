"""Glossaries: the terms of one industry, in several languages, with their forms and rules.

term.py         what a term and a glossary are, and a glossary's version
loading.py      the project's own YAML files
files.py        any format in and out: YAML, CSV, TSV, XLSX (tables.py), TBX (tbx.py), TMX (tmx.py)
checking.py     what is wrong in glossary files, with file and line (words.py: function words; scripts.py: writing systems)
comparing.py    the difference of two glossaries, and several made one
mining.py       term pairs that parallel text proposes (candidates.py, chinese.py, everyday.py, linking.py; proposals.py: in and out)
__main__.py     `python -m data.glossary check | convert | merge | diff | mine | try` (the last runs `serving/trying.py`)

Serving and the stages need the first two only.
"""

from __future__ import annotations

from data.glossary.loading import glossary_versions, load_glossaries, word_forms
from data.glossary.term import Glossary, GlossaryError, Term

__all__ = ["Glossary", "GlossaryError", "Term", "glossary_versions", "load_glossaries", "word_forms"]
