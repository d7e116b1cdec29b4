"""Danish as patients type it."""

from __future__ import annotations

import pytest

from bot.clauses import clauses
from bot.conditions import ConditionFinder, span
from bot.content import Content
from bot.language import is_word, lemma, pipeline_name, sentences
from bot.nlu.normaliser import vocabulary
from bot.normaliser import Normaliser, fold, load_spelling, plain
from bot.readability import lix, words


@pytest.fixture(scope="module")
def normalise() -> Normaliser:
    """The normaliser with the words of the curated answers."""
    return Normaliser(vocabulary([], often=5), load_spelling())


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("HVAD ER LOB", "hvad er lob"),
        ("hvornaar faar jeg svar", "hvornår får jeg svar"),
        ("Naestved", "næstved"),
        ("heeeej", "hej"),
        ("smerte center", "smertecenter"),
        ("patient uddannelse", "patientuddannelse"),
        ("henvisnnig", "henvisning"),
        ("va er jurnaloptagelse", "hvad er journaloptagelse"),
        ("jæ ka ikk", "jeg kan ikke"),
        ("poesi", "poesi"),
        ("for løb", "for løb"),
        ("uforståeligtord", "uforståeligtord"),
        ("56 51 28 60", "56 51 28 60"),
    ],
)
def test_a_typed_word_becomes_the_word_that_was_meant(normalise: Normaliser, typed: str, meant: str) -> None:
    assert normalise(typed) == meant


def test_normalising_twice_changes_nothing_more(normalise: Normaliser) -> None:
    once = normalise("Va er spinal stenosse for nåed, og hvornaar gaar det over??")
    assert normalise(once) == once


def test_letters_composed_of_two_signs_are_the_same_letters(normalise: Normaliser) -> None:
    assert normalise("pa\u030avirkning") == normalise("påvirkning")


def test_control_characters_vanish() -> None:
    assert plain("a\x00b\u200b  C\n") == "a b c"


def test_folding_makes_both_spellings_one() -> None:
    assert fold("lændesmerter på ø") == fold("laendesmerter paa oe")


def test_lemmas_and_words_come_from_the_table_whatever_pipeline_is_installed() -> None:
    assert lemma("behandlingerne") == "behandling"
    assert is_word("smerter") and not is_word("smerterterter")
    assert pipeline_name() in ("da_core_news_sm", "da_lookup")


def test_sentences_end_where_they_end() -> None:
    assert sentences("Hej. Jeg har ondt! Hvad gør jeg?") == ["Hej.", "Jeg har ondt!", "Hvad gør jeg?"]


@pytest.mark.parametrize(
    "text, asking",
    [
        ("Hvad er TENS? Og hvor kan jeg parkere?", ["Hvad er TENS?", "Og hvor kan jeg parkere?"]),
        ("hvad er tens og hvor kan jeg parkere", ["hvad er tens", "hvor kan jeg parkere"]),
        ("Min mand er tømrer. Kan han komme?", ["Kan han komme?"]),
        ("Jeg har ondt i ryg og ben", []),
    ],
)
def test_the_questions_of_a_message_are_told_apart_from_its_story(text: str, asking: "list[str]") -> None:
    assert [clause.text for clause in clauses(text) if clause.asks] == asking


@pytest.mark.parametrize(
    "text, found",
    [
        ("hvad er slidgigt", ("artrose",)),
        ("jeg har slitgigt i hofften", ("artrose",)),
        ("mit knæ er slidt", ("artrose",)),
        ("knæslidgigten driller", ("artrose",)),
        ("diskus prolabs i nakken", ("nerverod",)),
        ("spinalstenosse", ("spinalstenose",)),
        ("lumbal spinalstenose", ("spinalstenose",)),
        ("ondt i laenden", ("laenderyg",)),
        ("iskias eller slidgigt", ("nerverod", "artrose")),
        ("gør det ondt i knæet af slidgigt i ryggen", ("artrose",)),
        ("jeg har ondt i ryggen", ("laenderyg",)),
        ("hvor kan jeg parkere", ()),
        ("nervesmerter", ()),
    ],
)
def test_conditions_are_found_however_they_are_written(
    curated: Content, normalise: Normaliser, text: str, found: "tuple[str, ...]"
) -> None:
    assert ConditionFinder(curated.conditions).find(normalise(text)) == found


def test_a_condition_is_found_where_it_stands_in_the_typed_message(curated: Content, normalise: Normaliser) -> None:
    typed = "Altså, min SLITGIGT driller"
    mention = ConditionFinder(curated.conditions).mentions(normalise(typed))[0]
    start, end = span(mention, typed)
    assert typed[start:end] == "SLITGIGT"


def test_lix_is_words_a_sentence_plus_percentage_of_long_words() -> None:
    assert lix("Det er en kat. Det er en hund.") == 4
    assert lix("Behandlingen hjælper.") == 2 + 100
    assert lix("") == 0.0
    assert words("Ring på 56 51 28 60, kl. 8-16.") == 8
