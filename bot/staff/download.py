"""Files that staff take home: streamed, and harmless in a spreadsheet."""

from __future__ import annotations

from typing import Iterable, List

from fastapi.responses import StreamingResponse

from bot.store.export import Form, Row, as_text

_TYPES = {Form.CSV: "text/csv; charset=utf-8", Form.JSONL: "application/jsonl; charset=utf-8"}


def download(rows: Iterable[Row], form: Form, columns: List[str], name: str) -> StreamingResponse:
    """The rows as a file `name`.csv or .jsonl, written as they come."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{form.value}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(as_text(rows, form, columns), media_type=_TYPES[form], headers=headers)
