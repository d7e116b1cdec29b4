"""Corrections become phrases, files that Rasa reads, and things that are remembered word for word."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import pytest
from sqlalchemy import func, select

from bot import checks, vectors
from bot.clauses import Clause
from bot.conditions import ConditionFinder
from bot.content import Content
from bot.embedding import Embedding
from bot.examples import same_words, training_examples
from bot.improvement.cases import Case, Group, cases
from bot.improvement.comparison import PARTLY, RIGHT, WRONG, Comparison, Outcome, Result, alarms
from bot.improvement.files import Texts, difference, export, files, of_round, write
from bot.improvement.lessons import NLU, Lesson, lessons, read
from bot.intents import train
from bot.paths import DATA, ROOT
from bot.questions import Reader, Thresholds
from bot.safety.detector import Detector
from bot.safety.model import examples
from bot.safety.sources import Sources
from bot.store.audit import Search, lines
from bot.store.database import Database
from bot.store.phrases import FEWEST_TO_HOLD_OUT, Phrase, Phrases, taken_on
from bot.store.review import Verdict
from bot.store.rounds import Rounds, State
from bot.store.tables import labels, phrases
from bot.store.transcripts import Transcripts
from tests.databases import NOW
from tests.improvement import corrected

NASTY = (
    "hvad koster [NAVN](mit) kursus, {hvis} man har ${HOME} og \\n penge?",
    "/lob.pris er det sådan: \"man\" siger 'det' # ikke",
    "- en liste - med: kolon | og [streg][{\"entity\": \"x\"}] || to",
    "emoji 🙂 og é\u2028ny linje\tmed tab\n\nog mere",
    "yes: [a, b]",
)


def _phrase(text: str, verdict: Verdict = Verdict.ANSWER, value: str = "lob.pris", minutes: int = 0, **more: Any) -> Phrase:
    return Phrase(verdict, value, text, "anne", NOW + timedelta(minutes=minutes), **more)


def _count(database: Database, table: Any) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


# Phrases


def test_a_correction_that_was_taken_on_outlives_its_conversation_and_nothing_leads_back(database: Database) -> None:
    turn = corrected(database, "hvad må jeg slippe for at være med", Verdict.ANSWER, "lob.pris")
    assert [phrase.value for phrase in Phrases(database).take("bo").counting] == ["lob.pris"]
    Transcripts(database).forget(turn.conversation, NOW + timedelta(days=1))
    assert _count(database, labels) == 0
    kept = Phrases(database).known()[0]
    assert kept.text == "hvad må jeg slippe for at være med"
    with database.reading() as connection:
        row = connection.execute(select(phrases)).mappings().one()
    assert turn.id not in map(str, row.values()) and turn.conversation not in map(str, row.values())


def test_a_correction_that_waits_goes_with_its_conversation(database: Database) -> None:
    turn = corrected(database, "hvad må jeg slippe for at være med", Verdict.ANSWER, "lob.pris")
    Transcripts(database).forget(turn.conversation, NOW + timedelta(days=1))
    assert Phrases(database).waiting() == () and Phrases(database).take("bo").phrases == ()


def test_a_correction_is_taken_on_once(database: Database) -> None:
    corrected(database, "hvad må jeg slippe for at være med", Verdict.ANSWER, "lob.pris")
    assert len(Phrases(database).take("bo").phrases) == len(Phrases(database).take("bo").phrases) == 1
    assert Phrases(database).waiting() == ()


def test_that_no_answer_fits_teaches_nothing(database: Database) -> None:
    corrected(database, "må min hund komme med", Verdict.NO_ANSWER)
    assert Phrases(database).waiting() == ()


def test_the_preview_is_what_taking_on_gives(database: Database) -> None:
    for number in range(12):
        corrected(database, f"spørgsmål nummer {number} om prisen", Verdict.ANSWER, "lob.pris")
    preview = Phrases(database).preview()
    assert _count(database, phrases) == 0
    taken = Phrases(database).take("bo")
    assert [(p.text, p.held_out) for p in preview.counting] == [(p.text, p.held_out) for p in taken.counting]


def test_of_the_same_words_the_newer_correction_counts_and_the_log_says_so(database: Database) -> None:
    corrected(database, "Hvad koster det?", Verdict.ANSWER, "lob.pris")
    Phrases(database).take("bo")
    corrected(database, "hvad koster det", Verdict.ANSWER, "smertevejleder.pris")
    corrected(database, "Hvad koster det?", Verdict.ANSWER, "smertevejleder.pris")
    taking = Phrases(database).take("bo")
    assert [(phrase.text, phrase.value) for phrase in taking.counting] == [("hvad koster det", "smertevejleder.pris")]
    assert [phrase.value for phrase in taking.replaced] == ["lob.pris"]
    newest = lines(database, Search(action="corrections taken on"), 1)[0]
    assert newest.actor == "bo" and newest.detail == {"count": 2, "replaced": 1}


def test_the_same_text_with_another_answer_changes_the_phrase_in_its_place(database: Database) -> None:
    for answer in ("lob.pris", "smertevejleder.pris"):
        corrected(database, "hvad koster det", Verdict.ANSWER, answer)
        Phrases(database).take("bo")
    assert [(phrase.value, phrase.dropped) for phrase in Phrases(database).known()] == [("smertevejleder.pris", False)]


def test_the_same_correction_twice_is_one_phrase(database: Database) -> None:
    for _ in range(2):
        corrected(database, "hvad koster det", Verdict.ANSWER, "lob.pris")
    assert len(Phrases(database).take("bo").phrases) == 1


def test_what_is_left_out_is_not_learnt_and_the_log_says_who_left_it_out(database: Database) -> None:
    corrected(database, "hvad koster det", Verdict.ANSWER, "lob.pris")
    corrected(database, "er der kaffe", Verdict.ANSWER, "lob.forplejning")
    kept = Phrases(database)
    label = kept.waiting()[0].label
    other = kept.waiting()[1].label
    assert label is not None and other is not None
    assert kept.leave_out(label, "anne") and not kept.leave_out(label, "anne")
    phrase = kept.take("bo").counting[0]
    assert phrase.value == "lob.forplejning" and phrase.id is not None
    assert not kept.leave_out(other, "anne")
    assert kept.drop(phrase.id, "carl") and not kept.drop(phrase.id, "carl")
    assert kept.preview().counting == ()
    said = [(line.actor, line.action) for line in lines(database, Search(), 10)]
    assert ("anne", "correction left out") in said and said.count(("carl", "phrase dropped")) == 1


def test_a_phrase_that_was_dropped_comes_back_when_it_is_corrected_again(database: Database) -> None:
    kept = Phrases(database)
    for _ in range(2):
        corrected(database, "hvad koster det", Verdict.ANSWER, "lob.pris")
        phrase = kept.take("bo").counting[0]
        assert phrase.id is not None and kept.drop(phrase.id, "carl")
    corrected(database, "hvad koster det", Verdict.ANSWER, "lob.pris")
    assert len(kept.take("bo").counting) == 1


def test_a_few_corrections_are_all_learnt_and_of_many_one_in_five_only_measures() -> None:
    few = [_phrase(f"spørgsmål {number} om prisen") for number in range(FEWEST_TO_HOLD_OUT - 1)]
    assert not any(phrase.held_out for phrase in taken_on([], few).phrases)
    many = taken_on([], [_phrase(f"spørgsmål {number} om prisen") for number in range(400)]).phrases
    assert 50 <= sum(phrase.held_out for phrase in many) <= 110


def test_what_is_held_out_stays_so_and_an_alarm_never_is() -> None:
    first = taken_on([], [_phrase(f"spørgsmål {number} om prisen") for number in range(100)]).phrases
    again = taken_on(first, [_phrase(phrase.text, value="smertevejleder.pris") for phrase in first]).phrases
    assert [phrase.held_out for phrase in first] == [phrase.held_out for phrase in again]
    missed = [_phrase(f"tegn {number} på noget", Verdict.ALARM, "akut.mave") for number in range(100)]
    assert not any(phrase.held_out for phrase in taken_on(first, missed).phrases if phrase.kind is Verdict.ALARM)


# Rounds


def test_a_round_comes_into_use_alone_and_goes_out_of_use_for_the_one_before(database: Database) -> None:
    rounds = Rounds(database)
    for _ in range(2):
        id = rounds.begin("bo", "base")
        rounds.progress(id, State.TRAINING, "intents", 0.5)
        running = rounds.running()
        assert running and (running.id, running.step, running.done) == (id, "intents", 0.5)
        rounds.end(id, State.READY, {"groups": []})
    live = rounds.live()
    first, second = sorted(round.id for round in rounds.latest())
    assert live and live.id == second and [round.live for round in rounds.latest()] == [True, False]
    before = rounds.before(live)
    assert before and before.id == first
    assert rounds.back(live, before, "carl") and not rounds.back(live, before, "carl")
    live = rounds.live()
    assert live and live.id == first and rounds.get(second).state is State.BACK
    assert rounds.back(live, None, "carl") and rounds.live() is None and rounds.running() is None


@pytest.mark.parametrize("state", [State.WORSE, State.FAILED])
def test_a_round_that_came_to_nothing_leaves_the_one_in_use(database: Database, state: State) -> None:
    rounds = Rounds(database)
    first = rounds.begin("bo", "base")
    rounds.end(first, State.READY, {})
    rounds.end(rounds.begin("bo", "base"), state, {"failure": "OSError"})
    live = rounds.live()
    assert live and live.id == first and rounds.before(live) is None


def test_a_round_on_another_base_is_not_one_to_go_back_to(database: Database) -> None:
    rounds = Rounds(database)
    rounds.end(rounds.begin("bo", "an older base"), State.READY, {})
    rounds.end(rounds.begin("bo", "base"), State.READY, {})
    live = rounds.live()
    assert live and rounds.before(live) is None


# Files


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what of the repository corrections change."""
    for name in ("data", "tests/stories", "tests/safety"):
        shutil.copytree(ROOT / name, tmp_path / "checkout" / name)
    for name in ("config.yml", "domain.yml"):
        shutil.copy(ROOT / name, tmp_path / "checkout" / name)
    return tmp_path / "checkout"


def _files(checkout: Path, curated: Content, *found: Phrase) -> Texts:
    return files(lessons(checkout, found, curated), checkout)


SOME = (
    _phrase("hvad må jeg slippe for at være med"),
    _phrase("bliver mine slidte knæ til nye igen", value="tilstand.artrose.prognose"),
    _phrase("alt dernede er dødt siden i går", Verdict.ALARM, "akut.cauda_equina"),
    _phrase("min nakke er stiv som altid", Verdict.NO_ALARM, ""),
    _phrase("det her måler kun", value="lob.hvad", held_out=True),
    *(_phrase(text, value="lob.pris") for text in NASTY),
)


def test_rasa_reads_the_same_examples_as_we_do_in_both_forms(checkout: Path, curated: Content) -> None:
    from rasa.shared.importers.rasa import RasaFileImporter
    from rasa.shared.nlu.constants import INTENT, TEXT

    export(_files(checkout, curated, *SOME), checkout)
    importer = RasaFileImporter(str(checkout / "config.yml"), str(checkout / "domain.yml"), [str(checkout / "data")])
    found = [
        (message.get(TEXT), message.get(INTENT), (message.get("metadata") or {}).get("example", {}).get("correction", False))
        for message in importer.get_nlu_data().intent_examples
        if message.get(INTENT) != "alarm"
    ]
    ours = [(example.text.strip(), example.intent, example.correction) for example in training_examples(checkout / "data" / "nlu")]
    assert sorted(found) == sorted(ours)
    assert sum(correction for *_, correction in ours) == 2 + len(NASTY)


def test_rasa_reads_the_regression_stories(checkout: Path, curated: Content) -> None:
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.events import UserUttered
    from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader

    export(_files(checkout, curated, *SOME), checkout)
    reader = YAMLStoryReader(Domain.load(str(checkout / "domain.yml")))
    steps = reader.read_from_file(checkout / "tests" / "stories" / "test_corrections.yml")
    asked = {event.text: event for step in steps for event in step.events if isinstance(event, UserUttered)}
    assert len(asked) == 2 + len(NASTY)
    knees = asked["bliver mine slidte knæ til nye igen"]
    assert knees.intent_name == "tilstand.prognose"
    assert [(entity["entity"], entity["value"]) for entity in knees.entities] == [("condition", "artrose")]


def test_lessons_are_read_from_the_files_as_they_were_written(checkout: Path, curated: Content) -> None:
    learnt = lessons(checkout, SOME, curated)
    export(files(learnt, checkout), checkout)
    assert set(read(checkout)) == set(learnt) and len(learnt) == len(SOME)


def test_words_stay_the_same_whatever_signs_stand_among_them(checkout: Path, curated: Content) -> None:
    learnt = [lesson.words for lesson in lessons(checkout, SOME, curated)]
    assert {same_words(text) for text in NASTY} <= set(learnt)


def test_with_no_corrections_nothing_changes(checkout: Path, curated: Content) -> None:
    assert _files(checkout, curated) == {} and difference({}, checkout, checkout) == {}


def test_the_difference_is_a_unified_diff_of_what_comes_and_what_goes(checkout: Path, curated: Content) -> None:
    texts = _files(checkout, curated, _phrase("lob varighed", value="lob.pris"))
    found = difference(texts, checkout, checkout)
    assert set(found) == {"data/nlu/corrections.yml", "data/nlu/lob.yml", "tests/stories/test_corrections.yml"}
    assert "+  - text: lob varighed" in found["data/nlu/corrections.yml"]
    assert [line for line in found["data/nlu/lob.yml"] if line[0] == "-"][1:] == ["-    - lob varighed"]


def test_words_stand_under_one_intent_only_and_the_checks_agree(checkout: Path, curated: Content) -> None:
    export(_files(checkout, curated, _phrase("LOB varighed?", value="lob.pris")), checkout)
    found = [example for example in training_examples(checkout / "data" / "nlu") if same_words(example.text) == "lob varighed"]
    assert [(example.intent, example.correction) for example in found] == [("lob.pris", True)]
    assert list(checks._unambiguous(list(training_examples(checkout / "data" / "nlu")))) == []


def test_what_the_checkout_holds_already_is_not_learnt_again(checkout: Path, curated: Content) -> None:
    export(_files(checkout, curated, *SOME), checkout)
    texts = _files(checkout, curated, *(replace(phrase, text=phrase.text.upper()) for phrase in SOME[:1]), *SOME[1:])
    assert set(difference(texts, checkout, checkout)) <= {NLU.as_posix(), "tests/stories/test_corrections.yml"}
    assert difference(_files(checkout, curated, *SOME), checkout, checkout) == {}
    assert len(lessons(checkout, SOME, curated)) == len(SOME)


def test_a_dropped_phrase_leaves_the_files(checkout: Path, curated: Content) -> None:
    export(_files(checkout, curated, *SOME), checkout)
    export(_files(checkout, curated, *(replace(phrase, dropped=True) for phrase in SOME)), checkout)
    assert list(read(checkout)) == []
    assert not (checkout / NLU).exists() and not (checkout / "tests/safety/corrections/akut.cauda_equina.tsv").exists()


def test_an_answer_or_flag_that_is_no_more_is_not_learnt(checkout: Path, curated: Content) -> None:
    gone = (_phrase("hvad er det", value="lob.findes_ikke"), _phrase("av av", Verdict.ALARM, "akut.findes_ikke"))
    assert _files(checkout, curated, *gone) == {}


def test_a_round_folder_holds_all_examples_and_tells_what_its_lessons_changed(
    checkout: Path, curated: Content, tmp_path: Path
) -> None:
    texts = _files(checkout, curated, *SOME, _phrase("lob varighed", value="lob.pris"))
    write(texts, checkout, tmp_path / "round")
    assert of_round(tmp_path / "round", checkout) == texts
    names = {path.name for path in (tmp_path / "round" / "data" / "nlu").iterdir()}
    assert names == {path.name for path in (checkout / "data" / "nlu").glob("*.yml")} | {"corrections.yml"}
    assert difference(texts, checkout, tmp_path / "round") == {}
    assert set(difference({}, checkout, tmp_path / "round")) == set(texts)


# Remembered corrections

QUESTIONS = {
    "lob.pris": ("hvad koster lob", "prisen på kurset", "skal jeg betale", "er det gratis", "koster det penge at deltage"),
    "lob.varighed": ("hvor længe varer lob", "hvor mange uger er det", "tiden på kurset", "er det langt", "hvornår slutter holdet"),
    "praktisk.parkering": ("hvor kan jeg parkere", "er der plads til bilen", "parkering ved jer", "holder man gratis", "må bilen stå der"),
}
CORRECTION = "skal jeg hæve noget først"


@pytest.fixture(scope="module")
def remembering() -> Tuple[Reader, Reader]:
    """Readers whose models learnt a few questions by words, without and with a correction."""
    from bot.content import load

    texts = [text for found in QUESTIONS.values() for text in found]
    intents = [intent for intent, found in QUESTIONS.items() for _ in found]
    plain = train(texts, intents, with_embedding=False)
    taught = train([*texts, CORRECTION], [*intents, "lob.pris"], False, [False] * len(texts) + [True])
    return tuple(Reader(model, ConditionFinder(load().conditions), Thresholds(0.65, 0.3, 0.6)) for model in (plain, taught))  # type: ignore[return-value]


@pytest.mark.parametrize("text", [CORRECTION, "skal jeg hæve noget først ?", "SKAL jeg hæve noget først!".lower()])
def test_a_message_of_exactly_the_words_of_a_correction_has_its_intent(remembering: Tuple[Reader, Reader], text: str) -> None:
    question = remembering[1].read(text, [Clause(text, True)], before="hvor kan jeg parkere")[0]
    assert (question.intent, question.guesses[0].confidence, question.clear) == ("lob.pris", 1.0, True)


@pytest.mark.parametrize("text", ["skal jeg hæve noget", "skal jeg hæve noget først nu", "først skal jeg hæve noget", "hvor kan jeg parkere"])
def test_its_neighbours_are_judged_by_the_experts(remembering: Tuple[Reader, Reader], text: str) -> None:
    assert remembering[1].model.recall(text) is None
    assert remembering[1].read(text, [])[0].guesses[0].confidence < 1


def test_a_correction_of_two_words_is_not_remembered_and_weights_are_those_without_corrections(
    remembering: Tuple[Reader, Reader]
) -> None:
    texts = [text for found in QUESTIONS.values() for text in found]
    intents = [intent for intent, found in QUESTIONS.items() for _ in found]
    taught = train([*texts, "hæve noget"], [*intents, "lob.pris"], False, [False] * len(texts) + [True])
    assert taught.remembered == {} and taught.weights == remembering[0].model.weights == remembering[1].model.weights


def _sources(folder: Path, **found: Sequence[str]) -> Sources:
    (folder / "alarms").mkdir(parents=True)
    for name, texts in found.items():
        path = folder / "calm.txt" if name == "calm" else folder / "alarms" / f"{name.replace('__', '@').replace('_', '.', 1)}.txt"
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return Sources(folder, folder / "safety.pickle")


MISSED = "alt dernede er gået i sort"


@pytest.fixture
def warned(tmp_path: Path) -> Detector:
    """Patterns and the memory of three missed alarms, without the classifier."""
    return Detector(sources=_sources(tmp_path, akut_cauda_equina=[MISSED], akut_mave=["bugen bobler"], akut_mave__112=["bugen er en ballon"]))


@pytest.mark.parametrize(
    "text, level",
    [
        (MISSED, "nu"),
        ("ALT dernede er gaaet i sort!!", "nu"),
        (f"Hej. Jeg skriver fordi {MISSED}, hvad gør jeg?", "nu"),
        (f"jeg har ikke ondt, men {MISSED} siden 2019", "nu"),
        ("bugen bobler", "nu"),
        ("bugen er en ballon", "112"),
    ],
)
def test_a_missed_alarm_is_caught_word_for_word_and_nothing_softens_it(warned: Detector, text: str, level: str) -> None:
    alarm = warned.screen(text).alarm
    assert alarm and alarm.part == "correction" and alarm.level.value == level
    assert Detector().screen(text).alarm is None


@pytest.mark.parametrize(
    "text", ["alt dernede er gået", "alt dernede er gået i stykker", "dernede er alt gået i sort", "min bugen bobler", "hej"]
)
def test_its_neighbours_raise_no_alarm(warned: Detector, text: str) -> None:
    assert warned.screen(text).findings == Detector().screen(text).findings


def test_a_file_of_corrections_that_cannot_be_used_leaves_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sources = _sources(tmp_path, akut_mave=["bugen bobler"], akut_ukendt=["noget andet her"], akut_mave__mange=["endnu noget andet"])
    (sources.corrections / "alarms" / "akut.kar.txt").write_bytes(b"\xff\xfe kanelgifler")
    detector = Detector(sources=sources)
    assert detector.screen("bugen bobler").alarm and not detector.screen("noget andet her").findings
    assert not detector.screen("endnu noget andet").findings
    assert "akut.kar.txt" in caplog.text and "kanelgifler" not in caplog.text


def test_an_answer_that_was_corrected_teaches_the_alarms_nothing(checkout: Path, curated: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.safety import model

    export(_files(checkout, curated, SOME[0]), checkout)
    monkeypatch.setattr(model, "training_examples", lambda: training_examples(checkout / "data" / "nlu"))
    assert SOME[0].text not in examples().texts


def test_what_is_an_alarm_by_correction_is_calm_nowhere_and_no_alarm_of_the_files_becomes_calm(tmp_path: Path) -> None:
    calm = next(example.text for example in training_examples())
    alarm = (DATA / "safety" / "alarms" / "akut.mave.txt").read_text(encoding="utf-8").splitlines()[0]
    found = examples(_sources(tmp_path, akut_mave=[calm.upper()], calm=[alarm, "min mave er rolig som altid"]).corrections)
    taught: Dict[str, List[str]] = {}
    for text, label in zip(found.texts, found.classes):
        taught.setdefault(same_words(text), []).append(label)
    assert taught[same_words(calm)] == ["akut.mave"] and taught["min mave er rolig som altid"] == [""]
    assert set(taught[same_words(alarm)]) == {"akut.mave"}


def test_without_corrections_the_alarms_learn_what_they_learnt_before(tmp_path: Path) -> None:
    alarms_in_files = sum(len(path.read_text(encoding="utf-8").split("\n")) - 1 for path in (DATA / "safety" / "alarms").glob("*.txt"))
    assert sum(label != "" for label in examples(tmp_path).classes) == alarms_in_files


# Embeddings that are kept


@pytest.mark.skipif(not Embedding.available(), reason="without the sentence embeddings there is nothing to keep")
def test_embeddings_are_computed_once_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["hvad koster lob", "hvor kan jeg parkere", "hvad koster lob"]
    first = vectors.encoded(texts, tmp_path / "vectors.npz")
    assert np.array_equal(first, Embedding.shared().encode(texts))
    asked: List[str] = []
    encode = Embedding.encode
    monkeypatch.setattr(Embedding, "encode", lambda self, new: (asked.extend(new), encode(self, new))[1])
    again = vectors.encoded([*texts, "er der en pause"], tmp_path / "vectors.npz")
    assert asked == ["er der en pause"] and np.array_equal(again[:3], first)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.npz"]


@pytest.mark.skipif(not Embedding.available(), reason="without the sentence embeddings there is nothing to keep")
@pytest.mark.parametrize("broken", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_broken_file_of_embeddings_is_made_anew(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "vectors.npz"
    file.write_bytes(broken)
    assert np.array_equal(vectors.encoded(["hej"], file), vectors.encoded(["hej"], file))
    assert file.read_bytes() != broken


def test_what_is_kept_of_embeddings_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "MOST_KEPT", 2)
    for text in ("en", "to", "tre"):
        vectors.encoded([text], tmp_path / "vectors.npz")
    assert len(vectors._read(tmp_path / "vectors.npz")) == 2


# Cases and comparison


def test_the_cases_are_the_projects_own_tests_and_the_corrections(curated: Content) -> None:
    known = {Lesson(Verdict.ANSWER, "lob.pris", SOME[0].text).essence}
    found = cases(ROOT, SOME, known, curated)
    counts = {group: sum(case.group is group for case in found) for group in Group}
    assert counts[Group.MUST_CATCH] >= 900 and counts[Group.HARD_NEGATIVES] >= 200 and counts[Group.QUESTIONS] >= 100
    assert counts[Group.CORRECTIONS] == len(SOME) - 1 and counts[Group.HELD_OUT] == 1
    assert not next(case for case in found if case.turns == (SOME[0].text,)).new
    assert next(case for case in found if case.wanted == "tilstand.artrose.prognose" and case.new).condition == "artrose"


def test_a_correction_takes_the_place_of_an_earlier_one_but_not_of_a_test_of_the_project(checkout: Path, curated: Content) -> None:
    question = next(case for case in cases(checkout, (), (), curated) if case.group is Group.QUESTIONS)
    export(_files(checkout, curated, SOME[0]), checkout)
    again = (_phrase(question.turns[0], value="lob.pris"), replace(SOME[0], value="lob.hvad"))
    wanted: Dict[str, List[str]] = {}
    for case in cases(checkout, again, (), curated):
        wanted.setdefault(case.turns[0], []).append(case.wanted)
    assert wanted[question.turns[0]] == [question.wanted, "lob.pris"] and wanted[SOME[0].text] == ["lob.hvad"]


def _result(old: int, new: int, group: Group = Group.QUESTIONS, is_new: bool = False) -> Result:
    case = Case(group, Verdict.ANSWER, ("hej",), "dialog.hilsen", new=is_new)
    return Result(case, Outcome(old, "a"), Outcome(new, "b"))


@pytest.mark.parametrize(
    "results, worse",
    [
        ([], False),
        ([_result(RIGHT, RIGHT), _result(WRONG, RIGHT), _result(WRONG, WRONG)], False),
        ([_result(WRONG, RIGHT), _result(WRONG, RIGHT), _result(RIGHT, WRONG)], True),
        ([_result(PARTLY, WRONG, Group.MUST_CATCH)], True),
        ([_result(RIGHT, PARTLY, Group.MUST_CATCH)], True),
        ([_result(WRONG, WRONG, Group.CORRECTIONS, is_new=True)], False),
        ([_result(RIGHT, WRONG, Group.HELD_OUT), _result(WRONG, RIGHT, Group.HELD_OUT)], False),
        ([_result(RIGHT, WRONG, Group.HELD_OUT)], True),
    ],
)
def test_a_model_is_worse_when_anything_that_was_right_is_not_any_more(results: List[Result], worse: bool) -> None:
    assert Comparison(tuple(results)).is_worse is worse


def test_the_report_says_what_changed_and_which_new_correction_is_still_wrong() -> None:
    results = [_result(RIGHT, RIGHT), _result(WRONG, RIGHT), _result(WRONG, WRONG, Group.CORRECTIONS, True), _result(WRONG, WRONG)]
    report = Comparison(tuple(results)).as_data()
    assert [change["change"] for change in report["changes"]] == ["better", "still_wrong"]
    assert report["groups"][0] == {"group": "questions", "cases": 3, "old": 1, "new": 2, "untouched": 0}


def test_an_alarm_that_a_pattern_raises_is_told_from_one_that_can_be_unlearnt() -> None:
    case = Case(Group.CORRECTIONS, Verdict.NO_ALARM, ("jeg kan pludselig ikke tisse og er følelsesløs i skridtet",))
    outcome = alarms(Detector(), [case])[0]
    assert outcome.grade == WRONG and outcome.by_hand and outcome.given == "akut.cauda_equina"


def test_a_must_catch_case_counts_wholly_at_its_level_only() -> None:
    said = ("jeg kan pludselig ikke tisse og er følelsesløs i skridtet",)
    grades = [alarms(Detector(), [Case(Group.MUST_CATCH, Verdict.ALARM, said, level)])[0].grade for level in ("nu", "112")]
    assert grades == [RIGHT, PARTLY]
    told = ("jeg har fået voldsomt ondt i ryggen", "jeg kan heller ikke tisse")
    assert alarms(Detector(), [Case(Group.MUST_CATCH, Verdict.ALARM, told, "nu")])[0].grade == RIGHT
    assert alarms(Detector(), [Case(Group.MUST_CATCH, Verdict.ALARM, ("hvor kan jeg parkere",), "nu")])[0].grade == WRONG
