"""A round as it happens: corrections of a running server are learnt, compared and used, and no message is lost."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from bot.content import Content
from bot.improvement.build import Busy, Folders
from bot.improvement.files import difference, of_round
from bot.improvement.job import Improvement, NothingToLearn
from bot.improvement.live import ModelFollower
from bot.improvement.trial import Trial
from bot.paths import ROOT
from bot.settings import Settings
from bot.store.audit import Search, lines
from bot.store.database import Database
from bot.store.phrases import Phrases
from bot.store.review import Verdict
from bot.store.rounds import Round, Rounds, State
from tests.conftest import Server, StartServer
from tests.improvement import Site, Visitors, copied, corrected, ended, post, site

# What the trained model gets wrong and the answer it should have given; an alarm that it misses; and what it knows well.
ASKED, ANSWER = "hvem skal jeg prikke på skulderen for at komme på listen", "lob.tilmelding"
MISSED, FLAG = "motoren derinde kører på tre cylindre", "akut.brystsmerter"
CHEERFUL = "hvor kan jeg parkere"
OTHERS = (CHEERFUL, "hvem er min kontaktperson", "hvordan melder jeg mig til LOB", "jeg kan ikke få vejret", "hvad med psykologen")
PAGE = "/staff/forbedring"


@dataclass(frozen=True)
class Improved:
    """A site before and after a round."""

    site: Site
    before: Dict[str, Dict[str, Any]]
    visitors: Visitors
    turns: int
    round: Round
    page: str


@pytest.fixture(scope="session")
def improved(model: Path, start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Improved:
    """A server that was corrected and improved by one click while visitors wrote all the while."""
    here = site(start_server, model, tmp_path_factory.mktemp("improved") / "var")
    before = {text: here.answer(text) for text in (ASKED, MISSED, *OTHERS)}
    here.correct(ASKED, Verdict.ANSWER, ANSWER)
    here.correct(MISSED, Verdict.ALARM, FLAG)
    with here.signed_in("bo") as client:
        with Visitors(here.server, (CHEERFUL, "jeg kan ikke få vejret")) as visitors:
            post(client, f"{PAGE}/begynd", of=PAGE)
            round = ended(here.improvement)
            visitors.pause = 0.02
            here.wait_for(f"round-{round.id}.tar.gz")
        page = client.get(PAGE).text
    return Improved(here, before, visitors, here.turns_kept(), round, page)


def test_the_corrected_question_is_answered_and_the_missed_alarm_gets_its_card(improved: Improved) -> None:
    assert improved.round.state is State.READY, improved.round.report
    assert improved.before[ASKED].get("answer_id") != ANSWER and improved.before[MISSED]["status"] != "red_flag"
    assert improved.site.answer(ASKED)["answer_id"] == ANSWER
    assert improved.site.answer(f"Hej. {MISSED}, hvad gør jeg?")["red_flag"]["id"] == FLAG


def test_all_else_is_answered_as_before(improved: Improved) -> None:
    assert [improved.site.answer(text) for text in OTHERS] == [improved.before[text] for text in OTHERS]


def test_no_message_fails_or_is_lost_while_it_learns_and_switches(improved: Improved) -> None:
    visitors = improved.visitors
    assert visitors.failures == [] and set(visitors.replies) <= {"answered", "red_flag", "clarify"}
    assert len(visitors.replies) >= 40 and visitors.slowest < 20
    first = len(improved.before) + 2
    assert improved.turns == first + len(visitors.replies)


def test_the_report_compares_every_group_and_the_page_shows_it(improved: Improved) -> None:
    groups = {group["group"]: group for group in improved.round.report["groups"]}
    assert groups["must_catch"]["cases"] >= 900 and groups["must_catch"]["new"] >= groups["must_catch"]["old"]
    assert groups["corrections"] == {"group": "corrections", "cases": 2, "old": 0, "new": 2, "untouched": 0}
    assert "taget i brug" in improved.page and ASKED in improved.page and "Alarmer, der skal fanges" in improved.page


def test_only_phrases_of_corrections_and_our_own_cases_stand_in_the_report(improved: Improved) -> None:
    own = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*") if path.suffix in (".yml", ".tsv"))
    for change in improved.round.report["changes"]:
        said = change["text"].split(" … ")
        assert change["text"] in (ASKED, MISSED) or all(turn in own.replace("[", "").replace("]", "") or turn in own for turn in said)


def test_the_log_tells_who_did_what_and_no_words_of_patients(improved: Improved) -> None:
    said = [line.action for line in lines(improved.site.database, Search(actor="bo"), 50)]
    assert {"corrections taken on", "improvement begun", "improvement ended"} <= set(said)
    log = improved.site.server.log.read_text() + (Folders(Settings(var=improved.site.server.var)).of(improved.round.id) / "log").read_text()
    assert "prikke" not in log and "cylindre" not in log


def test_there_is_nothing_new_to_learn_afterwards(improved: Improved) -> None:
    plan = improved.site.improvement.plan()
    assert plan.coming == () and plan.difference == {}
    with pytest.raises(NothingToLearn):
        improved.site.improvement.begin("bo")


def test_the_files_of_the_round_in_use_are_what_an_export_writes(improved: Improved, curated: Content) -> None:
    texts = improved.site.improvement.exported()
    assert texts is not None
    assert set(texts) == {
        "data/nlu/corrections.yml",
        f"data/safety/corrections/alarms/{FLAG}.txt",
        f"tests/safety/corrections/{FLAG}.tsv",
        "tests/stories/test_corrections.yml",
    }
    assert set(difference(texts, ROOT, ROOT)) == set(texts)
    assert of_round(improved.site.improvement.folders.of(improved.round.id), ROOT) == texts


@pytest.fixture(scope="module")
def again(improved: Improved, model: Path, start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that starts where the improved one left off, in a folder of its own."""
    yield site(start_server, model, copied(improved.site.server.var, tmp_path_factory.mktemp("again") / "var"))


def test_after_a_restart_the_round_is_in_use_and_one_click_goes_back(again: Site, improved: Improved, model: Path) -> None:
    assert again.model == f"round-{improved.round.id}.tar.gz"
    assert again.answer(ASKED)["answer_id"] == ANSWER and again.answer(MISSED)["status"] == "red_flag"
    with again.signed_in("bo") as client:
        page = post(client, f"{PAGE}/tilbage", of=PAGE, id=str(improved.round.id)).text
    assert "inden for få sekunder" in page
    again.wait_for(model.name)
    assert again.answer(ASKED) == improved.before[ASKED] and again.answer(MISSED) == improved.before[MISSED]


def test_a_round_ends_with_the_server_that_started_it_and_nothing_changes(again: Site, model: Path) -> None:
    corrected(again.database, "er der mon en krog til min frakke", Verdict.ANSWER, "praktisk.adresse")
    with again.signed_in("bo") as client:
        post(client, f"{PAGE}/begynd", of=PAGE)
    running = again.improvement.settle()
    assert running is not None
    before = again.answer(CHEERFUL)
    again.server.process.terminate()
    again.server.process.wait(30)
    last = ended(again.improvement)
    assert (last.id, last.state, last.live) == (running.id, State.FAILED, False) and before["answer_id"] == "praktisk.parkering"


@pytest.fixture
def work(improved: Improved, model: Path, tmp_path: Path) -> Improvement:
    """What a worker of its own works with: all that the improved server has, copied."""
    settings = Settings(var=copied(improved.site.server.var, tmp_path / "var"), model=model)
    return Improvement(settings, Database(settings.database))


def test_a_round_that_is_killed_is_told_as_failed_and_another_may_begin(improved: Improved, work: Improvement) -> None:
    corrected(work.database, "er der mon en krog til min frakke", Verdict.ANSWER, "praktisk.adresse")
    job = work.begin("bo")
    os.kill(job.process.pid, signal.SIGKILL)
    job.process.wait(30)
    last = ended(work)
    live = work.rounds.live()
    assert (last.id, last.state, last.report) == (job.id, State.FAILED, {"failure": "ended"})
    assert live and live.id == improved.round.id
    again = work.begin("bo")
    again.process.kill()


def test_only_one_round_runs_whichever_worker_starts_it(work: Improvement) -> None:
    corrected(work.database, "er der mon en krog til min frakke", Verdict.ANSWER, "praktisk.adresse")
    job = work.begin("bo")
    other = Improvement(work.settings, Database(work.settings.database))
    with pytest.raises(Busy):
        other.begin("carl")
    running = other.settle()
    assert running and running.id == job.id
    job.process.kill()


# Rounds on a checkout of a few questions, which take seconds


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of few examples, whose one regression test the trained model passes."""
    folder = tmp_path_factory.mktemp("small") / "checkout"
    for name in ("data/rules", "data/stories"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("config.yml", "domain.yml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "data/nlu").mkdir()
    (folder / "tests/stories").mkdir(parents=True)
    (folder / "data/nlu/few.yml").write_text(_few(), encoding="utf-8")
    story = "- story: parking\n  steps:\n  - user: hvor kan jeg parkere\n    intent: praktisk.parkering\n  - action: action_answer\n"
    (folder / "tests/stories/test_few.yml").write_text(f'version: "3.1"\nstories:\n{story}', encoding="utf-8")
    return folder


def _few() -> str:
    questions = {"praktisk.parkering": "parkere bilen", "lob.pris": "koster kurset", "praktisk.adresse": "ligger huset"}
    blocks = []
    for intent, words in questions.items():
        examples = "".join(f"    - {start} {words}{end}\n" for start in ("hvor", "hvad", "mon det") for end in ("", " nu", " i dag", " så"))
        blocks.append(f"- intent: {intent}\n  examples: |\n{examples}")
    return 'version: "3.1"\nnlu:\n' + "".join(blocks)


def _trial(tmp_path: Path, model: Path, checkout: Path) -> Trial:
    settings = Settings(var=tmp_path / "var", model=model)
    database = Database(settings.database)
    database.migrate()
    return Trial(Rounds(database), Phrases(database), Folders(settings), model, checkout)


def test_a_correction_that_takes_the_words_of_a_regression_test_makes_it_worse_and_is_not_used(
    tmp_path: Path, model: Path, small: Path, server: Server
) -> None:
    trial = _trial(tmp_path, model, small)
    before = server.say(CHEERFUL)[0]["custom"]
    database = trial.rounds._database
    corrected(database, CHEERFUL, Verdict.ANSWER, "lob.pris")
    trial.phrases.take("bo")
    assert trial.run(trial.rounds.begin("bo", model.name)) is State.WORSE
    round = trial.rounds.latest()[0]
    changes = {(change["group"], change["change"], change["new"]) for change in round.report["changes"]}
    assert ("questions", "worse", "lob.pris") in changes and ("corrections", "better", "lob.pris") in changes
    assert trial.rounds.live() is None and trial.in_use().model == model
    assert server.say(CHEERFUL)[0]["custom"] == before


def test_a_training_that_fails_is_told_and_changes_nothing(
    tmp_path: Path, model: Path, small: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Path(shutil.copytree(small, tmp_path / "broken"))
    (broken / "data/nlu/few.yml").write_text('version: "3.1"\nnlu:\n- intent: [kanelgifler\n', encoding="utf-8")
    trial = _trial(tmp_path, model, broken)
    assert trial.run(trial.rounds.begin("bo", model.name)) is State.FAILED
    round = trial.rounds.latest()[0]
    assert round.report["failure"] and not round.live and trial.rounds.live() is None
    assert "kanelgifler" not in str(round.report) and server.say(CHEERFUL)[0]["custom"]["answer_id"] == "praktisk.parkering"


def test_files_of_older_rounds_are_deleted_and_their_reports_stay(tmp_path: Path, model: Path, small: Path) -> None:
    broken = Path(shutil.copytree(small, tmp_path / "broken"))
    (broken / "data/nlu/few.yml").write_text("{", encoding="utf-8")
    trial = _trial(tmp_path, model, broken)
    ready: List[int] = []
    for _ in range(3):
        ready.append(trial.rounds.begin("bo", model.name))
        trial.folders.of(ready[-1]).mkdir(parents=True)
        trial.rounds.end(ready[-1], State.READY, {"groups": []})
    failed = [trial.rounds.begin("bo", model.name) for _ in range(2)]
    for id in failed:
        trial.run(id)
    kept = {int(path.name) for path in trial.folders.root.iterdir() if path.is_dir()}
    assert kept == {*ready[1:], failed[-1]} and len(trial.rounds.latest()) == 5


def test_missing_files_of_a_round_leave_the_base_in_use(tmp_path: Path, model: Path, small: Path) -> None:
    trial = _trial(tmp_path, model, small)
    trial.rounds.end(trial.rounds.begin("bo", model.name), State.READY, {})
    settings = Settings(var=tmp_path / "var", model=model)
    assert trial.in_use().model == model
    assert ModelFollower(Improvement(settings, Database(settings.database))).open(True) is None


def test_without_the_database_the_round_in_use_is_known_from_the_copy(improved: Improved, work: Improvement) -> None:
    for works in (True, False):
        build = ModelFollower(work).open(works)
        assert build and build.model.name == f"round-{improved.round.id}.tar.gz"
        assert build.sources.words.name == "safety.pickle" and build.sources.words.parent == build.model.parent


def test_a_round_on_another_base_is_not_used(work: Improvement, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "another-base.tar.gz"
    shutil.copy(model, other)
    moved = Improvement(Settings(var=work.settings.var, model=other), work.database)
    assert ModelFollower(moved).open(True) is None and ModelFollower(moved).open(False) is None
    assert moved.plan().teaches


def test_a_broken_model_of_a_round_leaves_the_base_answering(improved: Improved, model: Path, start_server: StartServer, tmp_path: Path) -> None:
    var = copied(improved.site.server.var, tmp_path / "var")
    (var / "improvements" / str(improved.round.id) / f"round-{improved.round.id}.tar.gz").write_bytes(b"broken")
    here = site(start_server, model, var)
    assert here.model == model.name and here.answer(CHEERFUL)["answer_id"] == "praktisk.parkering"
    assert here.answer(MISSED)["status"] == "red_flag"
    assert "the improved model cannot be used" in here.server.log.read_text()
