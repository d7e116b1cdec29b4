"""What goes back to the patient: messages in the form of Rasa's REST channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from bot.content import Answer, Content
from bot.status import Status

# In `custom` of the message that says so.
DELETED = "deleted"


@dataclass(frozen=True)
class Button:
    """A choice: what it says, and the message that choosing it sends."""

    title: str
    payload: str


@dataclass(frozen=True)
class Message:
    """One message to the patient. `custom` holds the keys of the reply format."""

    text: str
    status: Status
    buttons: Tuple[Button, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> Dict[str, Any]:
        """text, buttons and custom, as JSON knows them."""
        return {
            "text": self.text,
            "buttons": [{"title": button.title, "payload": button.payload} for button in self.buttons],
            "custom": {"status": self.status.value, **{k: v for k, v in self.custom.items() if v is not None}},
        }


def answered(answer: Answer, content: Content, lead: str = "", suggestions: Tuple[str, ...] = ()) -> Message:
    """A curated answer with its sources and next questions.

    `suggestions` are other answers that the message may have meant; they then take the place of the next questions,
    and `lead` says so.
    """
    custom: Dict[str, Any] = {
        "answer_id": answer.id,
        "topic": answer.topic,
        "sources": [
            {"key": cited.key, "title": content.sources[cited.key].title, "section": cited.section}
            for cited in answer.sources
        ],
        "scope": answer.scope.value,
        "version": answer.version,
    }
    if answer.more:
        custom["more"] = answer.more
    if suggestions:
        custom["suggestions"] = list(suggestions)
    text = f"{lead}\n\n{answer.text}" if lead else answer.text
    return Message(text, Status.ANSWERED, buttons_to(suggestions or answer.follow_ups, content), custom)


def clarify(text: str, suggestions: Tuple[str, ...], content: Content) -> Message:
    """Curated answers to choose among."""
    return Message(text, Status.CLARIFY, buttons_to(suggestions, content), {"suggestions": list(suggestions)})


def fallback(content: Content) -> Message:
    """Nothing was understood: the way to a person, and entrances."""
    answer = content.answers["dialog.forstod_ikke"]
    return Message(answer.text, Status.FALLBACK, buttons_to(answer.follow_ups, content))


def error(text: str) -> Message:
    """Something failed; `text` is kind and holds the numbers to ring."""
    return Message(text, Status.ERROR)


def buttons_to(ids: Tuple[str, ...], content: Content) -> Tuple[Button, ...]:
    """A button for each curated answer, saying its question."""
    return tuple(Button(content.answers[id].question, payload_for(id, content)) for id in ids)


def payload_for(answer_id: str, content: Content) -> str:
    """The message that asks for just this answer: Rasa's `/intent{"entity": …}`."""
    cell = content.matrix_cell(answer_id)
    if cell is None:
        return f"/{answer_id}"
    condition, aspect = cell
    return f'/tilstand.{aspect}{{"condition": "{condition}"}}'


def question_of(payload: str, content: Content) -> Optional[str]:
    """What a button's payload says to a reader; None for a text that is no payload."""
    titles: Dict[str, str] = {payload_for(id, content): answer.question for id, answer in content.answers.items()}
    return titles.get(payload) or _phrase_of(payload, content)


def _phrase_of(payload: str, content: Content) -> Optional[str]:
    return {
        "/dialog.ja": content.phrases.delete_yes,
        "/dialog.nej": content.phrases.delete_no,
    }.get(payload)
