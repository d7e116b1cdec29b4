"""Signing in and out, and what people see and change of their own account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starsessions import get_session_id

from bot.staff import access, view
from bot.staff.access import Person
from bot.staff.desk import Desk, desk
from bot.store.accounts import Locked, Unfit, WrongPassword
from bot.store.sessions import key_of

FIRST_PAGE = "/staff/samtaler"
router = APIRouter()


@router.get("/")
def first_page() -> Response:
    """The inbox."""
    return RedirectResponse(FIRST_PAGE, 303)


@router.get("/ind")
def sign_in_page(request: Request, naeste: str = FIRST_PAGE) -> Response:
    """The form; whoever is signed in goes on at once."""
    if access.is_signed_in(request):
        return view.done(request, naeste)
    return form(request, naeste)


@router.post("/ind")
def sign_in(
    request: Request, naeste: str = Form(FIRST_PAGE), name: str = Form(""), password: str = Form(""), csrf: str = Form(""),
    desk: Desk = Depends(desk),
) -> Response:
    """Sign in and go on to where one was going."""
    had_one = bool(request.session)
    if not access.is_genuine(request, csrf):
        if had_one:
            access.record_refusal(request, "form")
        return form(request, naeste, 403, name=name, problem=view.words_of("sign_in.too_old"))
    try:
        access.sign_in(request, desk.accounts.verify(name, password), "password")
    except WrongPassword:
        return form(request, naeste, 403, name=name, problem=view.words_of("sign_in.wrong"))
    except Locked as locked:
        return form(request, naeste, 403, name=name, problem=_until(locked))
    return view.done(request, naeste)


@router.post("/ud", dependencies=[Depends(access.genuine)])
def sign_out(request: Request) -> Response:
    """Sign out."""
    access.sign_out(request)
    return view.done(request, "/staff/ind", "sign_in.signed_out")


@router.get("/konto")
def account_page(request: Request, person: Person = Depends(access.reviewer)) -> Response:
    """One's own account: password and sessions."""
    return _account(request, person)


@router.post("/konto", dependencies=[Depends(access.genuine)])
def change_password(
    request: Request, password: str = Form(""), new: str = Form(""), again: str = Form(""),
    person: Person = Depends(access.reviewer), desk: Desk = Depends(desk),
) -> Response:
    """Change one's own password; one's other sessions end."""
    try:
        desk.accounts.verify(person.name, password)
        problem = "sign_in.account.not_the_same"
        if new == again:
            desk.accounts.change_password(person.name, new, person.name, get_session_id(request))
            return view.done(request, "/staff/konto", "sign_in.account.changed")
    except WrongPassword:
        problem = "sign_in.account.wrong"
    except Unfit as unfit:
        problem = f"sign_in.flaws.{unfit.flaw.value}"
    except Locked as locked:
        return _account(request, person, _until(locked))
    return _account(request, person, view.words_of(problem))


@router.post("/konto/andre", dependencies=[Depends(access.genuine)])
def end_others(request: Request, person: Person = Depends(access.reviewer), desk: Desk = Depends(desk)) -> Response:
    """End one's other sessions."""
    count = desk.sessions.end_others(person.name, get_session_id(request))
    return view.done(request, "/staff/konto", "sign_in.account.ended", count=count)


def form(request: Request, naeste: str, status: int = 200, name: str = "", problem: str = "") -> Response:
    """The sign-in page."""
    hospital = request.app.state.provider is not None
    return view.page(request, "sign_in.html", status, naeste=view.local(naeste), name=name, problem=problem, hospital=hospital)


def _account(request: Request, person: Person, problem: str = "") -> Response:
    office = desk(request)
    values: Any = {
        "account": office.accounts.find(person.name),
        "sessions": office.sessions.of(person.name),
        "here": key_of(get_session_id(request) or ""),
    }
    return view.page(request, "account.html", 422 if problem else 200, problem=problem, **values)


def _until(locked: Locked) -> str:
    return view.words_of("sign_in.locked").format(until=locked.until.astimezone(view.HERE).strftime("%H.%M"))
