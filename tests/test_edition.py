"""What patients read: the files and what was published since; in every worker, without the database, and after an export."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import date
from pathlib import Path
from typing import Any, List

import pytest

from bot import content_export, edition, proof, publication
from bot.document import ContentError
from bot.edition import Edition, assembled, current
from bot.finding import Code, Finding, Key, Kind
from bot.manuscript import Manuscript, Misfit, Published
from bot.proof import MOST_WORDS
from bot.publication import Follower, Publication, Stale, Unfit
from bot.safety.flags import ORDER
from bot.store.database import Database
from bot.store.revisions import editing, reading
from tests.conftest import StartServer

LOB = Key(Kind.ANSWER, "lob.varighed")
HEADING = Key(Kind.PHRASE, "page.heading")
CARD = Key(Kind.CARD, "akut.cauda_equina")
CENTRE = Key(Kind.CONTACT, "smertecenter")
GONE = "postgresql://nobody@127.0.0.1:9/nothing"


@pytest.fixture
def publishing(tmp_path: Path) -> Publication:
    """Publishes in a fresh SQLite database."""
    database = Database(f"sqlite:///{tmp_path / 'texts.sqlite'}")
    database.migrate()
    return Publication(database, tmp_path / "published.json")


@pytest.fixture
def files() -> Manuscript:
    """The texts of the files."""
    return edition.of_files().manuscript


def _changed(key: Key, **fields: Any) -> Any:
    return {**edition.of_files().manuscript.fields(key), **fields}


def _published(key: Key, version: int = 2, **fields: Any) -> Published:
    return Published(key, _changed(key, **fields), version, date(2026, 12, 1))


def _publish(publishing: Publication, key: Key, **fields: Any) -> None:
    """Write, submit and approve by two people."""
    now = current().manuscript
    with editing(publishing.database) as revisions:
        draft = revisions.save(key, {**now.fields(key), **fields}, 0, now.mark(key).version, "anne")
    publishing.approve(key, publishing.submit(key, draft.stamp, "", "anne").stamp, "", "bo")


def _codes(findings: Any) -> List[Code]:
    return [finding.code for finding in findings if finding.blocks]


def test_the_texts_of_the_files_hold_together_and_could_be_approved_as_they_are(files: Manuscript) -> None:
    assert [str(finding) for finding in proof.faults(files)] == []
    assert [str(finding) for key in files.keys() for finding in proof.style(files, key) if finding.blocks] == []


def test_a_published_answer_is_filled_in_and_shows_its_version() -> None:
    live = assembled([_published(LOB, text="Ring på {smertecenter.tel}.")])
    answer = live.content.answers[LOB.id]
    assert (answer.text, answer.version, answer.approved) == ("Ring på 56 51 28 60.", 2, date(2026, 12, 1))
    assert live.manuscript.fields(LOB)["text"] == "Ring på {smertecenter.tel}."


def test_a_published_contact_is_filled_into_every_text() -> None:
    live = assembled([_published(CENTRE, tel="56 51 28 61")])
    assert "56 51 28 61" in live.content.answers["praktisk.telefon"].text
    assert "56 51 28 60" not in str(live.content.phrases)


def test_the_version_of_the_edition_changes_with_the_files_and_with_what_is_published() -> None:
    versions = {assembled(texts).version for texts in ([], [_published(LOB)], [_published(LOB, text="Syv uger.")], [_published(HEADING)])}
    assert len(versions) == 4 and edition.of_files().version in versions


def test_a_published_text_counts_only_while_it_is_newer_than_the_files() -> None:
    live = assembled([_published(LOB, version=1, text="Noget helt andet.")])
    assert live.content.answers[LOB.id] == edition.of_files().content.answers[LOB.id]


def test_the_same_text_with_the_same_version_adds_its_approval() -> None:
    live = assembled([_published(LOB, version=1), _published(HEADING, version=1)])
    assert live.manuscript.mark(LOB).approved == live.manuscript.mark(HEADING).approved == date(2026, 12, 1)
    assert live.manuscript.mark(LOB).version == 1


def test_a_text_that_no_longer_fits_is_left_out_with_its_name_in_the_log_and_the_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    texts = [_published(LOB, follow_ups=["lob.findes_ikke"], text="kanelgifler"), _published(HEADING, text="Ny overskrift")]
    live = assembled([*texts, Published(Key(Kind.PHRASE, "page.gone"), {"text": "væk"}, 2, date(2026, 12, 1))])
    assert live.misfits == (LOB, Key(Kind.PHRASE, "page.gone"))
    assert live.content.phrases.page.heading == "Ny overskrift"
    assert live.content.answers[LOB.id] == edition.of_files().content.answers[LOB.id]
    assert "answer/lob.varighed" in caplog.text and "kanelgifler" not in caplog.text


def test_a_text_that_needs_a_published_contact_goes_with_it_when_another_text_does_not_fit() -> None:
    needs, gives = _published(HEADING, text="Skriv til {laegevagt.email}"), _published(Key(Kind.CONTACT, "laegevagt"), email="vagt@example.dk")
    live = assembled([needs, _published(LOB, follow_ups=["lob.findes_ikke"]), gives])
    assert live.misfits == (LOB,) and live.content.phrases.page.heading == "Skriv til vagt@example.dk"


@pytest.mark.parametrize(
    "key, fields, code",
    [
        (LOB, {"text": "ord " * (MOST_WORDS + 1)}, Code.TOO_LONG),
        (LOB, {"more": "Smertebehandlingsforløbet forudsætter tværfaglighed og selvhåndteringskompetencer."}, Code.HARD),
        (LOB, {"text": "Ring 56 51 28 60."}, Code.TYPED),
        (LOB, {"text": "Ring {smertecenter.telefax}."}, Code.UNKNOWN_PLACE),
        (LOB, {"follow_ups": ["lob.varighed"]}, Code.DEAD_FOLLOW_UP),
        (LOB, {"follow_ups": ["lob.findes_ikke"]}, Code.DEAD_FOLLOW_UP),
        (LOB, {"sources": [{"key": "ukendt", "section": "x"}]}, Code.UNKNOWN_SOURCE),
        (LOB, {"text": " "}, Code.EMPTY),
        (LOB, {"question": "Hvad er LOB?"}, Code.SAME_QUESTION),
        (LOB, {"scope": "hele_landet"}, Code.MALFORMED),
        (LOB, {}, Code.UNCHANGED),
        (CARD, {"advice": "Ring 1818."}, Code.TYPED),
        (CARD, {"notice": ""}, Code.EMPTY),
        (CENTRE, {"tel": "56 51"}, Code.TEL),
        (CENTRE, {"email": "smerte"}, Code.EMAIL),
        (CENTRE, {"web": "ikke en side"}, Code.WEB),
        (CENTRE, {"verified": "i går"}, Code.DATE),
        (CENTRE, {"verified": "2999-01-01"}, Code.FUTURE),
        (CENTRE, {"label": ""}, Code.EMPTY),
        (Key(Kind.PHRASE, "page.file"), {"text": 'x"; y.txt'}, Code.FILE_NAME),
        (HEADING, {"text": ""}, Code.EMPTY),
    ],
)
def test_the_proof_finds_what_blocks_a_publication(files: Manuscript, key: Key, fields: Any, code: Code) -> None:
    assert code in _codes(proof.proof(files, key, _changed(key, **fields)))


def test_a_dose_is_a_warning_that_does_not_block(files: Manuscript) -> None:
    findings = proof.proof(files, LOB, _changed(LOB, text="Tag 500 mg. Eller tre piller om dagen."))
    assert [(finding.code, finding.blocks) for finding in findings] == [(Code.DOSE, False)]


def test_a_reason_excuses_a_text_that_is_hard_to_read(files: Manuscript) -> None:
    hard = "Smertebehandlingsforløbet forudsætter tværfaglighed og selvhåndteringskompetencer."
    assert _codes(proof.proof(files, LOB, _changed(LOB, more=hard, lix_reason="Navnet er langt."))) == []


@pytest.mark.parametrize("level", [level.value for level in ORDER])
@pytest.mark.parametrize("field", ["in_hours", "out_of_hours"])
@pytest.mark.parametrize("text", ["Tag den med ro.", "Ring [her](tel:112).", "Ring [nu](http://1818).", "Ring {alarmcentralen.label}."])
def test_no_card_can_lose_its_number_by_its_first_line(files: Manuscript, level: str, field: str, text: str) -> None:
    key = Key(Kind.LEVEL, level)
    assert Code.NO_NUMBER in _codes(proof.proof(files, key, _changed(key, **{field: text})))


@pytest.mark.parametrize("level", ["112", "krise", "gift"])
def test_where_life_is_at_risk_another_number_does_not_do(files: Manuscript, level: str) -> None:
    key = Key(Kind.LEVEL, level)
    findings = proof.proof(files, key, _changed(key, in_hours="Ring {giftlinjen.tel} eller {laegevagt.tel} eller {livslinien.tel}."))
    assert Finding(key, Code.NO_NUMBER, ("in_hours",), {"number": "112"}) in findings


@pytest.mark.parametrize("contact", ["alarmcentralen", "laegevagt", "giftlinjen", "livslinien"])
@pytest.mark.parametrize("tel", [None, "", "0", "113"])
def test_no_card_can_lose_its_number_by_a_contact(files: Manuscript, contact: str, tel: Any) -> None:
    key = Key(Kind.CONTACT, contact)
    findings = proof.proof(files, key, _changed(key, tel=tel))
    # A wrong number of another contact has the form of one: only four eyes see that.
    assert _codes(findings) or (tel == "113" and contact != "alarmcentralen")


@pytest.mark.parametrize("key", ["phrase/failed", "phrase/not_ready", "phrase/page.emergency_112", "level/reached_someone", "answer/akut.info"])
def test_what_patients_read_when_something_failed_keeps_112(files: Manuscript, key: str) -> None:
    kind, id = key.split("/")
    text = Key(Kind(kind), id)
    assert Code.NO_NUMBER in _codes(proof.proof(files, text, _changed(text, text="Prøv igen. Ring {laegevagt.tel}.")))


def test_publishing_takes_two_people_and_is_live_at_once(publishing: Publication) -> None:
    _publish(publishing, LOB, text="LOB varer syv uger.")
    assert current().content.answers[LOB.id].text == "LOB varer syv uger."
    assert current().content.answers[LOB.id].version == 2


def test_a_text_of_the_files_is_approved_as_it_is_by_one_approver_and_once(publishing: Publication) -> None:
    publishing.approve_as_it_is(CARD, 1, "bo")
    assert current().flags[CARD.id].approved and current().flags[CARD.id].version == 1
    with pytest.raises(Stale):
        publishing.approve_as_it_is(CARD, 1, "carl")


def test_given_a_text_that_changed_meanwhile_the_draft_cannot_be_submitted_nor_approved(publishing: Publication) -> None:
    with editing(publishing.database) as revisions:
        draft = revisions.save(LOB, _changed(LOB, text="Syv uger."), 0, 1, "anne")
    submitted = publishing.submit(LOB, draft.stamp, "", "anne")
    publishing.roll_back(LOB, _changed(LOB, text="Otte uger."), 1, "carl")
    with pytest.raises(Stale):
        publishing.approve(LOB, submitted.stamp, "", "bo")
    assert current().content.answers[LOB.id].text == "Otte uger."


def test_what_an_approver_may_not_publish_stays_a_draft(publishing: Publication) -> None:
    key = Key(Kind.LEVEL, "112")
    with editing(publishing.database) as revisions:
        draft = revisions.save(key, _changed(key, in_hours="Tag den med ro."), 0, 1, "anne")
        # As if the rule had been another one when it was submitted.
        draft = revisions.submit(key, draft.stamp, "", "anne")
    with pytest.raises(Unfit):
        publishing.approve(key, draft.stamp, "", "bo")
    assert current().cards == edition.of_files().cards and not publishing.copy.exists()
    with reading(publishing.database) as revisions:
        assert revisions.draft(key) == draft and revisions.published() == ()


def test_a_roll_back_cannot_bring_back_what_no_longer_fits(publishing: Publication) -> None:
    with pytest.raises(Unfit):
        publishing.roll_back(LOB, _changed(LOB, follow_ups=["lob.findes_ikke"]), 1, "bo")
    with pytest.raises(Unfit):
        publishing.roll_back(LOB, {"text": None}, 1, "bo")


def test_a_version_is_never_given_twice_even_where_the_last_one_no_longer_fits(publishing: Publication) -> None:
    with editing(publishing.database) as revisions:
        revisions.restore([_published(LOB, version=5, follow_ups=["lob.findes_ikke"])])
    publishing.refresh()
    assert current().misfits == (LOB,)
    publishing.roll_back(LOB, _changed(LOB, text="Syv uger."), 1, "bo")
    assert current().content.answers[LOB.id].version == 6 and current().misfits == ()


def test_the_files_text_is_approved_as_it_is_though_a_version_above_it_no_longer_fits(publishing: Publication) -> None:
    with editing(publishing.database) as revisions:
        revisions.restore([_published(LOB, version=5, follow_ups=["lob.findes_ikke"])])
    publishing.refresh()
    publishing.approve_as_it_is(LOB, 1, "bo")
    assert current().manuscript.mark(LOB).approved and current().misfits == ()


def test_another_worker_sees_a_publication_when_it_looks_and_reads_nothing_when_there_is_none(publishing: Publication) -> None:
    seen = publishing.refresh()
    _publish(publishing, LOB, text="LOB varer syv uger.")
    edition.put(edition.of_files())
    assert publishing.refresh(seen) != seen
    assert current().content.answers[LOB.id].text == "LOB varer syv uger."
    live = current()
    assert publishing.refresh(publishing.refresh()) and current().version == live.version


def test_the_follower_puts_what_others_publish(publishing: Publication, monkeypatch: pytest.MonkeyPatch) -> None:
    put, put_it = threading.Event(), edition.put

    def noticed(live: Edition) -> None:
        put_it(live)
        put.set()

    monkeypatch.setattr(publication, "REFRESH_SECONDS", 0.01)
    _publish(publishing, HEADING, text="Ny overskrift")
    edition.put(edition.of_files())
    monkeypatch.setattr(edition, "put", noticed)
    follower = Follower(publishing)
    follower.start()
    assert put.wait(10)
    follower.stop()
    assert current().content.phrases.page.heading == "Ny overskrift"


def test_given_no_database_at_the_start_the_copy_is_read(publishing: Publication) -> None:
    _publish(publishing, LOB, text="LOB varer syv uger.")
    edition.put(edition.of_files())
    Publication(Database(GONE), publishing.copy).open(database_works=True)
    assert current().content.answers[LOB.id].text == "LOB varer syv uger."


@pytest.mark.parametrize("broken", ["", "{", "[1]", '[{"kind": "answer"}]', '[{"kind": "poem", "id": "x", "fields": {}, "version": 1, "approved": "x"}]'])
def test_given_a_broken_copy_the_files_are_read_and_the_log_says_so(
    publishing: Publication, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    publishing.copy.write_text(broken)
    Publication(Database(GONE), publishing.copy).open(database_works=False)
    assert current() is edition.of_files() and "copy" in caplog.text


def test_given_a_new_database_in_place_of_a_lost_one_the_published_texts_are_restored(publishing: Publication, tmp_path: Path) -> None:
    _publish(publishing, LOB, text="LOB varer syv uger.")
    edition.put(edition.of_files())
    new = Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    new.migrate()
    Publication(new, publishing.copy).open(database_works=True)
    assert current().content.answers[LOB.id].text == "LOB varer syv uger."
    with reading(new) as revisions:
        assert [text.key for text in revisions.published()] == [LOB]


def test_the_copy_holds_texts_and_no_names_of_staff(publishing: Publication) -> None:
    _publish(publishing, LOB, text="LOB varer syv uger.")
    assert "syv uger" in publishing.copy.read_text() and "anne" not in publishing.copy.read_text()
    assert [path.name for path in publishing.copy.parent.glob("*published*")] == ["published.json"]


def test_given_no_database_at_the_start_patients_of_a_real_server_read_the_published_texts(
    start_server: StartServer, tmp_path: Path
) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    lead = "**Ring {alarmcentralen.tel} straks.**"
    texts = [_published(HEADING, text="Ny overskrift <b>"), _published(Key(Kind.LEVEL, "112"), in_hours=lead, out_of_hours=lead)]
    (folder / "published.json").write_text(json.dumps([text.as_data() for text in texts]))
    server = start_server("/healthz", var=str(folder), database_url=GONE, model=str(tmp_path / "none.tar.gz"))
    assert "Ny overskrift &lt;b&gt;" in server.get("/chat").body
    assert server.say("jeg kan ikke få vejret og har blå læber")[0]["text"].startswith("**Ring 112 straks.**")
    assert server.get("/readyz").body["content"] == assembled(texts).version


def _same(live: Edition, files: Edition) -> None:
    for key in live.manuscript.keys():
        assert live.manuscript.fields(key) == files.manuscript.fields(key), key
        assert live.manuscript.mark(key) == files.manuscript.mark(key), key


PUBLISHED = [
    _published(LOB, text="Kort.\n\n" + "LOB er et hold med mange ord i en lang sætning uden noget punktum " * 4, more="Mere: ja\n- et\n- to"),
    _published(Key(Kind.ANSWER, "lob.hvad"), version=1),
    _published(Key(Kind.ANSWER, "praktisk.adresse"), lix_reason=None, text="Spørg i receptionen."),
    _published(Key(Kind.ANSWER, "lob.pris"), question='Hvad koster "LOB"? # ikke: noget', lix_reason="Fordi: det er svært", reassures=True),
    _published(Key(Kind.ANSWER, "lob.emner"), sources=[{"key": "lob-pjece", "section": "Nyt: afsnit"}], follow_ups=["lob.hvad"], scope="generel"),
    _published(Key(Kind.ANSWER, "tilstand.laenderyg.viden"), more=None, sources=[]),
    _published(CARD, advice="Ring, og sig: {laegevagt.tel}.", notice="- et\n- to", title="null"),
    _published(Key(Kind.LEVEL, "112"), in_hours='**Ring {alarmcentralen.tel} nu!** Sig "hjælp".'),
    _published(Key(Kind.LEVEL, "reached_someone"), text="Fik du fat i nogen? Ellers ring {alarmcentralen.tel}."),
    _published(HEADING, text="Overskrift med\ntabel\t, \\ og 'tegn'"),
    _published(Key(Kind.PHRASE, "scopes.naestved"), text="Næstved 🙂"),
    _published(CENTRE, tel="56512861", email="a@b.dk", hours="9-12", verified="2026-11-22"),
    _published(Key(Kind.CONTACT, "livslinien"), tel="70201201"),
]


def test_after_an_export_the_files_hold_what_is_live(own_content: Path, tmp_path: Path) -> None:
    live = assembled(PUBLISHED)
    assert live.misfits == ()
    content_export.write(content_export.exported(PUBLISHED, own_content), own_content)
    deployed = Path(shutil.copytree(own_content, tmp_path / "deployed"))
    files = edition.of_files(deployed)
    _same(live, files)
    assert assembled(PUBLISHED, files) is files and content_export.exported(PUBLISHED, deployed) == {}


def test_an_export_keeps_comments_and_the_layout_of_all_else(own_content: Path) -> None:
    before = {path: path.read_text(encoding="utf-8").splitlines() for path in own_content.rglob("*.yml")}
    files = content_export.exported([_published(LOB, text="Syv uger."), _published(HEADING, text="Spørg os")], own_content)
    assert set(files) == {"answers/lob.yml", "interface.yml", "approvals.yml"}
    content_export.write(files, own_content)
    for path, lines in before.items():
        after = path.read_text(encoding="utf-8").splitlines()
        assert [line for line in after if line.startswith("#")] == [line for line in lines if line.startswith("#")]
        assert len(set(lines) - set(after)) <= 4, path.name


def test_a_text_in_a_file_that_is_raised_by_hand_takes_over(own_content: Path, tmp_path: Path) -> None:
    content_export.write(content_export.exported(PUBLISHED, own_content), own_content)
    approvals = own_content / "approvals.yml"
    approvals.write_text(approvals.read_text().replace("page.heading: {version: 2, approved: 2026-12-01}", "page.heading: {version: 3}"))
    files = edition.of_files(Path(shutil.copytree(own_content, tmp_path / "deployed")))
    assert files.manuscript.mark(HEADING).version == 3 and not files.manuscript.mark(HEADING).approved
    assert assembled(PUBLISHED, files) is files


def test_a_mark_of_a_text_that_does_not_exist_stops_the_start(own_content: Path) -> None:
    (own_content / "approvals.yml").write_text("texts:\n  phrase:\n    page.gone: {version: 2}\n")
    with pytest.raises(ContentError, match="approvals.yml:3: phrase/page.gone: no such text"):
        edition.of_files(own_content)


def test_given_a_card_file_without_a_number_the_start_is_refused_with_file_and_line(own_content: Path) -> None:
    cards = own_content / "cards.yml"
    cards.write_text(cards.read_text(encoding="utf-8").replace('in_hours: "**Ring {alarmcentralen.tel} nu.**"', 'in_hours: "**Ring nu.**"'))
    with pytest.raises(ContentError, match="cards.yml:5: 112: the number 112 is missing"):
        edition.of_files(own_content)


def test_a_draft_of_a_text_that_does_not_exist_is_none(files: Manuscript) -> None:
    with pytest.raises(Misfit):
        proof.proof(files, Key(Kind.ANSWER, "lob.findes_ikke"), {})
