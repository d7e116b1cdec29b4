"""The assistant over its public HTTP interface, with the real model behind it."""

from __future__ import annotations

import re
from typing import Any, Dict, List
from uuid import uuid4

import pytest

from bot import content
from bot.content import Content
from bot.reply import payload_for
from tests.conftest import Server, StartServer, eval_texts

IDS = sorted(content.load().answers)
NUMBERS = ("56 51 28 60", "1818", "112")


def _first(messages: List[Dict[str, Any]]) -> Dict[str, Any]:
    assert messages
    return messages[0]


@pytest.mark.parametrize("answer_id", [id for id in IDS if id not in ("dialog.uddyb", "dialog.slet", "dialog.ja", "dialog.nej")])
def test_every_answer_is_reached_with_its_source(server: Server, curated: Content, answer_id: str) -> None:
    message = _first(server.say(payload_for(answer_id, curated)))
    answer = curated.answers[answer_id]
    assert message["text"] == answer.text
    assert message["custom"]["status"] == "answered"
    assert message["custom"]["answer_id"] == answer_id
    assert message["custom"]["topic"] == answer_id.split(".")[0]
    assert message["custom"]["scope"] == answer.scope.value
    assert message["custom"]["version"] == answer.version
    assert [source["key"] for source in message["custom"]["sources"]] == [cited.key for cited in answer.sources]
    assert [button["title"] for button in message["buttons"]] == [curated.answers[id].question for id in answer.follow_ups]


def test_most_answers_are_reached_by_typing_their_question(server: Server, curated: Content) -> None:
    asked = [answer for answer in curated.answers.values() if answer.topic != "dialog"]
    reached = [
        answer.id
        for answer in asked
        for custom in [_first(server.say(answer.question))["custom"]]
        if answer.id in (custom.get("answer_id"), *custom.get("suggestions", ()))
    ]
    assert len(reached) >= 0.9 * len(asked), sorted({answer.id for answer in asked} - set(reached))


def test_a_patient_asks_in_everyday_words_and_gets_the_length_of_the_course(server: Server) -> None:
    message = _first(server.say("hvor mange gange skal jeg komme på det der kursus"))
    assert message["custom"]["answer_id"] == "lob.varighed"
    assert "7 uger" in message["text"]
    assert message["custom"]["sources"][0]["key"] == "lob-pjece"
    assert 2 <= len(message["buttons"]) <= 3


@pytest.mark.parametrize(
    "typed",
    ["HVOR KAN JEG PARKERE", "hvor kan jeg parkereeee", "vor ka jæ pakere", "Hvor  kan jeg\n parkere???", "hvor kan jeg parkere 🚗"],
)
def test_the_way_it_is_typed_does_not_matter(server: Server, typed: str) -> None:
    assert _first(server.say(typed))["custom"]["answer_id"] == "praktisk.parkering"


def test_two_questions_get_two_answers(server: Server) -> None:
    ids = [message["custom"].get("answer_id") for message in server.say("Hvor kan jeg parkere? Og hvad er NADA for noget?")]
    assert ids == ["praktisk.parkering", "behandling.nada"]


def test_a_condition_named_once_carries_over(server: Server) -> None:
    sender = uuid4().hex
    server.say("Hvad er spinalstenose?", sender)
    assert _first(server.say("Skal jeg scannes?", sender))["custom"]["answer_id"] == "tilstand.spinalstenose.scanning"
    assert _first(server.say("og hvad med slidgigt?", sender))["custom"]["answer_id"] == "tilstand.artrose.scanning"


def test_given_no_condition_the_four_are_offered(server: Server, curated: Content) -> None:
    message = _first(server.say("/tilstand.prognose"))
    assert message["custom"]["status"] == "clarify"
    assert "answer_id" not in message["custom"]
    assert message["custom"]["suggestions"] == [f"tilstand.{c}.prognose" for c in curated.conditions]
    chosen = _first(server.say(message["buttons"][2]["payload"]))
    assert chosen["custom"]["answer_id"] == "tilstand.artrose.prognose"


def test_tell_me_more_gives_the_longer_text(server: Server, curated: Content) -> None:
    sender = uuid4().hex
    longer = next(answer for answer in curated.answers.values() if answer.more and answer.topic == "lob")
    server.say(f"/{longer.id}", sender)
    message = _first(server.say("fortæl mig lidt mere om det", sender))
    assert message["custom"]["answer_id"] == longer.id
    assert longer.more and longer.more in message["text"]


def test_a_conversation_is_deleted_after_a_yes_and_forgotten(server: Server, curated: Content) -> None:
    sender = uuid4().hex
    server.say("Hvad er slidgigt?", sender)
    asked = _first(server.say("slet min samtale", sender))
    assert asked["custom"]["answer_id"] == "dialog.slet"
    assert [button["payload"] for button in asked["buttons"]] == ["/dialog.ja", "/dialog.nej"]
    done = _first(server.say("ja", sender))
    assert done["text"] == curated.phrases.deleted
    assert done["custom"]["deleted"] is True
    assert _first(server.say("/tilstand.scanning", sender))["custom"]["status"] == "clarify"


def test_after_a_no_nothing_is_deleted(server: Server, curated: Content) -> None:
    sender = uuid4().hex
    server.say("Hvad er slidgigt?", sender)
    server.say("slet min samtale", sender)
    assert _first(server.say("nej", sender))["text"] == curated.phrases.kept
    assert _first(server.say("/tilstand.scanning", sender))["custom"]["answer_id"] == "tilstand.artrose.scanning"


@pytest.mark.parametrize(
    "text",
    [
        "hvem vinder Tour de France i år",
        "kan du skrive en tale til min kollegas afskedsreception",
        "min kat gider ikke sit nye foder",
        "hvordan bager jeg surdejsbrød",
        "hvornår skal bilen til syn",
        "min vaskemaskine siger fejl E18",
    ],
)
def test_what_lies_outside_gets_no_medical_answer(server: Server, text: str) -> None:
    for message in server.say(text):
        assert message["custom"].get("topic", "dialog") == "dialog", message["custom"]


@pytest.mark.parametrize("text", ["/restart", "/session_start", "/back", "/findes.ikke", '/tilstand.viden{"condition": "x"}', "/{", "/", "!!!", "?", "🙂"])
def test_whatever_is_sent_something_kind_comes_back(server: Server, text: str) -> None:
    messages = server.say(text)
    assert messages and all(message["text"].strip() for message in messages)


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE turns; --", "<script>alert(1)</script>", "{{7*7}} ${7*7}", "a\x00b\x1b[31mc hvor kan jeg parkere", "é" * 2000],
)
def test_strange_text_is_only_text(server: Server, text: str) -> None:
    messages = server.say(text)
    assert messages and "<script" not in messages[0]["text"]


@pytest.mark.parametrize(
    "body, field",
    [
        ({"sender": "a", "message": ""}, "message"),
        ({"sender": "a", "message": "   \n"}, "message"),
        ({"sender": "a", "message": "\x00\x01\x02"}, "message"),
        ({"sender": "a", "message": "a" * 2001}, "message"),
        ({"sender": "a", "message": "🙂" * 10000}, "message"),
        ({"sender": "a", "message": 5}, "message"),
        ({"sender": "a", "message": None}, "message"),
        ({"sender": "a", "message": ["x"]}, "message"),
        ({"sender": "a"}, "message"),
        ({"sender": "a", "message": "\ud800"}, "message"),
        ({"message": "hej"}, "sender"),
        ({"sender": "", "message": "hej"}, "sender"),
        ({"sender": 7, "message": "hej"}, "sender"),
        ({"sender": "a" * 256, "message": "hej"}, "sender"),
        ({"sender": "a", "message": "hej", "metadata": "x"}, "metadata"),
        (b"", "body"),
        (b"not json", "body"),
        (b'"text"', "body"),
        (b"[]", "body"),
        (b'{"sender": "a", "message": "\xe6\xf8"}', "body"),
    ],
)
def test_bad_input_gets_a_4xx_that_names_the_field(server: Server, body: Any, field: str) -> None:
    reply = server.post("/webhooks/rest/webhook", body)
    assert 400 <= reply.status < 500, reply
    assert reply.body["error"]["field"] == field, reply
    assert reply.body["error"]["message"]


def test_an_endless_body_is_refused(server: Server) -> None:
    reply = server.post("/webhooks/rest/webhook", b'{"sender": "a", "message": "' + b"x" * 400_000)
    assert reply.status == 413


def test_two_thousand_characters_are_accepted(server: Server) -> None:
    assert server.say(("Jeg har ondt, og hvor kan jeg parkere? " * 60)[:2000])


def test_the_page_interface_keeps_a_conversation_together(server: Server) -> None:
    first = server.post("/api/messages", {"message": "Hvad er slidgigt?"}).body
    again = server.post("/api/messages", {"message": "/tilstand.scanning", "conversation": first["conversation"]}).body
    assert again["conversation"] == first["conversation"]
    assert again["messages"][0]["custom"]["answer_id"] == "tilstand.artrose.scanning"


def test_conversations_do_not_mix(server: Server) -> None:
    server.say("Hvad er slidgigt?", "anna")
    assert _first(server.say("/tilstand.scanning", "bente"))["custom"]["status"] == "clarify"


def test_health_and_readiness_are_reported(server: Server) -> None:
    assert server.get("/healthz").body == {"status": "alive"}
    ready = server.get("/readyz").body
    assert ready["ready"] and ready["model"].endswith(".tar.gz") and ready["language"]


def test_the_interface_describes_itself(server: Server) -> None:
    described = server.get("/openapi.json").body["paths"]
    assert {"/webhooks/rest/webhook", "/api/messages", "/healthz", "/readyz"} <= set(described)


def test_given_no_model_the_port_opens_and_the_patient_gets_the_numbers(start_server: StartServer, tmp_path: Any) -> None:
    server = start_server("/healthz", model=str(tmp_path / "missing.tar.gz"))
    _assert_kindly_not_ready(server, "missing.tar.gz")


def test_given_a_broken_model_the_port_opens_and_the_patient_gets_the_numbers(start_server: StartServer, tmp_path: Any) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"this is no archive")
    server = start_server("/healthz", model=str(broken))
    _assert_kindly_not_ready(server, "model")


def _assert_kindly_not_ready(server: Server, named: str) -> None:
    for _ in range(240):
        ready = server.get("/readyz")
        if named in ready.body["detail"] and "cannot" in ready.body["detail"]:
            break
        import threading

        threading.Event().wait(0.25)
    assert ready.status == 503
    assert "cannot be used" in ready.body["detail"]
    message = _first(server.say("hej"))
    assert message["custom"]["status"] == "error"
    assert all(number in message["text"] for number in NUMBERS)


def test_no_message_reaches_the_log(server: Server) -> None:
    server.say("kodeordet er kanelgifler og rabarber")
    assert "kanelgifler" not in server.log.read_text()


def test_what_the_assistant_learns_from_and_the_dev_cases_do_not_overlap() -> None:
    from bot.examples import same_words, training_examples
    from bot.paths import DATA, ROOT

    cases = {same_words(text) for text in eval_texts()}
    if not cases:
        pytest.skip("the shared dev cases are not here")
    learned = [example.text for example in training_examples()]
    written = [*(DATA / "safety").rglob("*.txt"), *(ROOT / "training").rglob("*.txt"), *(ROOT / "tests" / "privacy").glob("*.txt")]
    learned += [re.sub(r"\{([^{}|]*)\|[A-Z_]+\}", r"\1", line) for path in written for line in path.read_text().splitlines()]
    assert [text for text in learned if same_words(text) in cases] == []
    # Of four words or more, not inside a longer message either.
    everything = "\n".join(map(same_words, learned))
    assert [case for case in cases if len(case.split()) >= 4 and case in everything] == []


def test_every_answer_of_the_inventory_is_there(curated: Content) -> None:
    from tests.conftest import SHARED

    path = SHARED / "inventory.yml"
    if not path.exists():
        pytest.skip("the shared inventory is not here")
    wanted = set(re.findall(r"\{id: ([a-z_.]+)", path.read_text(encoding="utf-8")))
    assert wanted - set(curated.answers) == set()
