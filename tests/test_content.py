"""The content holds together, and the loader refuses content that does not, naming file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from bot import checks, content, proof
from bot.content import Content, ContentError, load
from bot.examples import training_examples
from bot.readability import lix, words

LOB = "answers/lob.yml"


def _replace(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first `old`; the line (from 1) where it stood."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def _refused(folder: Path) -> str:
    with pytest.raises(ContentError) as refusal:
        load(folder)
    return str(refusal.value)


def test_all_checks_of_content_training_data_and_domain_pass() -> None:
    assert [str(problem) for problem in checks.run()] == []


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("    version: 1\n", "    version: 1\n    colour: red\n", "unknown key 'colour'"),
        ("    scope: naestved\n", "", "missing key 'scope'"),
        ("    scope: naestved\n", "    scope: hele_landet\n", "scope"),
        ("follow_ups: [", "follow_ups: [lob.findes_ikke, ", "dead follow-up 'lob.findes_ikke'"),
        ("key: lob-pjece", "key: en-anden-pjece", "unknown source 'en-anden-pjece'"),
        ("- id: lob.varighed", "- id: lob.hvad", "the id stands twice"),
        ("- id: lob.varighed", "- id: smerte.varighed", "belongs in answers/smerte.yml"),
        ("    version: 1\n", "    version: 1\n    version: 2\n", "the key 'version' stands twice"),
        ("    version: 1\n", "    version: [\n", "is not YAML"),
    ],
)
def test_given_a_defect_in_an_answer_the_start_is_refused_with_file_and_line(
    own_content: Path, old: str, new: str, complaint: str
) -> None:
    _replace(own_content, LOB, old, new)
    refusal = _refused(own_content)
    assert complaint in refusal
    assert refusal.split(":")[0] == LOB
    assert refusal.split(":")[1].isdigit()


def test_given_an_unknown_source_the_error_names_the_very_line(own_content: Path) -> None:
    line = _replace(own_content, LOB, "{key: lob-pjece", "{key: ukendt")
    assert f"{LOB}:{line}: " in _refused(own_content)


def test_given_a_contact_that_does_not_exist_the_start_is_refused(own_content: Path) -> None:
    _replace(own_content, "answers/praktisk.yml", "{smertecenter.tel}", "{smertecenter.telefax}")
    assert "unknown contact 'smertecenter.telefax'" in _refused(own_content)


def test_given_a_phrase_with_an_unknown_contact_the_start_is_refused(own_content: Path) -> None:
    _replace(own_content, "interface.yml", "{laegevagt.tel}", "{vagtlaege.tel}")
    assert "interface.yml" in _refused(own_content)


def test_given_a_condition_without_one_of_its_answers_the_missing_id_is_named(own_content: Path) -> None:
    _replace(own_content, "conditions.yml", "arbejde]", "arbejde, sport]")
    assert "missing id tilstand.laenderyg.sport" in _refused(own_content)


def test_given_a_missing_file_it_is_named(own_content: Path) -> None:
    (own_content / "contacts.yml").unlink()
    assert "contacts.yml:1: cannot be read" in _refused(own_content)


def test_given_a_file_that_is_not_utf8_it_is_named(own_content: Path) -> None:
    (own_content / LOB).write_bytes("answers: [æøå]".encode("latin-1"))
    assert "is not UTF-8" in _refused(own_content)


def test_given_several_defects_all_are_reported_at_once(own_content: Path) -> None:
    _replace(own_content, LOB, "follow_ups: [", "follow_ups: [lob.findes_ikke, ")
    _replace(own_content, "answers/medicin.yml", "follow_ups: [", "follow_ups: [medicin.findes_ikke, ")
    refusal = _refused(own_content)
    assert "lob.findes_ikke" in refusal and "medicin.findes_ikke" in refusal


def test_every_answer_is_short_and_easy_to_read(curated: Content) -> None:
    for answer in curated.answers.values():
        assert words(answer.text) <= proof.MOST_WORDS, answer.id
        for part in (answer.text, answer.more or ""):
            assert lix(part) <= proof.MOST_LIX or answer.lix_reason, f"{answer.id}: LIX {lix(part):.0f}"


def test_few_answers_are_excused_from_being_easy_to_read(curated: Content) -> None:
    excused = [answer.id for answer in curated.answers.values() if answer.lix_reason]
    assert len(excused) <= len(curated.answers) // 20


def test_every_answer_that_cites_no_source_says_whom_to_ask(curated: Content) -> None:
    numbers = [contact.tel for contact in curated.contacts.values() if contact.tel]
    silent = [a for a in curated.answers.values() if not a.sources and a.topic != "dialog"]
    assert silent
    for answer in silent:
        people = ("apotek", "læge", "borger.dk", *numbers)
        assert any(who in answer.text for who in people), answer.id


def test_no_answer_shows_the_number_of_another_region_or_one_not_in_contacts(curated: Content) -> None:
    import re

    known = {contact.tel.replace(" ", "") for contact in curated.contacts.values() if contact.tel}
    for answer in curated.answers.values():
        text = f"{answer.text} {answer.more or ''}"
        assert "1813" not in text
        for number in re.findall(r"\b\d{2} ?\d{2} ?\d{2} ?\d{2}\b|\b\d{2} \d{3} \d{3}\b|\b18\d\d\b", text):
            assert number.replace(" ", "") in known, (answer.id, number)


@pytest.mark.parametrize("scope, says", [("andet_center", "andet"), ("privat", "privat")])
def test_what_belongs_to_others_is_called_so(curated: Content, scope: str, says: str) -> None:
    others = [answer for answer in curated.answers.values() if answer.scope.value == scope]
    assert others
    for answer in others:
        assert says in answer.text.casefold(), answer.id


def test_answers_that_comfort_are_marked(curated: Content) -> None:
    assert curated.answers["smerte.ikke_advarsel"].reassures
    assert curated.answers["tilstand.laenderyg.scanning"].reassures
    assert not curated.answers["praktisk.parkering"].reassures


@pytest.fixture
def training_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a data/nlu folder with one file."""

    def write(text: str) -> Path:
        folder = tmp_path / "data" / "nlu"
        folder.mkdir(parents=True)
        (folder / "lob.yml").write_text(text, encoding="utf-8")
        return folder

    return write


def test_given_an_example_under_two_intents_the_check_names_both_places(training_folder: Callable[[str], Path]) -> None:
    folder = training_folder(
        'version: "3.1"\nnlu:\n- intent: lob.hvad\n  examples: |\n    - Hvad er LOB?\n'
        "- intent: lob.formaal\n  examples: |\n    - hvad er lob\n"
    )
    problems = [str(problem) for problem in checks._unambiguous(list(training_examples(folder)))]
    assert problems == ["data/nlu/lob.yml:8: stands already in data/nlu/lob.yml:5 (lob.hvad)"]


def test_a_number_typed_into_an_answer_is_found() -> None:
    assert proof._TYPED_NUMBER.search("Ring 56 51 28 60.")
    assert proof._TYPED_NUMBER.search("Ring 112 nu")
    assert not proof._TYPED_NUMBER.search("ca. 20 % har ondt, 2 kg mindre aflaster 6-8 kg, pris 499 kr.")


def test_content_is_loaded_once() -> None:
    assert content.load() is content.load()
