"""From what was understood to what is answered."""

from __future__ import annotations

from bot.answers import Guess, Memory, Question, respond, suggest
from bot.content import Content
from bot.status import Status


def _question(*intents: str, conditions: "tuple[str, ...]" = (), clear: bool = True) -> Question:
    return Question(tuple(Guess(intent, 0.9 / n) for n, intent in enumerate(intents, 1)), conditions, clear)


def test_a_clear_question_gets_its_answer_and_is_remembered(curated: Content) -> None:
    outcome = respond([_question("lob.varighed", "lob.hvad")], Memory(), curated)
    assert outcome.messages[0].text == curated.answers["lob.varighed"].text
    assert "suggestions" not in outcome.messages[0].custom
    assert outcome.memory.last_answer == "lob.varighed"


def test_a_probable_question_gets_its_answer_and_says_that_it_may_be_another(curated: Content) -> None:
    message = respond([_question("lob.varighed", "lob.hvad", "lob.pris", clear=False)], Memory(), curated).messages[0]
    assert message.status is Status.ANSWERED
    assert message.text.startswith(curated.phrases.hedge)
    assert message.custom["suggestions"] == ["lob.hvad", "lob.pris"]


def test_an_unclear_question_offers_at_most_three_answers(curated: Content) -> None:
    question = _question("lob.hvad", "lob.pris", "lob.emner", "lob.formaal")
    message = suggest(question, Memory(), curated).messages[0]
    assert message.status is Status.CLARIFY
    assert message.custom["suggestions"] == ["lob.hvad", "lob.pris", "lob.emner"]
    assert "answer_id" not in message.custom


def test_given_only_courtesies_as_candidates_the_way_to_a_person_is_shown(curated: Content) -> None:
    message = suggest(_question("dialog.hilsen", "dialog.tak"), Memory(), curated).messages[0]
    assert message.status is Status.FALLBACK
    assert curated.contacts["smertecenter"].tel in message.text
    assert "answer_id" not in message.custom


def test_the_named_condition_decides_and_is_remembered(curated: Content) -> None:
    outcome = respond([_question("tilstand.raad", conditions=("artrose",))], Memory(condition="nerverod"), curated)
    assert outcome.messages[0].custom["answer_id"] == "tilstand.artrose.raad"
    assert outcome.memory.condition == "artrose"


def test_a_condition_that_does_not_exist_is_ignored(curated: Content) -> None:
    outcome = respond([_question("tilstand.raad", conditions=("skulder",))], Memory(), curated)
    assert outcome.messages[0].status is Status.CLARIFY
    assert outcome.memory.condition is None


def test_a_switch_of_condition_keeps_the_aspect(curated: Content) -> None:
    memory = Memory("artrose", "tilstand.artrose.arbejde")
    outcome = respond([_question("dialog.skift", conditions=("nerverod",))], memory, curated)
    assert outcome.messages[0].custom["answer_id"] == "tilstand.nerverod.arbejde"


def test_a_switch_without_an_earlier_aspect_tells_what_the_condition_is(curated: Content) -> None:
    outcome = respond([_question("dialog.skift", conditions=("nerverod",))], Memory(), curated)
    assert outcome.messages[0].custom["answer_id"] == "tilstand.nerverod.viden"


def test_two_questions_with_one_answer_are_answered_once(curated: Content) -> None:
    outcome = respond([_question("lob.hvad"), _question("lob.hvad")], Memory(), curated)
    assert len(outcome.messages) == 1


def test_no_question_at_all_still_gets_a_message(curated: Content) -> None:
    assert respond([], Memory(), curated).messages[0].status is Status.FALLBACK


def test_more_on_an_answer_without_more_says_so_kindly(curated: Content) -> None:
    short = next(answer for answer in curated.answers.values() if not answer.more and answer.topic == "lob")
    message = respond([_question("dialog.uddyb")], Memory(last_answer=short.id), curated).messages[0]
    assert message.text.startswith(curated.phrases.nothing_more)
    assert message.custom["answer_id"] == short.id


def test_a_yes_deletes_only_when_deletion_was_asked_for(curated: Content) -> None:
    without = respond([_question("dialog.ja")], Memory(), curated)
    assert "deleted" not in without.messages[0].custom
    asked = respond([_question("dialog.slet")], Memory(condition="artrose"), curated)
    done = respond([_question("dialog.ja")], asked.memory, curated)
    assert done.messages[0].custom["deleted"] is True
    assert done.memory == Memory()


def test_another_question_takes_the_deletion_off_the_table(curated: Content) -> None:
    asked = respond([_question("dialog.slet")], Memory(), curated)
    other = respond([_question("lob.hvad")], asked.memory, curated)
    assert "deleted" not in respond([_question("dialog.ja")], other.memory, curated).messages[0].custom
