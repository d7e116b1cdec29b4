"""The Danish language: spaCy's tokens, lemmas and sentences.

da_core_news_sm is used where it is installed; else a pipeline of spaCy's own Danish language data, which needs no
download. What intents are recognised by (tokens, lemmas of the table in spacy-lookups-data, rule-based sentences) is
the same in both, so that understanding does not depend on which of the two is there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, List, Mapping

if TYPE_CHECKING:
    from spacy.language import Language

FULL = "da_core_news_sm"
FALLBACK = "da_lookup"
_SENTENCES = "sentencizer"


@lru_cache(maxsize=1)
def pipeline_name(wanted: str = FULL) -> str:
    """`wanted` where that spaCy package is installed, else the name of the fallback pipeline."""
    # spaCy is imported where it is used: importing it takes longer than opening the port may.
    from spacy.util import is_package

    return wanted if is_package(wanted) else FALLBACK


@lru_cache(maxsize=None)
def load_pipeline(wanted: str = FULL) -> "Language":
    """The spaCy pipeline called `wanted`, or the fallback; both end sentences by the same rules."""
    import spacy

    if pipeline_name(wanted) == FALLBACK:
        nlp = spacy.blank("da")
    else:
        nlp = spacy.load(wanted, disable=["parser"])
    if _SENTENCES not in nlp.pipe_names:
        nlp.add_pipe(_SENTENCES)
    return nlp


@lru_cache(maxsize=1)
def splitter() -> "Language":
    """Tokens and rule-based sentences only: fast, and alike whichever pipeline is installed."""
    import spacy

    nlp = spacy.blank("da")
    nlp.add_pipe(_SENTENCES)
    return nlp


def sentences(text: str) -> List[str]:
    """The sentences of the text, without surrounding blanks; never an empty one."""
    return [found for sentence in splitter()(text).sents if (found := sentence.text.strip())]


@lru_cache(maxsize=1)
def lemma_table() -> Mapping[str, str]:
    """Danish word form (lower case) to lemma: 553,000 forms. Source: spacy-lookups-data, table lemma_lookup."""
    # Not through spaCy, which imports TensorFlow: for the seconds that takes, no alarm could be told.
    import srsly
    from spacy_lookups_data import da

    table: Mapping[str, str] = srsly.read_gzip_json(f"{da['lemma_lookup']}.gz")
    return table


def is_word(word: str) -> bool:
    """Whether the lower-case form is a Danish word that the lemma table knows."""
    return word in lemma_table()


def lemma(word: str) -> str:
    """The lemma of a lower-case form; the form itself where the table does not know it."""
    table = lemma_table()
    return table[word] if word in table else word
